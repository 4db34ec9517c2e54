/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/store/store_backend.h"

enum {
    BUSY_TIMEOUT_MS = 3000, /* another process holds the file's write lock */
    BUSY_POLL_MS = 1,
};

enum sqlite_statement {
    SQL_BEGIN,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_RESERVE_IDS,
    SQL_INSERT_KEY,
    SQL_READ_KEY,
    SQL_INSERT_ORDER,
    SQL_CLAIM,
    SQL_CLAIM_WAITING,
    SQL_COMPLETE,
    SQL_OVERDUE,
    SQL_ANY_PROCESSING,
    SQL_LOOKUP,
    SQL_COUNT,
    SQL_COUNTS,
    SQL_RECOUNT,
    SQL_STATEMENTS,
};

/*
 * `completed_at IS NULL` is what lets the planner use the partial index. A claim never starts
 * before the order was created, even when the clock was set back in between, so durations are never
 * negative.
 */
static const char *const statement_texts[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_RESERVE_IDS] = "UPDATE id_blocks SET next_id = next_id + ?1 WHERE name = 'orders' "
                        "RETURNING next_id - ?1",
    [SQL_INSERT_KEY] = "INSERT INTO idempotency_keys VALUES (?1, ?2, ?3, ?4, ?5) "
                       "ON CONFLICT DO NOTHING",
    [SQL_READ_KEY] = "SELECT order_id, fingerprint FROM idempotency_keys "
                     "WHERE client_id = ?1 AND idempotency_key = ?2",
    [SQL_INSERT_ORDER] = "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, "
                         "status, created_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6) "
                         "ON CONFLICT (id) DO NOTHING",
    [SQL_CLAIM] = "UPDATE orders SET status = 1, started_at = max(?2, created_at), "
                  "due_at = max(?2, created_at) + ?3 WHERE id = ?1 AND status = 0 "
                  "RETURNING started_at - created_at",
    [SQL_CLAIM_WAITING] =
        "UPDATE orders SET status = 1, started_at = max(?1, created_at), "
        "due_at = max(?1, created_at) + ?2 WHERE status = 0 AND id IN "
        "(SELECT id FROM orders WHERE completed_at IS NULL AND status = 0 AND due_at <= ?3 "
        "ORDER BY due_at LIMIT ?4) RETURNING id",
    [SQL_COMPLETE] = "UPDATE orders SET status = 2, completed_at = ?2 "
                     "WHERE id = ?1 AND status = 1 AND due_at <= ?2 "
                     "RETURNING completed_at - created_at",
    [SQL_OVERDUE] = "SELECT id FROM orders WHERE completed_at IS NULL AND status = 1 "
                    "AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
    [SQL_ANY_PROCESSING] = "SELECT EXISTS (SELECT 1 FROM orders "
                           "WHERE completed_at IS NULL AND status = 1)",
    [SQL_LOOKUP] = "SELECT status FROM orders WHERE id = ?1 AND client_id = ?2",
    [SQL_COUNT] = "UPDATE counters SET created = created + ?1, started = started + ?2, "
                  "completed = completed + ?3, duration_us = duration_us + ?4 WHERE slot = 0",
    [SQL_COUNTS] = "SELECT sum(created), sum(started), sum(completed), sum(duration_us) "
                   "FROM counters",
    [SQL_RECOUNT] = "SELECT count(*), ifnull(sum(status >= 1), 0), ifnull(sum(status = 2), 0), "
                    "ifnull(sum(completed_at - created_at), 0) FROM orders",
};

struct store_sqlite {
    struct store base;
    sqlite3 *connection;
    sqlite3_stmt *statements[SQL_STATEMENTS];
};

/*
 * SQLite lets one connection write at a time and makes the others poll. The connections of this
 * process queue here instead, which wakes the next writer at once; polling is left to other
 * processes.
 */
static pthread_mutex_t write_turn = PTHREAD_MUTEX_INITIALIZER;

static enum status classify(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STATUS_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STATUS_CONFLICT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return STATUS_INVALID;
    default:
        return STATUS_UNAVAILABLE;
    }
}

static struct store_sqlite *of(struct store *store)
{
    return (struct store_sqlite *)store;
}

static enum status failed(struct store *store, int code, const char *operation)
{
    return store_failed(store, classify(code), operation, code,
                        sqlite3_errmsg(of(store)->connection));
}

