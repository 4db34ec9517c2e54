/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/store/sqlite/sqlite_archive.h"
#include "common/store/sqlite/sqlite_dialect.h"
#include "common/store/sqlite/sqlite_durability.h"
#include "common/store/sqlite/sqlite_session.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

static struct store *sqlite_create(void)
{
    return memory_allocate(1, sizeof(struct store_sqlite));
}

static enum status sqlite_connect(struct store *store)
{
    return sqlite_session_open(store, sqlite_statement_texts, SQL_STATEMENTS,
                               &((struct store_sqlite *)store)->session);
}

static void sqlite_disconnect(struct store *store)
{
    sqlite_session_close(sqlite_session_of(store));
    ((struct store_sqlite *)store)->session = NULL;
}

static enum status sqlite_ping(struct store *store)
{
    return sqlite_session_script(sqlite_session_of(store), "SELECT 1 FROM sqlite_schema LIMIT 1",
                                 "ping");
}

static enum status sqlite_durability(struct store *store, struct durability_report *report)
{
    struct sqlite_session *session = sqlite_session_of(store);
    char journal_mode[DURABILITY_VALUE_SIZE] = "";
    int64_t synchronous = -1;
    enum status status =
        sqlite_session_run(session, SQL_READ_SYNCHRONOUS, NULL, 0, &synchronous, 1);
    if (status == STATUS_OK) {
        status = sqlite_session_start(session, SQL_READ_JOURNAL_MODE, NULL, 0);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_next(session)) {
        size_t len;
        const char *text = sqlite_session_column_bytes(session, 0, &len);
        (void)snprintf(journal_mode, sizeof journal_mode, "%.*s", (int)len, text);
    }
    *report = sqlite_durability_judge(synchronous, journal_mode,
                                      sqlite_durability_is_in_memory(store->url.path));
    return sqlite_session_finish(session);
}

/* A step is one transaction, and its write lock is the lock. */
static enum status sqlite_migrate_begin(struct store *store, int *version)
{
    struct sqlite_session *session = sqlite_session_of(store);
    int64_t reached = 0;
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = sqlite_session_script(
        session,
        "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, "
        "name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        "create schema_versions");
    if (status == STATUS_OK) {
        status = sqlite_session_run(session, SQL_READ_VERSION, NULL, 0, &reached, 1);
    }
    *version = (int)reached;
    return status == STATUS_OK ? STATUS_OK : sqlite_session_end_write(session, status);
}

/* Starts a statement that returns nothing and ends it. */
static enum status change(struct sqlite_session *session, enum sqlite_statement index,
                          const struct sqlite_value parameters[], size_t count)
{
    enum status status = sqlite_session_start(session, index, parameters, count);
    return status == STATUS_OK ? sqlite_session_finish(session) : status;
}

static enum status sqlite_migrate_step(struct store *store, const struct schema_step *step)
{
    enum status status = sqlite_session_script(sqlite_session_of(store), step->sql, step->name);
    if (status != STATUS_OK) {
        return status;
    }
    const struct sqlite_value parameters[] = {sqlite_number(step->version),
                                              sqlite_string(step->name, strlen(step->name)),
                                              sqlite_number(clock_wall_us())};
    return change(sqlite_session_of(store), SQL_RECORD_VERSION, parameters, 3);
}

static enum status sqlite_migrate_end(struct store *store, enum status outcome)
{
    return sqlite_session_end_write(sqlite_session_of(store), outcome);
}

static enum status count_moves(struct sqlite_session *session, const struct order_counts *moved)
{
    int64_t parameters[] = {moved->created, moved->started, moved->completed, moved->duration_us};
    return sqlite_session_run(session, SQL_COUNT, parameters, 4, NULL, 0);
}

static enum status sqlite_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    enum status status = sqlite_session_begin_write(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    int64_t row = 0;
    status = sqlite_session_run(sqlite_session_of(store), SQL_RESERVE_IDS, (int64_t[]){count}, 1,
                                &row, 1);
    if (status == STATUS_OK && row < 1) {
        status = store_failed(store, STATUS_UNAVAILABLE, "reserve ids", 0,
                              "table id_blocks has no row for orders");
    }
    status = sqlite_session_end_write(sqlite_session_of(store), status);
    *first = (order_id)row;
    return status;
}

static struct sqlite_value string_of(const char *text)
{
    return sqlite_string(text, strlen(text));
}

/* Finds whose key it is when it was there before; sets stored_id and key_reused. */
static enum status read_key(struct sqlite_session *session, struct store_insert *entry)
{
    const struct order *order = entry->order;
    const struct sqlite_value parameters[] = {string_of(order->client_id),
                                              string_of(order->idempotency_key)};
    enum status status = sqlite_session_start(session, SQL_READ_KEY, parameters, 2);
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_next(session)) {
        size_t len;
        const void *fingerprint = sqlite_session_column_bytes(session, 1, &len);
        entry->stored_id = (order_id)sqlite_session_column(session, 0);
        entry->key_reused = len != ORDER_FINGERPRINT_SIZE ||
                            memcmp(fingerprint, order->fingerprint, ORDER_FINGERPRINT_SIZE) != 0;
    }
    return sqlite_session_finish(session);
}

