/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/base/memory.h"
#include "common/store/postgres/postgres_archive.h"
#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/postgres_dialect.h"
#include "common/store/postgres/postgres_durability.h"
#include "common/store/postgres/postgres_insert.h"
#include "common/store/postgres/postgres_move.h"
#include "common/store/postgres/postgres_session.h"
#include "common/store/postgres/store_postgres.h"

enum { MIGRATION_TRIES = 15 }; /* each ends after the session's lock_timeout of 2 s */

/* Locks of this kind belong to one database. The number is the word "orders" in ASCII. */
static const int64_t migration_lock = 0x6f7264657273;

static struct store *postgres_create(void)
{
    return memory_allocate(1, sizeof(struct store_postgres));
}

static enum status postgres_connect(struct store *store)
{
    return postgres_session_open(store, &((struct store_postgres *)store)->session);
}

static void postgres_disconnect(struct store *store)
{
    postgres_session_close(postgres_session_of(store));
    ((struct store_postgres *)store)->session = NULL;
}

static enum status run(struct postgres_session *session, const char *operation, const char *sql)
{
    return postgres_session_run(session, operation, sql, NULL, 0);
}

static enum status postgres_ping(struct store *store)
{
    return run(postgres_session_of(store), "ping", "SELECT 1");
}

static enum status postgres_store_durability(struct store *store, struct durability_report *report)
{
    return postgres_durability(postgres_session_of(store), report);
}

/* The lock ends with the transaction, whatever ends that. */
static enum status begin_with_lock(struct postgres_session *session)
{
    const struct postgres_value lock = postgres_number(migration_lock);
    enum status status = STATUS_CONFLICT;
    for (int i = 0; i < MIGRATION_TRIES && status == STATUS_CONFLICT; i++) {
        status = postgres_session_begin(session);
        if (status == STATUS_OK) {
            status = postgres_session_run(session, "take migration lock",
                                          "SELECT pg_advisory_xact_lock($1)", &lock, 1);
        }
        if (status != STATUS_OK) {
            status = postgres_session_end(session, status);
        }
    }
    if (status == STATUS_CONFLICT) {
        status = postgres_session_failed(session, STATUS_UNAVAILABLE, "take migration lock",
                                         "another process has been migrating for too long");
    }
    return status;
}

static enum status postgres_migrate_begin(struct store *store, int *version)
{
    struct postgres_session *session = postgres_session_of(store);
    enum status status = begin_with_lock(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = run(session, "make schema_versions",
                 "CREATE TABLE IF NOT EXISTS schema_versions (version int PRIMARY KEY, "
                 "name text NOT NULL, applied_at timestamptz NOT NULL)");
    if (status == STATUS_OK) {
        status = run(session, "read version", "SELECT max(version) FROM schema_versions");
    }
    if (status != STATUS_OK) {
        return postgres_session_end(session, status);
    }
    *version = (int)postgres_session_number(session, 0, 0);
    return STATUS_OK;
}

static enum status postgres_migrate_step(struct store *store, const struct schema_step *step)
{
    struct postgres_session *session = postgres_session_of(store);
    enum status status = postgres_session_script(session, step->name, step->sql);
    if (status != STATUS_OK) {
        return status;
    }
    struct text *name = postgres_session_array(session, 0);
    postgres_array_start(name, POSTGRES_TEXT, 1);
    postgres_array_add_bytes(name, step->name, strlen(step->name));
    const struct postgres_value row[] = {postgres_number(step->version), postgres_array(name)};
    return postgres_session_run(session, "record version",
                                "INSERT INTO schema_versions "
                                "VALUES ($1::bigint, ($2::text[])[1], statement_timestamp())",
                                row, 2);
}

static enum status postgres_migrate_end(struct store *store, enum status outcome)
{
    return postgres_session_end(postgres_session_of(store), outcome);
}

static enum status postgres_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct postgres_session *session = postgres_session_of(store);
    const struct postgres_value step = postgres_number(count);
    enum status status =
        postgres_session_run(session, "reserve ids",
                             "UPDATE id_blocks SET next_id = $1::bigint + greatest(next_id, "
                             "(SELECT coalesce(max(id), 0) + 1 FROM orders), "
                             "(SELECT coalesce(max(id), 0) + 1 FROM orders_archive)) "
                             "WHERE name = 'orders' RETURNING next_id - $1::bigint",
                             &step, 1);
    *first = 0;
    if (status != STATUS_OK) {
        return status;
    }
    if (postgres_session_rows(session) != 1) {
        return postgres_session_failed(session, STATUS_UNAVAILABLE, "reserve ids",
                                       "table id_blocks has no row for orders");
    }
    *first = (order_id)postgres_session_number(session, 0, 0);
    return STATUS_OK;
}

static enum status postgres_store_insert(struct store *store, struct store_insert entries[],
                                         size_t count)
{
    return postgres_insert(postgres_session_of(store), entries, count);
}

