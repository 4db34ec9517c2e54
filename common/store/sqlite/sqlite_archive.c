/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_archive.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/store_backend.h"

#define COLUMNS                                                                                    \
    "id, client_id, user_id, item_ids, total_cents, status, created_at, started_at, due_at, "      \
    "completed_at"

static const char look_sql[] =
    "SELECT count(*), max(id), count(CASE WHEN status = 2 AND completed_at < ?2 THEN 1 END) FROM "
    "(SELECT id, status, completed_at FROM orders WHERE id > ?1 ORDER BY id LIMIT ?3)";

#define OLD "id > ?1 AND id <= ?2 AND status = 2 AND completed_at < ?3"

static const char copy_sql[] = "INSERT INTO orders_archive (" COLUMNS ", archived_at) "
                               "SELECT " COLUMNS ", ?4 FROM orders WHERE " OLD;
static const char delete_sql[] = "DELETE FROM orders WHERE " OLD;

/* All that is old behind `position` up to `last`. One connection writes at a time, so nothing
 * comes between copying and deleting. */
static enum status move_orders(struct sqlite_session *session, int64_t before_us, order_id position,
                               int64_t last, size_t *moved)
{
    const int64_t parameters[] = {(int64_t)position, last, before_us, clock_wall_us()};
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t copied = 0;
    int64_t deleted = 0;
    status = sqlite_session_ask(session, copy_sql, parameters, 4, NULL, NULL);
    if (status == STATUS_OK) {
        copied = sqlite_session_changes(session);
        status = sqlite_session_ask(session, delete_sql, parameters, 3, NULL, NULL);
    }
    if (status == STATUS_OK) {
        deleted = sqlite_session_changes(session);
        status = copied == deleted ? STATUS_OK : STATUS_CONFLICT;
    }
    status = sqlite_session_end_write(session, status);
    *moved = status == STATUS_OK ? (size_t)deleted : 0;
    return status;
}

enum status sqlite_archive(struct sqlite_session *session, int64_t before_us, size_t max,
                           order_id *position, size_t *moved, bool *more)
{
    const int64_t parameters[] = {(int64_t)*position, before_us, (int64_t)max};
    int64_t row[3] = {0};
    size_t rows;
    enum status status =
        sqlite_session_ask(session, look_sql, parameters, 3,
                           &(struct sqlite_table){.numbers = row, .columns = 3, .max = 1}, &rows);
    if (status == STATUS_OK && row[2] > 0) {
        status = move_orders(session, before_us, *position, row[1], moved);
    }
    if (status == STATUS_OK) {
        *position = row[0] > 0 ? (order_id)row[1] : *position;
        *more = row[0] == (int64_t)max;
    }
    return status;
}

static struct sqlite_value string_of(const char *text)
{
    return sqlite_string(text, strlen(text));
}

static void copy_column(struct sqlite_session *session, int column, char text[], size_t size)
{
    size_t len;
    const void *bytes = sqlite_session_column_bytes(session, column, &len);
    snprintf(text, size, "%.*s", (int)len, (const char *)bytes);
}

/* Brings `position` forward by `max` keys; `*more`: there are so many. */
static enum status find_key(struct sqlite_session *session, size_t max,
                            struct store_key_position *position, bool *more)
{
    const struct store_key_position start = *position;
    const struct sqlite_value parameters[] = {string_of(start.client_id), string_of(start.key),
                                              sqlite_number((int64_t)max - 1)};
    enum status status = sqlite_session_start(session, SQL_FIND_KEY, parameters, 3);
    if (status != STATUS_OK) {
        return status;
    }
    *more = sqlite_session_next(session);
    if (*more) {
        copy_column(session, 0, position->client_id, sizeof position->client_id);
        copy_column(session, 1, position->key, sizeof position->key);
    }
    return sqlite_session_finish(session);
}

enum status sqlite_forget_keys(struct sqlite_session *session, int64_t before_us, size_t max,
                               struct store_key_position *position, size_t *deleted, bool *more)
{
    struct store_key_position last = *position;
    bool behind = false;
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = find_key(session, max, &last, &behind);
    if (status == STATUS_OK) {
        /* SQLite sorts bytes behind every text, so these are behind the last key. */
        const struct sqlite_value end = sqlite_bytes("", 0);
        const struct sqlite_value parameters[] = {string_of(position->client_id),
                                                  string_of(position->key),
                                                  behind ? string_of(last.client_id) : end,
                                                  behind ? string_of(last.key) : end,
                                                  sqlite_number(before_us)};
        status = sqlite_session_start(session, SQL_FORGET_KEYS, parameters, 5);
        status = status == STATUS_OK ? sqlite_session_finish(session) : status;
    }
    size_t changes = status == STATUS_OK ? (size_t)sqlite_session_changes(session) : 0;
    status = sqlite_session_end_write(session, status);
    if (status == STATUS_OK) {
        *position = last;
        *deleted = changes;
        *more = behind;
    }
    return status;
}