static enum status insert_key(struct sqlite_session *session, struct store_insert *entry,
                              int64_t now)
{
    const struct order *order = entry->order;
    const struct sqlite_value parameters[] = {
        string_of(order->client_id), string_of(order->idempotency_key),
        sqlite_number((int64_t)order->id), sqlite_bytes(order->fingerprint, ORDER_FINGERPRINT_SIZE),
        sqlite_number(now)};
    enum status status = change(session, SQL_INSERT_KEY, parameters, 5);
    return status == STATUS_OK && sqlite_session_changes(session) == 0 ? read_key(session, entry)
                                                                       : status;
}

/* An order that is there already is this one, stored by a commit whose answer was lost, or it is
 * another one. */
static enum status insert_order(struct sqlite_session *session, struct store_insert *entry,
                                int64_t now, int64_t *created)
{
    const struct order *order = entry->order;
    const struct sqlite_value parameters[] = {sqlite_number((int64_t)order->id),
                                              string_of(order->client_id),
                                              sqlite_string(order->user_id, order->user_id_len),
                                              sqlite_string(order->items_json,
                                                            order->items_json_len),
                                              sqlite_number(order->total_cents),
                                              sqlite_number(now)};
    enum status status = change(session, SQL_INSERT_ORDER, parameters, 6);
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_changes(session) > 0) {
        (*created)++;
        return STATUS_OK;
    }
    entry->id_in_use = true;
    if (entry->repeated) {
        status = sqlite_session_start(session, SQL_IS_SAME_ORDER, parameters, 5);
        if (status == STATUS_OK) {
            entry->id_in_use = !sqlite_session_next(session);
            status = sqlite_session_finish(session);
        }
    }
    return status;
}

/* Goes on behind an entry whose id is taken, to find all of them. */
static enum status insert_all(struct sqlite_session *session, struct store_insert entries[],
                              size_t count)
{
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    enum status status = STATUS_OK;
    bool any_in_use = false;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (entries[i].order->idempotency_key[0] != '\0') {
            status = insert_key(session, &entries[i], now);
        }
        if (status == STATUS_OK && entries[i].stored_id == entries[i].order->id) {
            status = insert_order(session, &entries[i], now, &moved.created);
        }
        any_in_use = any_in_use || entries[i].id_in_use;
    }
    if (status == STATUS_OK && any_in_use) {
        return STATUS_ALREADY_EXISTS;
    }
    return status == STATUS_OK ? count_moves(session, &moved) : status;
}