/* Steps `index` once; the caller resets it. Its parameters are bound already. */
static int step(struct store *store, enum sqlite_statement index)
{
    return sqlite3_step(of(store)->statements[index]);
}

/* The statement, prepared on first use. STATUS_OK sets `*statement`, reset and without bindings. */
static enum status prepared(struct store *store, enum sqlite_statement index,
                            sqlite3_stmt **statement)
{
    struct store_sqlite *sqlite = of(store);
    *statement = NULL;
    if (sqlite->statements[index] == NULL) {
        int code = sqlite3_prepare_v3(sqlite->connection, statement_texts[index], -1,
                                      SQLITE_PREPARE_PERSISTENT, &sqlite->statements[index], NULL);
        if (code != SQLITE_OK) {
            return failed(store, code, statement_texts[index]);
        }
    }
    *statement = sqlite->statements[index];
    return STATUS_OK;
}

/* Runs a statement with up to four integer parameters; its first row goes to `row` if that is
 * asked. */
static enum status run(struct store *store, enum sqlite_statement index, const int64_t parameters[],
                       int parameter_count, int64_t row[], int columns)
{
    sqlite3_stmt *statement;
    enum status status = prepared(store, index, &statement);
    if (status != STATUS_OK) {
        return status;
    }
    for (int i = 0; i < parameter_count; i++) {
        sqlite3_bind_int64(statement, i + 1, parameters[i]);
    }
    int code = step(store, index);
    if (code == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            row[i] = sqlite3_column_int64(statement, i);
        }
        code = sqlite3_step(statement); /* an UPDATE with RETURNING ends only here */
    }
    status = classify(code) == STATUS_OK ? STATUS_OK : failed(store, code, statement_texts[index]);
    sqlite3_reset(statement);
    return status;
}

static enum status begin_write(struct store *store)
{
    pthread_mutex_lock(&write_turn);
    enum status status = run(store, SQL_BEGIN_WRITE, NULL, 0, NULL, 0);
    if (status != STATUS_OK) {
        pthread_mutex_unlock(&write_turn);
    }
    return status;
}

static void roll_back(struct store *store)
{
    /* SQLite rolls back by itself after some errors; only an open transaction needs the statement.
     */
    if (!sqlite3_get_autocommit(of(store)->connection)) {
        enum status status = run(store, SQL_ROLLBACK, NULL, 0, NULL, 0);
        (void)status;
    }
}

/* Commits if `status` is STATUS_OK, else rolls back; gives up the turn to write. */
static enum status end_write(struct store *store, enum status status)
{
    if (status == STATUS_OK) {
        status = run(store, SQL_COMMIT, NULL, 0, NULL, 0);
    }
    if (status != STATUS_OK) {
        roll_back(store);
    }
    pthread_mutex_unlock(&write_turn);
    return status;
}

static enum status count_moves(struct store *store, const struct order_counts *moved)
{
    int64_t parameters[] = {moved->created, moved->started, moved->completed, moved->duration_us};
    return run(store, SQL_COUNT, parameters, 4, NULL, 0);
}

static struct store *sqlite_create(void)
{
    return memory_allocate(1, sizeof(struct store_sqlite));
}

/* SQLite's own handler sleeps up to 100 ms between two looks, and a busy other process wins every
 * time. */
static int on_busy(void *context, int looks)
{
    (void)context;
    sqlite3_sleep(BUSY_POLL_MS);
    return looks < BUSY_TIMEOUT_MS / BUSY_POLL_MS;
}

/*
 * A new file changes to WAL under an exclusive lock, and for that lock SQLite does not wait: of
 * processes that open a new file together, some are told it is busy at once.
 */
static int set_durability(sqlite3 *connection)
{
    uint64_t give_up_ms = clock_monotonic_ms() + BUSY_TIMEOUT_MS;
    int code;
    do {
        code = sqlite3_exec(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                            NULL, NULL, NULL);
    } while (code == SQLITE_BUSY && clock_monotonic_ms() < give_up_ms && sqlite3_sleep(1) > 0);
    return code;
}

static enum status sqlite_connect(struct store *store)
{
    struct store_sqlite *sqlite = of(store);
    int code =
        sqlite3_open_v2(store->url.path, &sqlite->connection,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_handler(sqlite->connection, on_busy, NULL);
        code = set_durability(sqlite->connection);
    }
    return code == SQLITE_OK
               ? STATUS_OK
               : store_failed(store, STATUS_UNAVAILABLE, "open", code,
                              sqlite->connection != NULL ? sqlite3_errmsg(sqlite->connection)
                                                         : sqlite3_errstr(code));
}