static enum status postgres_store_claim(struct store *store, order_id ids[], size_t *count,
                                        uint32_t delay_ms, uint64_t *age_ms)
{
    return postgres_claim(postgres_session_of(store), ids, count, delay_ms, age_ms);
}

static enum status postgres_store_claim_waiting(struct store *store, uint32_t min_age_ms,
                                                uint32_t delay_ms, order_id ids[], size_t max,
                                                size_t *count)
{
    return postgres_claim_waiting(postgres_session_of(store), min_age_ms, delay_ms, ids, max,
                                  count);
}

static enum status postgres_store_complete(struct store *store, const order_id ids[], size_t *count)
{
    return postgres_complete(postgres_session_of(store), ids, count);
}

#define LOOKUP(table)                                                                              \
    "SELECT l.place, o.status FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY "              \
    "AS l (id, client_id, place) JOIN " table " o ON o.id = l.id AND o.client_id = l.client_id"

/*
 * Asks for all of `lookups`. The rows are the places, from 1, of those that
 * found their order now, and its status.
 */
static enum status look_up_with(struct postgres_session *session, const char *sql,
                                struct store_lookup *lookups[], size_t count)
{
    struct text *ids = postgres_session_array(session, 0);
    struct text *clients = postgres_session_array(session, 1);
    postgres_array_start(ids, POSTGRES_BIGINT, count);
    postgres_array_start(clients, POSTGRES_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_bigint(ids, (int64_t)lookups[i]->id);
        postgres_array_add_bytes(clients, lookups[i]->client_id, strlen(lookups[i]->client_id));
    }
    const struct postgres_value columns[] = {postgres_array(ids), postgres_array(clients)};
    enum status status = postgres_session_run_prepared(session, "lookup", sql, columns, 2);
    for (size_t row = 0; status == STATUS_OK && row < postgres_session_rows(session); row++) {
        struct store_lookup *lookup = lookups[postgres_session_number(session, row, 0) - 1];
        lookup->found = true;
        lookup->status = (enum order_status)postgres_session_number(session, row, 1);
    }
    return status;
}

/* The archive second: an order may move there between the two queries, but never back. */
static enum status postgres_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    struct store_lookup *asked[STORE_BATCH_MAX];
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        asked[i] = &lookups[i];
    }
    enum status status = look_up_with(postgres_session_of(store), LOOKUP("orders"), asked, count);
    for (size_t i = 0; i < count; i++) {
        if (!lookups[i].found) {
            asked[missing++] = &lookups[i];
        }
    }
    return status == STATUS_OK && missing > 0
               ? look_up_with(postgres_session_of(store), LOOKUP("orders_archive"), asked, missing)
               : status;
}

static enum status postgres_store_archive(struct store *store, int64_t before_us, size_t max,
                                          order_id *position, size_t *moved, bool *more)
{
    return postgres_archive(postgres_session_of(store), before_us, max, position, moved, more);
}

static enum status postgres_store_forget_keys(struct store *store, int64_t before_us, size_t max,
                                              struct store_key_position *position, size_t *deleted,
                                              bool *more)
{
    return postgres_forget_keys(postgres_session_of(store), before_us, max, position, deleted,
                                more);
}

static enum status postgres_counts(struct store *store, struct order_counts *counts)
{
    struct postgres_session *session = postgres_session_of(store);
    enum status status =
        postgres_session_run_prepared(session, "counts",
                                      "SELECT sum(created), sum(started), sum(completed), "
                                      "sum(duration_us) FROM counters",
                                      NULL, 0);
    *counts = (struct order_counts){0};
    if (status == STATUS_OK) {
        counts->created = postgres_session_number(session, 0, 0);
        counts->started = postgres_session_number(session, 0, 1);
        counts->completed = postgres_session_number(session, 0, 2);
        counts->duration_us = postgres_session_number(session, 0, 3);
    }
    return status;
}

const struct store_ops store_postgres_ops = {
    .name = "postgresql",
    .fragments = postgres_fragments,
    .create = postgres_create,
    .connect = postgres_connect,
    .disconnect = postgres_disconnect,
    .ping = postgres_ping,
    .durability = postgres_store_durability,
    .migrate_begin = postgres_migrate_begin,
    .migrate_step = postgres_migrate_step,
    .migrate_end = postgres_migrate_end,
    .reserve_ids = postgres_reserve_ids,
    .insert = postgres_store_insert,
    .claim = postgres_store_claim,
    .claim_waiting = postgres_store_claim_waiting,
    .complete = postgres_store_complete,
    .lookup = postgres_lookup,
    .counts = postgres_counts,
    .read = postgres_read,
    .archive = postgres_store_archive,
    .forget_keys = postgres_store_forget_keys,
    .snapshot_begin = postgres_snapshot_begin,
    .snapshot_end = postgres_snapshot_end,
    .repair = postgres_repair,
};