static enum status sqlite_insert(struct store *store, struct store_insert entries[], size_t count)
{
    enum status status = sqlite_session_begin_write(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    return sqlite_session_end_write(sqlite_session_of(store),
                                    insert_all(sqlite_session_of(store), entries, count));
}

static enum status sqlite_claim(struct store *store, order_id ids[], size_t *count,
                                uint32_t delay_ms, uint64_t *age_ms)
{
    enum status status = sqlite_session_begin_write(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    int64_t first_age_us = 0;
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        int64_t age_us = -1; /* no row is returned for an order that is not Pending */
        int64_t parameters[] = {(int64_t)ids[i], now, (int64_t)delay_ms * 1000};
        status = sqlite_session_run(sqlite_session_of(store), SQL_CLAIM, parameters, 3, &age_us, 1);
        if (age_us >= 0) {
            first_age_us = moved.started == 0 ? age_us : first_age_us;
            ids[moved.started++] = ids[i];
        }
    }
    if (status == STATUS_OK) {
        status = count_moves(sqlite_session_of(store), &moved);
    }
    status = sqlite_session_end_write(sqlite_session_of(store), status);
    *count = (size_t)moved.started;
    if (age_ms != NULL) {
        *age_ms = (uint64_t)first_age_us / 1000;
    }
    return status;
}

/* Runs a statement that returns ids, at most `max` of them: its LIMIT keeps that. */
static enum status collect_ids(struct sqlite_session *session, enum sqlite_statement index,
                               const struct sqlite_value parameters[], size_t parameter_count,
                               order_id ids[], size_t max, size_t *count)
{
    enum status status = sqlite_session_start(session, index, parameters, parameter_count);
    if (status != STATUS_OK) {
        return status;
    }
    for (*count = 0; *count < max && sqlite_session_next(session);) {
        ids[(*count)++] = (order_id)sqlite_session_column(session, 0);
    }
    return sqlite_session_finish(session);
}

static enum status sqlite_claim_waiting(struct store *store, uint32_t min_age_ms, uint32_t delay_ms,
                                        order_id ids[], size_t max, size_t *count)
{
    enum status status = sqlite_session_begin_write(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    int64_t now = clock_wall_us();
    const struct sqlite_value parameters[] = {sqlite_number(now),
                                              sqlite_number((int64_t)delay_ms * 1000),
                                              sqlite_number(now - (int64_t)min_age_ms * 1000),
                                              sqlite_number((int64_t)max)};
    status =
        collect_ids(sqlite_session_of(store), SQL_CLAIM_WAITING, parameters, 4, ids, max, count);
    if (status == STATUS_OK && *count > 0) {
        status = count_moves(sqlite_session_of(store),
                             &(struct order_counts){.started = (int64_t)*count});
    }
    return sqlite_session_end_write(sqlite_session_of(store), status);
}

static enum status sqlite_complete(struct store *store, const order_id ids[], size_t *count)
{
    enum status status = sqlite_session_begin_write(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        int64_t duration_us = -1; /* no row is returned for an order that is not due */
        int64_t parameters[] = {(int64_t)ids[i], now};
        status = sqlite_session_run(sqlite_session_of(store), SQL_COMPLETE, parameters, 2,
                                    &duration_us, 1);
        if (duration_us >= 0) {
            moved.completed++;
            moved.duration_us += duration_us;
        }
    }
    if (status == STATUS_OK) {
        status = count_moves(sqlite_session_of(store), &moved);
    }
    *count = (size_t)moved.completed;
    return sqlite_session_end_write(sqlite_session_of(store), status);
}

static enum status look_up_with(struct sqlite_session *session, enum sqlite_statement index,
                                struct store_lookup *lookup)
{
    const struct sqlite_value parameters[] = {sqlite_number((int64_t)lookup->id),
                                              string_of(lookup->client_id)};
    enum status status = sqlite_session_start(session, index, parameters, 2);
    if (status != STATUS_OK) {
        return status;
    }
    lookup->found = sqlite_session_next(session);
    if (lookup->found) {
        lookup->status = (enum order_status)sqlite_session_column(session, 0);
    }
    return sqlite_session_finish(session);
}

static enum status look_up_one(struct sqlite_session *session, struct store_lookup *lookup)
{
    enum status status = look_up_with(session, SQL_LOOKUP, lookup);
    return status == STATUS_OK && !lookup->found
               ? look_up_with(session, SQL_LOOKUP_ARCHIVED, lookup)
               : status;
}

static enum status sqlite_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    enum status status = sqlite_session_begin_read(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = look_up_one(sqlite_session_of(store), &lookups[i]);
    }
    return sqlite_session_end_read(sqlite_session_of(store), status);
}

static enum status sqlite_counts(struct store *store, struct order_counts *counts)
{
    int64_t row[4] = {0};
    enum status status = sqlite_session_run(sqlite_session_of(store), SQL_COUNTS, NULL, 0, row, 4);
    *counts = (struct order_counts){.created = row[0],
                                    .started = row[1],
                                    .completed = row[2],
                                    .duration_us = row[3]};
    return status;
}

static enum status sqlite_store_archive(struct store *store, int64_t before_us, size_t max,
                                        order_id *position, size_t *moved, bool *more)
{
    return sqlite_archive(sqlite_session_of(store), before_us, max, position, moved, more);
}

static enum status sqlite_store_forget_keys(struct store *store, int64_t before_us, size_t max,
                                            struct store_key_position *position, size_t *deleted,
                                            bool *more)
{
    return sqlite_forget_keys(sqlite_session_of(store), before_us, max, position, deleted, more);
}

const struct store_ops store_sqlite_ops = {
    .name = "sqlite",
    .fragments = sqlite_fragments,
    .create = sqlite_create,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .ping = sqlite_ping,
    .durability = sqlite_durability,
    .migrate_begin = sqlite_migrate_begin,
    .migrate_step = sqlite_migrate_step,
    .migrate_end = sqlite_migrate_end,
    .reserve_ids = sqlite_reserve_ids,
    .insert = sqlite_insert,
    .claim = sqlite_claim,
    .claim_waiting = sqlite_claim_waiting,
    .complete = sqlite_complete,
    .lookup = sqlite_lookup,
    .counts = sqlite_counts,
    .read = sqlite_read,
    .archive = sqlite_store_archive,
    .forget_keys = sqlite_store_forget_keys,
    .snapshot_begin = sqlite_snapshot_begin,
    .snapshot_end = sqlite_snapshot_end,
    .repair = sqlite_repair,
};