static void sqlite_disconnect(struct store *store)
{
    struct store_sqlite *sqlite = of(store);
    for (int i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(sqlite->statements[i]);
        sqlite->statements[i] = NULL;
    }
    sqlite3_close(sqlite->connection);
    sqlite->connection = NULL;
}

static enum status sqlite_ping(struct store *store)
{
    int code = sqlite3_exec(of(store)->connection, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL,
                            NULL, NULL);
    return code == SQLITE_OK ? STATUS_OK : failed(store, code, "ping");
}

static enum status execute(struct store *store, const char *sql, const char *operation)
{
    int code = sqlite3_exec(of(store)->connection, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? STATUS_OK : failed(store, code, operation);
}

static enum status read_version(struct store *store, int *version)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(of(store)->connection,
                                  "SELECT ifnull(max(version), 0) FROM schema_versions", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        *version = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    }
    enum status status = code == SQLITE_ROW ? STATUS_OK : failed(store, code, "read version");
    sqlite3_finalize(statement);
    return status;
}

/* The whole migration is one transaction, and its write lock is the lock. */
static enum status sqlite_migrate_begin(struct store *store, int *version)
{
    enum status status = begin_write(store);
    if (status != STATUS_OK) {
        return status;
    }
    status = execute(store,
                     "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, "
                     "name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
                     "create schema_versions");
    if (status == STATUS_OK) {
        status = read_version(store, version);
    }
    return status == STATUS_OK ? STATUS_OK : end_write(store, status);
}

static enum status sqlite_migrate_step(struct store *store, const struct schema_step *schema_step)
{
    enum status status = execute(store, schema_step->sql, schema_step->name);
    if (status != STATUS_OK) {
        return status;
    }
    char *sql =
        sqlite3_mprintf("INSERT INTO schema_versions VALUES (%d, %Q, %lld)", schema_step->version,
                        schema_step->name, (long long)clock_wall_us());
    status = sql != NULL ? execute(store, sql, "record version") : STATUS_UNAVAILABLE;
    sqlite3_free(sql);
    return status;
}

static enum status sqlite_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    enum status status = begin_write(store);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t row = 0;
    status = run(store, SQL_RESERVE_IDS, (int64_t[]){count}, 1, &row, 1);
    if (status == STATUS_OK && row < 1) {
        status = store_failed(store, STATUS_UNAVAILABLE, "reserve ids", 0,
                              "table id_blocks has no row for orders");
    }
    status = end_write(store, status);
    *first = (order_id)row;
    return status;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text, size_t len)
{
    sqlite3_bind_text(statement, index, text, (int)len, SQLITE_STATIC);
}

/* Finds whose key it is when it was there before; sets stored_id and key_reused. */
static enum status read_key(struct store *store, struct store_insert *entry)
{
    const struct order *order = entry->order;
    sqlite3_stmt *statement;
    enum status status = prepared(store, SQL_READ_KEY, &statement);
    if (status != STATUS_OK) {
        return status;
    }
    bind_text(statement, 1, order->client_id, strlen(order->client_id));
    bind_text(statement, 2, order->idempotency_key, strlen(order->idempotency_key));
    int code = step(store, SQL_READ_KEY);
    if (code == SQLITE_ROW) {
        const void *fingerprint = sqlite3_column_blob(statement, 1);
        entry->stored_id = (order_id)sqlite3_column_int64(statement, 0);
        entry->key_reused = sqlite3_column_bytes(statement, 1) != ORDER_FINGERPRINT_SIZE ||
                            memcmp(fingerprint, order->fingerprint, ORDER_FINGERPRINT_SIZE) != 0;
    } else {
        status = failed(store, code, "read idempotency key");
    }
    sqlite3_reset(statement);
    return status;
}

