/* SPDX-License-Identifier: MIT */
/*
 * The two moves of orders for PostgreSQL. Each is one guarded statement that moves the rows, counts
 * them and returns them, and so one transaction.
 */
#include <assert.h>

#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/store_postgres.h"

/*
 * A claim never starts before the order was created, even when the clock was set back in between,
 * so durations are never negative. The time is that of the statement: one for all its rows, and the
 * one its guard compares with. (now() would be that of the transaction's start.)
 *
 * A row that another transaction holds is waited for, and the guard is then asked again of what it
 * has become. The counter comes after the rows, because its CTE has to read all of `moved` first.
 *
 * "status + 0" keeps the guard from being taken for the predicate of a partial index: with old
 * statistics the planner would read all open orders to find a few by their ids.
 */
#define CLAIM(ids)                                                                                 \
    "moved AS (UPDATE orders SET status = " ORDER_SQL_CLAIM_TO ", "                                \
    "started_at = greatest(statement_timestamp(), created_at), "                                   \
    "due_at = greatest(statement_timestamp(), created_at) + $2::bigint * interval '1 ms' "         \
    "WHERE id = ANY (" ids ") AND status + 0 = " ORDER_SQL_CLAIM_FROM " "                          \
    "RETURNING id, started_at - created_at AS age), "                                              \
    "counted AS (INSERT INTO counters AS c (slot, started) "                                       \
    "SELECT pg_backend_pid() % 64, count(*) FROM moved HAVING count(*) > 0 "                       \
    "ON CONFLICT (slot) DO UPDATE SET started = c.started + excluded.started) "                    \
    "SELECT id, (extract(epoch FROM age) * 1000000)::bigint FROM moved"

static const char claim_sql[] = "WITH " CLAIM("$1::bigint[]");

/* `oldest` is run first, as an array, so that the rows are found by their primary key. */
static const char claim_waiting_sql[] =
    "WITH oldest AS MATERIALIZED (SELECT id FROM orders WHERE status = " ORDER_SQL_CLAIM_FROM " "
    "AND due_at <= statement_timestamp() - $1::bigint * interval '1 ms' "
    "ORDER BY due_at LIMIT $3::bigint FOR UPDATE SKIP LOCKED), " CLAIM(
        "ARRAY (SELECT id FROM oldest)");

static const char complete_sql[] =
    "WITH moved AS (UPDATE orders SET status = " ORDER_SQL_COMPLETE_TO
    ", completed_at = statement_timestamp() "
    "WHERE id = ANY ($1::bigint[]) AND status + 0 = " ORDER_SQL_COMPLETE_FROM
    " AND due_at <= statement_timestamp() "
    "RETURNING completed_at - created_at AS duration), "
    "counted AS (INSERT INTO counters AS c (slot, completed, duration_us) "
    "SELECT pg_backend_pid() % 64, count(*), "
    "(extract(epoch FROM sum(duration)) * 1000000)::bigint FROM moved HAVING count(*) > 0 "
    "ON CONFLICT (slot) DO UPDATE SET completed = c.completed + excluded.completed, "
    "duration_us = c.duration_us + excluded.duration_us) "
    "SELECT count(*) FROM moved";

static struct postgres_value id_array(struct postgres_session *session, const order_id ids[],
                                      size_t count)
{
    struct text *array = postgres_session_array(session, 0);
    postgres_array_set_ids(array, ids, count);
    return postgres_array(array);
}

/* Reads the first column of the last answer, at most `max` ids. */
static void read_ids(const struct postgres_session *session, order_id ids[], size_t max,
                     size_t *count)
{
    *count = postgres_session_rows(session);
    assert(*count <= max);
    for (size_t i = 0; i < *count; i++) {
        ids[i] = (order_id)postgres_session_number(session, i, 0);
    }
}

enum status postgres_claim(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                           uint64_t *age_ms)
{
    struct postgres_session *session = postgres_session_of(store);
    const struct postgres_value parameters[] = {id_array(session, ids, *count),
                                                postgres_number(delay_ms)};
    enum status status = postgres_session_run_prepared(session, "claim", claim_sql, parameters, 2);
    if (status != STATUS_OK) {
        return status;
    }
    read_ids(session, ids, *count, count);
    if (age_ms != NULL) {
        *age_ms = *count > 0 ? (uint64_t)postgres_session_number(session, 0, 1) / 1000 : 0;
    }
    return STATUS_OK;
}

enum status postgres_claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    struct postgres_session *session = postgres_session_of(store);
    const struct postgres_value parameters[] = {postgres_number(waiting->min_age_ms),
                                                postgres_number(waiting->delay_ms),
                                                postgres_number((int64_t)waiting->max)};
    enum status status =
        postgres_session_run(session, "claim waiting", claim_waiting_sql, parameters, 3);
    if (status == STATUS_OK) {
        read_ids(session, waiting->ids, waiting->max, &waiting->count);
    }
    return status;
}

enum status postgres_complete(struct store *store, const order_id ids[], size_t *count)
{
    struct postgres_session *session = postgres_session_of(store);
    const struct postgres_value parameters[] = {id_array(session, ids, *count)};
    enum status status =
        postgres_session_run_prepared(session, "complete", complete_sql, parameters, 1);
    if (status == STATUS_OK) {
        *count = (size_t)postgres_session_number(session, 0, 0);
    }
    return status;
}
