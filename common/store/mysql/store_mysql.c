/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/store/mysql/mysql_archive.h"
#include "common/store/mysql/mysql_dialect.h"
#include "common/store/mysql/mysql_durability.h"
#include "common/store/mysql/mysql_insert.h"
#include "common/store/mysql/mysql_move.h"
#include "common/store/mysql/mysql_session.h"
#include "common/store/mysql/store_mysql.h"

enum { MIGRATION_WAIT_S = 30 };

static struct store *mysql_create(void)
{
    return memory_allocate(1, sizeof(struct store_mysql));
}

static enum status mysql_connect(struct store *store)
{
    return mysql_session_open(store, &((struct store_mysql *)store)->session);
}

static void mysql_disconnect(struct store *store)
{
    mysql_session_close(mysql_session_of(store));
    ((struct store_mysql *)store)->session = NULL;
}

static enum status mysql_store_ping(struct store *store)
{
    return mysql_session_ping(mysql_session_of(store));
}

static enum status run(struct mysql_session *session, const char *sql)
{
    text_add(mysql_session_text(session), sql);
    return mysql_session_run(session, sql, NULL);
}

static void release_migration_lock(struct mysql_session *session)
{
    int64_t released;
    text_add(mysql_session_text(session),
             "SELECT RELEASE_LOCK(CONCAT('orders:', LEFT(DATABASE(), 57)))");
    /* If it fails the connection is broken, and the lock went with it. */
    enum status status =
        mysql_session_query_numbers(session, "release migration lock", &released, 1);
    (void)status;
}

/* Named after the database, within 64 characters. Asked for a second at a time, because a longer
 * wait would end in the socket's timeout. */
static enum status take_migration_lock(struct mysql_session *session)
{
    int64_t taken = 0;
    enum status status = STATUS_OK;
    for (int second = 0; second < MIGRATION_WAIT_S && status == STATUS_OK && taken != 1; second++) {
        text_add(mysql_session_text(session),
                 "SELECT GET_LOCK(CONCAT('orders:', LEFT(DATABASE(), 57)), 1)");
        status = mysql_session_query_numbers(session, "take migration lock", &taken, 1);
    }
    if (status == STATUS_OK && taken != 1) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, "take migration lock",
                                      "another process has been migrating for too long");
    }
    return status;
}

static enum status mysql_store_durability(struct store *store, struct durability_report *report)
{
    return mysql_durability(mysql_session_of(store), report);
}

static enum status mysql_migrate_begin(struct store *store, int *version)
{
    struct mysql_session *session = mysql_session_of(store);
    enum status status = take_migration_lock(session);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t reached = 0;
    status = run(session, "CREATE TABLE IF NOT EXISTS schema_versions ("
                          "version INT NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, "
                          "applied_at DATETIME(6) NOT NULL) "
                          "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    if (status == STATUS_OK) {
        text_add(mysql_session_text(session), "SELECT MAX(version) FROM schema_versions");
        status = mysql_session_query_numbers(session, "read version", &reached, 1);
    }
    if (status != STATUS_OK) {
        release_migration_lock(session);
    }
    *version = (int)reached;
    return status;
}

/* One statement at a time is sent; each ends with a semicolon that ends a line. */
static enum status run_script(struct mysql_session *session, const char *sql, const char *name)
{
    struct text *text = mysql_session_text(session);
    enum status status = STATUS_OK;
    for (const char *end; status == STATUS_OK && (end = strstr(sql, ";\n")) != NULL;
         sql = end + 2) {
        size_t len = (size_t)(end - sql);
        char *room = text_reserve(text, len);
        if (room != NULL) {
            memcpy(room, sql, len);
            text_extend(text, len);
        }
        status = mysql_session_run(session, name, NULL);
    }
    return status;
}

static enum status mysql_migrate_step(struct store *store, const struct schema_step *step)
{
    struct mysql_session *session = mysql_session_of(store);
    enum status status = run_script(session, step->sql, step->name);
    if (status != STATUS_OK) {
        return status;
    }
    struct text *text = mysql_session_text(session);
    text_add(text, "INSERT IGNORE INTO schema_versions VALUES (");
    text_add_signed(text, step->version);
    text_add(text, ", ");
    mysql_session_add_string(session, step->name, strlen(step->name));
    text_add(text, ", UTC_TIMESTAMP(6))");
    return mysql_session_run(session, "record version", NULL);
}

static enum status mysql_migrate_end(struct store *store, enum status outcome)
{
    release_migration_lock(mysql_session_of(store));
    return outcome;
}

/*
 * One statement decides, so that no other connection comes between reading and writing. The look at
 * the orders goes before it, so that it waits for no row another transaction inserts.
 */
static enum status mysql_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct mysql_session *session = mysql_session_of(store);
    struct text *text = mysql_session_text(session);
    uint64_t affected = 0;
    int64_t newest = 0;
    *first = 0;
    text_add(text, "SELECT GREATEST(COALESCE((SELECT MAX(id) FROM orders), 0), "
                   "COALESCE((SELECT MAX(id) FROM orders_archive), 0))");
    enum status status = mysql_session_query_numbers(session, "find newest id", &newest, 1);
    if (status != STATUS_OK) {
        return status;
    }
    text_add(text, "UPDATE id_blocks SET next_id = LAST_INSERT_ID(GREATEST(next_id, ");
    text_add_signed(text, newest + 1);
    text_add(text, ")) + ");
    text_add_unsigned(text, count);
    text_add(text, " WHERE name = 'orders'");
    status = mysql_session_run(session, "reserve ids", &affected);
    if (status == STATUS_OK && affected != 1) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, "reserve ids",
                                      "table id_blocks has no row for orders");
    }
    *first = status == STATUS_OK ? mysql_session_last_id(session) : 0;
    return status;
}