static enum status insert_key(struct store *store, struct store_insert *entry, int64_t now)
{
    const struct order *order = entry->order;
    sqlite3_stmt *statement;
    enum status status = prepared(store, SQL_INSERT_KEY, &statement);
    if (status != STATUS_OK) {
        return status;
    }
    bind_text(statement, 1, order->client_id, strlen(order->client_id));
    bind_text(statement, 2, order->idempotency_key, strlen(order->idempotency_key));
    sqlite3_bind_int64(statement, 3, (int64_t)order->id);
    sqlite3_bind_blob(statement, 4, order->fingerprint, ORDER_FINGERPRINT_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, now);
    int code = step(store, SQL_INSERT_KEY);
    status = code == SQLITE_DONE ? STATUS_OK : failed(store, code, "insert idempotency key");
    sqlite3_reset(statement);
    if (status == STATUS_OK && sqlite3_changes(of(store)->connection) == 0) {
        status = read_key(store, entry);
    }
    return status;
}

static enum status insert_order(struct store *store, const struct order *order, int64_t now,
                                int64_t *created)
{
    sqlite3_stmt *statement;
    enum status status = prepared(store, SQL_INSERT_ORDER, &statement);
    if (status != STATUS_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (int64_t)order->id);
    bind_text(statement, 2, order->client_id, strlen(order->client_id));
    bind_text(statement, 3, order->user_id, order->user_id_len);
    bind_text(statement, 4, order->items_json, order->items_json_len);
    sqlite3_bind_int64(statement, 5, order->total_cents);
    sqlite3_bind_int64(statement, 6, now);
    int code = step(store, SQL_INSERT_ORDER);
    status = code == SQLITE_DONE ? STATUS_OK : failed(store, code, "insert order");
    *created += status == STATUS_OK ? sqlite3_changes(of(store)->connection) : 0;
    sqlite3_reset(statement);
    return status;
}

static enum status sqlite_insert(struct store *store, struct store_insert entries[], size_t count)
{
    enum status status = begin_write(store);
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (entries[i].order->idempotency_key[0] != '\0') {
            status = insert_key(store, &entries[i], now);
        }
        if (status == STATUS_OK && entries[i].stored_id == entries[i].order->id) {
            status = insert_order(store, entries[i].order, now, &moved.created);
        }
    }
    if (status == STATUS_OK) {
        status = count_moves(store, &moved);
    }
    return end_write(store, status);
}

static enum status sqlite_claim(struct store *store, order_id ids[], size_t *count,
                                uint32_t delay_ms, uint64_t *age_ms)
{
    enum status status = begin_write(store);
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    int64_t first_age_us = 0;
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        int64_t age_us = -1; /* no row is returned for an order that is not Pending */
        int64_t parameters[] = {(int64_t)ids[i], now, (int64_t)delay_ms * 1000};
        status = run(store, SQL_CLAIM, parameters, 3, &age_us, 1);
        if (age_us >= 0) {
            first_age_us = moved.started == 0 ? age_us : first_age_us;
            ids[moved.started++] = ids[i];
        }
    }
    if (status == STATUS_OK) {
        status = count_moves(store, &moved);
    }
    status = end_write(store, status);
    *count = (size_t)moved.started;
    if (age_ms != NULL) {
        *age_ms = (uint64_t)first_age_us / 1000;
    }
    return status;
}

/* Steps a statement that returns ids until its end or until `max`, which its LIMIT keeps. */
static enum status collect_ids(struct store *store, enum sqlite_statement index, order_id ids[],
                               size_t max, size_t *count)
{
    sqlite3_stmt *statement = of(store)->statements[index];
    int code = step(store, index);
    for (*count = 0; code == SQLITE_ROW && *count < max; code = step(store, index)) {
        ids[(*count)++] = (order_id)sqlite3_column_int64(statement, 0);
    }
    enum status status =
        code == SQLITE_DONE ? STATUS_OK : failed(store, code, statement_texts[index]);
    sqlite3_reset(statement);
    return status;
}

static enum status sqlite_claim_waiting(struct store *store, uint32_t min_age_ms, uint32_t delay_ms,
                                        order_id ids[], size_t max, size_t *count)
{
    enum status status = begin_write(store);
    if (status != STATUS_OK) {
        return status;
    }
    sqlite3_stmt *statement;
    int64_t now = clock_wall_us();
    status = prepared(store, SQL_CLAIM_WAITING, &statement);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(statement, 1, now);
        sqlite3_bind_int64(statement, 2, (int64_t)delay_ms * 1000);
        sqlite3_bind_int64(statement, 3, now - (int64_t)min_age_ms * 1000);
        sqlite3_bind_int64(statement, 4, (int64_t)max);
        status = collect_ids(store, SQL_CLAIM_WAITING, ids, max, count);
    }
    if (status == STATUS_OK && *count > 0) {
        status = count_moves(store, &(struct order_counts){.started = (int64_t)*count});
    }
    return end_write(store, status);
}

