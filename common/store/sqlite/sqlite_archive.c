/* SPDX-License-Identifier: MIT */
/* Moving Completed orders to the archive, and deleting their idempotency keys, for SQLite. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

/*
 * Moves all that is old after the position, up to `last`. One connection writes at a time, so
 * nothing comes between copying and deleting.
 */
static enum status move_orders(struct sqlite_session *session, struct store_archive *archive,
                               int64_t last)
{
    const int64_t parameters[] = {(int64_t)archive->position, last, archive->before_us,
                                  clock_wall_us()};
    int64_t copied = 0;
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = sqlite_session_run(session, SQL_COPY_TO_ARCHIVE,
                                &(struct sqlite_numbers){.in = parameters, .in_count = 4});
    if (status == STATUS_OK) {
        copied = sqlite_session_changes(session);
        status = sqlite_session_run(session, SQL_DELETE_ARCHIVED,
                                    &(struct sqlite_numbers){.in = parameters, .in_count = 3});
    }
    if (status == STATUS_OK && copied != sqlite_session_changes(session)) {
        status = STATUS_CONFLICT;
    }
    status = sqlite_session_end_write(session, status);
    archive->moved = status == STATUS_OK ? (size_t)copied : 0;
    return status;
}

enum status sqlite_archive(struct store *store, struct store_archive *archive)
{
    struct sqlite_session *session = sqlite_session_of(store);
    const int64_t parameters[] = {(int64_t)archive->position, archive->before_us,
                                  (int64_t)archive->max};
    enum { LOOKED, LAST, OLD, COLUMNS };
    int64_t row[COLUMNS] = {0};
    enum status status = sqlite_session_run(session, SQL_LOOK_AT_ORDERS,
                                            &(struct sqlite_numbers){parameters, 3, row, COLUMNS});
    if (status == STATUS_OK && row[OLD] > 0) {
        status = move_orders(session, archive, row[LAST]);
    }
    if (status == STATUS_OK) {
        archive->position = row[LOOKED] > 0 ? (order_id)row[LAST] : archive->position;
        archive->more = row[LOOKED] == (int64_t)archive->max;
    }
    return status;
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
    const struct sqlite_value parameters[] = {sqlite_string_of(start.client_id),
                                              sqlite_string_of(start.key),
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

/* Up to the key `last`, or all, if there is none: `more` is false. */
static enum status delete_keys(struct sqlite_session *session, const struct store_forget_keys *keys,
                               const struct store_key_position *last, bool more)
{
    /* SQLite sorts bytes behind every text, so these are behind the last key. */
    const struct sqlite_value end = sqlite_bytes("", 0);
    const struct sqlite_value parameters[] = {sqlite_string_of(keys->position.client_id),
                                              sqlite_string_of(keys->position.key),
                                              more ? sqlite_string_of(last->client_id) : end,
                                              more ? sqlite_string_of(last->key) : end,
                                              sqlite_number(keys->before_us)};
    return sqlite_session_change(session, SQL_FORGET_KEYS, parameters, 5);
}

enum status sqlite_forget_keys(struct store *store, struct store_forget_keys *keys)
{
    struct sqlite_session *session = sqlite_session_of(store);
    struct store_key_position last = keys->position;
    bool more = false;
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = find_key(session, keys->max, &last, &more);
    if (status == STATUS_OK) {
        status = delete_keys(session, keys, &last, more);
    }
    size_t deleted = status == STATUS_OK ? (size_t)sqlite_session_changes(session) : 0;
    status = sqlite_session_end_write(session, status);
    if (status == STATUS_OK) {
        keys->position = last;
        keys->deleted = deleted;
        keys->more = more;
    }
    return status;
}