static enum status mysql_store_insert(struct store *store, struct store_insert entries[],
                                      size_t count)
{
    return mysql_insert(mysql_session_of(store), entries, count);
}

static enum status mysql_store_claim(struct store *store, order_id ids[], size_t *count,
                                     uint32_t delay_ms, uint64_t *age_ms)
{
    return mysql_claim(mysql_session_of(store), ids, count, delay_ms, age_ms);
}

static enum status mysql_store_claim_waiting(struct store *store, uint32_t min_age_ms,
                                             uint32_t delay_ms, order_id ids[], size_t max,
                                             size_t *count)
{
    return mysql_claim_waiting(mysql_session_of(store), min_age_ms, delay_ms, ids, max, count);
}

static enum status mysql_store_complete(struct store *store, const order_id ids[], size_t *count)
{
    return mysql_complete(mysql_session_of(store), ids, count);
}

static int compare_lookups(const void *left, const void *right)
{
    order_id a = (*(struct store_lookup *const *)left)->id;
    order_id b = (*(struct store_lookup *const *)right)->id;
    return (a > b) - (a < b);
}

/* Columns id, client_id, status. Clients are compared byte by byte. */
static void answer(struct store_lookup *lookup, const struct mysql_row *row)
{
    if (strlen(lookup->client_id) == row->lengths[1] &&
        memcmp(lookup->client_id, row->values[1], row->lengths[1]) == 0) {
        lookup->found = true;
        lookup->status = (enum order_status)strtol(row->values[2], NULL, 10);
    }
}

/* Answers those of `sorted`, which are in the order of their ids, whose orders `table` has. */
static enum status look_up_in(struct mysql_session *session, const char *table,
                              struct store_lookup *const sorted[], size_t count)
{
    order_id ids[STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ids[i] = sorted[i]->id;
    }
    text_add(mysql_session_text(session), "SELECT id, client_id, status FROM ");
    text_add(mysql_session_text(session), table);
    text_add(mysql_session_text(session), " FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(mysql_session_text(session), "id", ids, count);
    text_add(mysql_session_text(session), " ORDER BY id");
    enum status status = mysql_session_query(session, "lookup");
    struct mysql_row row;
    size_t i = 0;
    while (status == STATUS_OK && mysql_session_next(session, &row)) {
        order_id id = strtoull(row.values[0], NULL, 10);
        for (; i < count && ids[i] <= id; i++) {
            if (ids[i] == id) {
                answer(sorted[i], &row);
            }
        }
    }
    return status;
}

/* The archive second: an order may move there between the two queries, but never back. */
static enum status mysql_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    struct store_lookup *sorted[STORE_BATCH_MAX];
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &lookups[i];
    }
    qsort(sorted, count, sizeof sorted[0], compare_lookups);
    enum status status = look_up_in(mysql_session_of(store), "orders", sorted, count);
    for (size_t i = 0; i < count; i++) {
        if (!sorted[i]->found) {
            sorted[missing++] = sorted[i];
        }
    }
    return status == STATUS_OK && missing > 0
               ? look_up_in(mysql_session_of(store), "orders_archive", sorted, missing)
               : status;
}

static enum status mysql_store_archive(struct store *store, int64_t before_us, size_t max,
                                       order_id *position, size_t *moved, bool *more)
{
    return mysql_archive(mysql_session_of(store), before_us, max, position, moved, more);
}

static enum status mysql_store_forget_keys(struct store *store, int64_t before_us, size_t max,
                                           struct store_key_position *position, size_t *deleted,
                                           bool *more)
{
    return mysql_forget_keys(mysql_session_of(store), before_us, max, position, deleted, more);
}

static enum status mysql_counts(struct store *store, struct order_counts *counts)
{
    struct mysql_session *session = mysql_session_of(store);
    int64_t sums[4];
    text_add(mysql_session_text(session), "SELECT SUM(created), SUM(started), SUM(completed), "
                                          "SUM(duration_us) FROM counters");
    enum status status = mysql_session_query_numbers(session, "counts", sums, 4);
    *counts = (struct order_counts){.created = sums[0],
                                    .started = sums[1],
                                    .completed = sums[2],
                                    .duration_us = sums[3]};
    return status;
}

const struct store_ops store_mysql_ops = {
    .name = "mysql",
    .fragments = mysql_fragments,
    .create = mysql_create,
    .connect = mysql_connect,
    .disconnect = mysql_disconnect,
    .ping = mysql_store_ping,
    .durability = mysql_store_durability,
    .migrate_begin = mysql_migrate_begin,
    .migrate_step = mysql_migrate_step,
    .migrate_end = mysql_migrate_end,
    .reserve_ids = mysql_reserve_ids,
    .insert = mysql_store_insert,
    .claim = mysql_store_claim,
    .claim_waiting = mysql_store_claim_waiting,
    .complete = mysql_store_complete,
    .lookup = mysql_lookup,
    .counts = mysql_counts,
    .read = mysql_read,
    .archive = mysql_store_archive,
    .forget_keys = mysql_store_forget_keys,
    .snapshot_begin = mysql_snapshot_begin,
    .snapshot_end = mysql_snapshot_end,
    .repair = mysql_repair,
};