static enum status sqlite_complete(struct store *store, const order_id ids[], size_t *count)
{
    enum status status = begin_write(store);
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        int64_t duration_us = -1; /* no row is returned for an order that is not due */
        int64_t parameters[] = {(int64_t)ids[i], now};
        status = run(store, SQL_COMPLETE, parameters, 2, &duration_us, 1);
        if (duration_us >= 0) {
            moved.completed++;
            moved.duration_us += duration_us;
        }
    }
    if (status == STATUS_OK) {
        status = count_moves(store, &moved);
    }
    *count = (size_t)moved.completed;
    return end_write(store, status);
}

static enum status sqlite_overdue(struct store *store, uint32_t grace_ms, order_id ids[],
                                  size_t max, size_t *count, bool *any_processing)
{
    sqlite3_stmt *statement;
    enum status status = prepared(store, SQL_OVERDUE, &statement);
    if (status != STATUS_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, clock_wall_us() - (int64_t)grace_ms * 1000);
    sqlite3_bind_int64(statement, 2, (int64_t)max);
    status = collect_ids(store, SQL_OVERDUE, ids, max, count);
    if (status == STATUS_OK) {
        int64_t row = 0;
        status = run(store, SQL_ANY_PROCESSING, NULL, 0, &row, 1);
        *any_processing = row != 0;
    }
    return status;
}

static enum status look_up_one(struct store *store, struct store_lookup *lookup)
{
    sqlite3_stmt *statement;
    enum status status = prepared(store, SQL_LOOKUP, &statement);
    if (status != STATUS_OK) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (int64_t)lookup->id);
    bind_text(statement, 2, lookup->client_id, strlen(lookup->client_id));
    int code = step(store, SQL_LOOKUP);
    lookup->found = code == SQLITE_ROW;
    if (lookup->found) {
        lookup->status = (enum order_status)sqlite3_column_int(statement, 0);
    } else if (code != SQLITE_DONE) {
        status = failed(store, code, "lookup");
    }
    sqlite3_reset(statement);
    return status;
}

static enum status end_read(struct store *store, enum status status)
{
    enum status ended = STATUS_OK;
    if (status == STATUS_OK) {
        ended = run(store, SQL_COMMIT, NULL, 0, NULL, 0);
    } else {
        roll_back(store);
    }
    return status != STATUS_OK ? status : ended;
}

static enum status sqlite_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    enum status status = run(store, SQL_BEGIN, NULL, 0, NULL, 0);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = look_up_one(store, &lookups[i]);
    }
    return end_read(store, status);
}

static enum status read_counts(struct store *store, enum sqlite_statement index,
                               struct order_counts *counts)
{
    int64_t row[4] = {0};
    enum status status = run(store, index, NULL, 0, row, 4);
    *counts = (struct order_counts){.created = row[0],
                                    .started = row[1],
                                    .completed = row[2],
                                    .duration_us = row[3]};
    return status;
}

static enum status sqlite_counts(struct store *store, struct order_counts *counts)
{
    return read_counts(store, SQL_COUNTS, counts);
}

static enum status sqlite_recount(struct store *store, struct order_counts *counts,
                                  struct order_counts *recounted)
{
    enum status status = run(store, SQL_BEGIN, NULL, 0, NULL, 0);
    if (status != STATUS_OK) {
        return status;
    }
    status = read_counts(store, SQL_COUNTS, counts);
    if (status == STATUS_OK) {
        status = read_counts(store, SQL_RECOUNT, recounted);
    }
    return end_read(store, status);
}

const struct store_ops store_sqlite_ops = {
    .name = "sqlite",
    .create = sqlite_create,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .ping = sqlite_ping,
    .migrate_begin = sqlite_migrate_begin,
    .migrate_step = sqlite_migrate_step,
    .migrate_end = end_write,
    .reserve_ids = sqlite_reserve_ids,
    .insert = sqlite_insert,
    .claim = sqlite_claim,
    .claim_waiting = sqlite_claim_waiting,
    .complete = sqlite_complete,
    .overdue = sqlite_overdue,
    .lookup = sqlite_lookup,
    .counts = sqlite_counts,
    .recount = sqlite_recount,
};
