/* SPDX-License-Identifier: MIT */
/* Moving Completed orders to the archive, and deleting their idempotency keys, for PostgreSQL. */
#include <stdio.h>
#include <string.h>

#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/store_postgres.h"

#define TIME(parameter) "timestamptz 'epoch' + " parameter "::bigint * interval '1 microsecond'"

#define COLUMNS                                                                                    \
    "id, client_id, user_id, item_ids, total_cents, status, created_at, started_at, due_at, "      \
    "completed_at"

static const char look_sql[] =
    "SELECT id, (status = " ORDER_SQL_COMPLETED
    " AND completed_at < " TIME("$2") ")::int FROM orders "
                                      "WHERE id > $1::bigint ORDER BY id LIMIT $3::bigint";

/* One statement, so what is deleted is what is kept. An order that another has moved meanwhile is
 * not deleted again, and so not moved. */
static const char move_sql[] =
    "WITH moved AS (DELETE FROM orders WHERE id = ANY ($1::bigint[]) "
    "AND status = " ORDER_SQL_COMPLETED " "
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

/* A step of the walk over the orders. */
struct batch {
    order_id last; /* that was looked at */
    size_t looked; /* how many were */
    size_t count;  /* of these that may be moved */
    order_id ids[STORE_BATCH_MAX];
};

static enum status look(struct postgres_session *session, const struct store_archive *archive,
                        struct batch *batch)
{
    const struct postgres_value parameters[] = {postgres_number((int64_t)archive->position),
                                                postgres_number(archive->before_us),
                                                postgres_number((int64_t)archive->max)};
    batch->last = archive->position;
    batch->looked = 0;
    batch->count = 0;
    enum status status = postgres_session_run(session, "find old orders", look_sql, parameters, 3);
    if (status != STATUS_OK) {
        return status;
    }
    for (; batch->looked < postgres_session_rows(session); batch->looked++) {
        batch->last = (order_id)postgres_session_number(session, batch->looked, 0);
        if (postgres_session_number(session, batch->looked, 1) == 1) {
            batch->ids[batch->count++] = batch->last;
        }
    }
    return STATUS_OK;
}

enum status postgres_archive(struct store *store, struct store_archive *archive)
{
    struct postgres_session *session = postgres_session_of(store);
    struct batch batch;
    size_t moved = 0;
    enum status status = look(session, archive, &batch);
    if (status == STATUS_OK && batch.count > 0) {
        struct text *array = postgres_session_array(session, 0);
        postgres_array_set_ids(array, batch.ids, batch.count);
        const struct postgres_value parameters[] = {postgres_array(array)};
        status = postgres_session_run(session, "archive", move_sql, parameters, 1);
        moved = status == STATUS_OK ? (size_t)postgres_session_number(session, 0, 0) : 0;
    }
    if (status == STATUS_OK) {
        archive->position = batch.last;
        archive->moved = moved;
        archive->more = batch.looked == archive->max;
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

enum status postgres_forget_keys(struct store *store, struct store_forget_keys *keys)
{
    struct postgres_session *session = postgres_session_of(store);
    struct store_key_position last = keys->position;
    struct postgres_value parameters[5] = {text_value(session, 0, last.client_id),
                                           text_value(session, 1, last.key),
                                           postgres_number((int64_t)keys->max - 1)};
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
    parameters[2] = postgres_number(keys->before_us);
    status = postgres_session_run(session, "delete old keys",
                                  behind ? forget_up_to_sql : forget_rest_sql, parameters,
                                  behind ? 5 : 3);
    if (status == STATUS_OK) {
        keys->position = last;
        keys->deleted = (size_t)postgres_session_number(session, 0, 0);
        keys->more = behind;
    }
    return status;
}
