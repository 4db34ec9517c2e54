/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_archive.h"

#include <stdio.h>
#include <string.h>

#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/postgres_move.h"

#define TIME(parameter) "timestamptz 'epoch' + " parameter "::bigint * interval '1 microsecond'"

#define COLUMNS                                                                                    \
    "id, client_id, user_id, item_ids, total_cents, status, created_at, started_at, due_at, "      \
    "completed_at"

static const char look_sql[] = "SELECT id, (status = 2 AND completed_at < " TIME(
    "$2") ")::int FROM orders "
          "WHERE id > $1::bigint ORDER BY id LIMIT $3::bigint";

/* One statement, so what is deleted is what is kept. An order that another has moved meanwhile is
 * not deleted again, and so not moved. */
static const char move_sql[] =
    "WITH moved AS (DELETE FROM orders WHERE id = ANY ($1::bigint[]) AND status = 2 "
    "RETURNING " COLUMNS "), kept AS (INSERT INTO orders_archive (" COLUMNS ", archived_at) "
    "SELECT " COLUMNS ", statement_timestamp() FROM moved RETURNING 1) SELECT count(*) FROM kept";

#define BEHIND "(client_id, idempotency_key) > (($1::text[])[1], ($2::text[])[1])"

static const char find_keys_sql[] = "SELECT client_id, idempotency_key FROM idempotency_keys "
                                    "WHERE " BEHIND " ORDER BY client_id, idempotency_key "
                                    "LIMIT 1 OFFSET $3::bigint";

/* Counting keeps the planner from reading all orders to compare them with the few keys. */
#define FORGET(up_to)                                                                              \
    "WITH gone AS (DELETE FROM idempotency_keys AS k WHERE " BEHIND up_to                          \
    " AND created_at < " TIME(                                                                     \
        "$3") " AND "                                                                              \
              "(SELECT count(*) FROM orders AS o WHERE o.id = k.order_id) = 0 RETURNING 1) "       \
              "SELECT count(*) FROM gone"

static const char forget_up_to_sql[] =
    FORGET(" AND (client_id, idempotency_key) <= (($4::text[])[1], ($5::text[])[1])");
static const char forget_rest_sql[] = FORGET("");

static enum status look(struct postgres_session *session, int64_t before_us, size_t max,
                        order_id *position, order_id ids[], size_t *count)
{
    const struct postgres_value parameters[] = {postgres_number((int64_t)*position),
                                                postgres_number(before_us),
                                                postgres_number((int64_t)max)};
    *count = 0;
    enum status status = postgres_session_run(session, "find old orders", look_sql, parameters, 3);
    for (size_t row = 0; status == STATUS_OK && row < postgres_session_rows(session); row++) {
        *position = (order_id)postgres_session_number(session, row, 0);
        if (postgres_session_number(session, row, 1) == 1) {
            ids[(*count)++] = *position;
        }
    }
    return status;
}

enum status postgres_archive(struct postgres_session *session, int64_t before_us, size_t max,
                             order_id *position, size_t *moved, bool *more)
{
    order_id ids[STORE_BATCH_MAX];
    order_id last = *position;
    size_t count;
    enum status status = look(session, before_us, max, &last, ids, &count);
    if (status != STATUS_OK) {
        return status;
    }
    bool behind = postgres_session_rows(session) == max;
    if (count > 0) {
        struct text *array = postgres_session_array(session, 0);
        postgres_array_set_ids(array, ids, count);
        const struct postgres_value parameters[] = {postgres_array(array)};
        status = postgres_session_run(session, "archive", move_sql, parameters, 1);
        count = status == STATUS_OK ? (size_t)postgres_session_number(session, 0, 0) : 0;
    }
    if (status == STATUS_OK) {
        *position = last;
        *moved = count;
        *more = behind;
    }
    return status;
}

/* As a parameter of its own: an array of one. */
static struct postgres_value text_value(struct postgres_session *session, size_t index,
                                        const char *text)
{
    struct text *array = postgres_session_array(session, index);
    postgres_array_start(array, POSTGRES_TEXT, 1);
    postgres_array_add_bytes(array, text, strlen(text));
    return postgres_array(array);
}

enum status postgres_forget_keys(struct postgres_session *session, int64_t before_us, size_t max,
                                 struct store_key_position *position, size_t *deleted, bool *more)
{
    struct store_key_position last = *position;
    struct postgres_value parameters[5] = {text_value(session, 0, position->client_id),
                                           text_value(session, 1, position->key),
                                           postgres_number((int64_t)max - 1)};
    enum status status =
        postgres_session_run(session, "find old keys", find_keys_sql, parameters, 3);
    if (status != STATUS_OK) {
        return status;
    }
    bool behind = postgres_session_rows(session) == 1;
    if (behind) {
        snprintf(last.client_id, sizeof last.client_id, "%s", postgres_session_text(session, 0, 0));
        snprintf(last.key, sizeof last.key, "%s", postgres_session_text(session, 0, 1));
        parameters[3] = text_value(session, 2, last.client_id);
        parameters[4] = text_value(session, 3, last.key);
    }
    parameters[2] = postgres_number(before_us);
    status = postgres_session_run(session, "delete old keys",
                                  behind ? forget_up_to_sql : forget_rest_sql, parameters,
                                  behind ? 5 : 3);
    if (status == STATUS_OK) {
        *position = last;
        *deleted = (size_t)postgres_session_number(session, 0, 0);
        *more = behind;
    }
    return status;
}
