/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/memory.h"
#include "common/store/postgres_array.h"
#include "common/store/postgres_durability.h"
#include "common/store/postgres_insert.h"
#include "common/store/postgres_move.h"
#include "common/store/postgres_session.h"
#include "common/store/store_backend.h"

enum {
    MIGRATION_TRIES = 15,  /* each ends after the session's lock_timeout of 2 s */
    RECOUNT_ROWS = 100000, /* rows in one query, so that each ends long before its timeout */
};

/* Locks of this kind belong to one database. The number is the word "orders" in ASCII. */
static const int64_t migration_lock = 0x6f7264657273;

struct store_postgres {
    struct store base;
    struct postgres_session *session; /* NULL when not connected */
};

static struct postgres_session *of(struct store *store)
{
    return ((struct store_postgres *)store)->session;
}

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
    postgres_session_close(of(store));
    ((struct store_postgres *)store)->session = NULL;
}

static enum status run(struct postgres_session *session, const char *operation, const char *sql)
{
    return postgres_session_run(session, operation, sql, NULL, 0);
}

static enum status postgres_ping(struct store *store)
{
    return run(of(store), "ping", "SELECT 1");
}

static enum status postgres_store_durability(struct store *store, struct durability_report *report)
{
    return postgres_durability(of(store), report);
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
    struct postgres_session *session = of(store);
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
    struct postgres_session *session = of(store);
    enum status status = postgres_session_script(session, step->name, step->sql);
    if (status != STATUS_OK) {
        return status;
    }
    struct sql_text *name = postgres_session_array(session, 0);
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
    return postgres_session_end(of(store), outcome);
}

static enum status postgres_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct postgres_session *session = of(store);
    const struct postgres_value step = postgres_number(count);
    enum status status =
        postgres_session_run(session, "reserve ids",
                             "UPDATE id_blocks SET next_id = $1::bigint + greatest(next_id, "
                             "(SELECT coalesce(max(id), 0) + 1 FROM orders)) "
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
    return postgres_insert(of(store), entries, count);
}

static enum status postgres_store_claim(struct store *store, order_id ids[], size_t *count,
                                        uint32_t delay_ms, uint64_t *age_ms)
{
    return postgres_claim(of(store), ids, count, delay_ms, age_ms);
}

static enum status postgres_store_claim_waiting(struct store *store, uint32_t min_age_ms,
                                                uint32_t delay_ms, order_id ids[], size_t max,
                                                size_t *count)
{
    return postgres_claim_waiting(of(store), min_age_ms, delay_ms, ids, max, count);
}

static enum status postgres_store_complete(struct store *store, const order_id ids[], size_t *count)
{
    return postgres_complete(of(store), ids, count);
}

static enum status postgres_overdue(struct store *store, uint32_t grace_ms, order_id ids[],
                                    size_t max, size_t *count, bool *any_processing)
{
    struct postgres_session *session = of(store);
    const struct postgres_value limits[] = {postgres_number(grace_ms),
                                            postgres_number((int64_t)max)};
    enum status status =
        postgres_session_run(session, "find overdue",
                             "SELECT id FROM orders WHERE status = 1 AND due_at <= "
                             "statement_timestamp() - $1::bigint * interval '1 ms' "
                             "ORDER BY due_at LIMIT $2::bigint",
                             limits, 2);
    if (status != STATUS_OK) {
        return status;
    }
    postgres_move_read_ids(session, ids, max, count);
    *any_processing = *count > 0;
    if (*count == 0) {
        status = run(session, "find processing",
                     "SELECT EXISTS (SELECT FROM orders WHERE status = 1)::int");
        *any_processing = status == STATUS_OK && postgres_session_number(session, 0, 0) != 0;
    }
    return status;
}

/* The rows are the places, from 1, of the lookups that found their order, and its status. */
static enum status postgres_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    struct postgres_session *session = of(store);
    struct sql_text *ids = postgres_session_array(session, 0);
    struct sql_text *clients = postgres_session_array(session, 1);
    postgres_array_start(ids, POSTGRES_BIGINT, count);
    postgres_array_start(clients, POSTGRES_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_bigint(ids, (int64_t)lookups[i].id);
        postgres_array_add_bytes(clients, lookups[i].client_id, strlen(lookups[i].client_id));
    }
    const struct postgres_value columns[] = {postgres_array(ids), postgres_array(clients)};
    enum status status = postgres_session_run(
        session, "lookup",
        "SELECT l.place, o.status FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY "
        "AS l (id, client_id, place) JOIN orders o ON o.id = l.id AND o.client_id = l.client_id",
        columns, 2);
    for (size_t row = 0; status == STATUS_OK && row < postgres_session_rows(session); row++) {
        struct store_lookup *lookup = &lookups[postgres_session_number(session, row, 0) - 1];
        lookup->found = true;
        lookup->status = (enum order_status)postgres_session_number(session, row, 1);
    }
    return status;
}

static enum status postgres_counts(struct store *store, struct order_counts *counts)
{
    struct postgres_session *session = of(store);
    enum status status =
        run(session, "counts",
            "SELECT sum(created), sum(started), sum(completed), sum(duration_us) FROM counters");
    *counts = (struct order_counts){0};
    if (status == STATUS_OK) {
        counts->created = postgres_session_number(session, 0, 0);
        counts->started = postgres_session_number(session, 0, 1);
        counts->completed = postgres_session_number(session, 0, 2);
        counts->duration_us = postgres_session_number(session, 0, 3);
    }
    return status;
}

/* Adds up the rows part by part, in the order of their ids. */
static enum status recount_rows(struct postgres_session *session, struct order_counts *recounted)
{
    static const char sql[] =
        "SELECT count(*), count(*) FILTER (WHERE status >= 1), count(*) FILTER (WHERE status = 2), "
        "(extract(epoch FROM sum(completed_at - created_at)) * 1000000)::bigint, max(id) "
        "FROM (SELECT id, status, created_at, completed_at FROM orders WHERE id > $1::bigint "
        "ORDER BY id LIMIT $2::bigint) AS part";
    int64_t last = 0;
    int64_t rows = 0;
    *recounted = (struct order_counts){0};
    do {
        const struct postgres_value part[] = {postgres_number(last), postgres_number(RECOUNT_ROWS)};
        enum status status = postgres_session_run(session, "recount", sql, part, 2);
        if (status != STATUS_OK) {
            return status;
        }
        rows = postgres_session_number(session, 0, 0);
        recounted->created += rows;
        recounted->started += postgres_session_number(session, 0, 1);
        recounted->completed += postgres_session_number(session, 0, 2);
        recounted->duration_us += postgres_session_number(session, 0, 3);
        last = postgres_session_number(session, 0, 4);
    } while (rows == RECOUNT_ROWS);
    return STATUS_OK;
}

static enum status postgres_recount(struct store *store, struct order_counts *counts,
                                    struct order_counts *recounted)
{
    struct postgres_session *session = of(store);
    enum status status = postgres_session_begin_snapshot(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = postgres_counts(store, counts);
    if (status == STATUS_OK) {
        status = recount_rows(session, recounted);
    }
    return postgres_session_end(session, status);
}

const struct store_ops store_postgres_ops = {
    .name = "postgresql",
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
    .overdue = postgres_overdue,
    .lookup = postgres_lookup,
    .counts = postgres_counts,
    .recount = postgres_recount,
};
