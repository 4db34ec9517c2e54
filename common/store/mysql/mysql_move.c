/* SPDX-License-Identifier: MIT */
/* The two moves of orders for MySQL, each with its counter in one transaction. */
#include <string.h>

#include "common/store/mysql/store_mysql.h"

static void add_ids(struct mysql_session *session, const order_id ids[], size_t count)
{
    text_add(mysql_session_text(session), " WHERE ");
    sql_text_add_ids(mysql_session_text(session), "id", ids, count);
}

/* One of the two legal moves of orders, as SQL. */
struct move {
    const char *operation;
    const char *guard; /* which orders may be moved */
    uint32_t delay_ms; /* only for a claim */
    bool is_claim;
};

static struct move claim_move(uint32_t delay_ms)
{
    return (struct move){.operation = order_moves[ORDER_CLAIM].name,
                         .guard = " AND status = " ORDER_SQL_CLAIM_FROM,
                         .delay_ms = delay_ms,
                         .is_claim = true};
}

static struct move complete_move(void)
{
    return (struct move){.operation = order_moves[ORDER_COMPLETE].name,
                         .guard = " AND status = " ORDER_SQL_COMPLETE_FROM
                                  " AND due_at <= UTC_TIMESTAMP(6)"};
}

/*
 * A claim never starts before the order was created, even when the clock was set back in between,
 * so durations are never negative. No assignment reads a column that another one sets, since MySQL
 * evaluates them from left to right.
 */
static void write_update(struct mysql_session *session, const struct move *move,
                         const order_id ids[], size_t count)
{
    struct text *text = mysql_session_text(session);
    if (move->is_claim) {
        text_add(text, "UPDATE orders FORCE INDEX (PRIMARY) SET status = " ORDER_SQL_CLAIM_TO ", "
                       "started_at = GREATEST(UTC_TIMESTAMP(6), created_at), "
                       "due_at = GREATEST(UTC_TIMESTAMP(6), created_at) + INTERVAL ");
        text_add_unsigned(text, (uint64_t)move->delay_ms * 1000);
        text_add(text, " MICROSECOND");
    } else {
        text_add(text,
                 "UPDATE orders FORCE INDEX (PRIMARY) SET status = " ORDER_SQL_COMPLETE_TO ", "
                 "completed_at = UTC_TIMESTAMP(6)");
    }
    add_ids(session, ids, count);
    text_add(text, move->guard);
}

/* Right when this transaction has moved every one of `ids`; else it is undone. */
static void write_count(struct mysql_session *session, const struct move *move,
                        const order_id ids[], size_t count)
{
    struct text *text = mysql_session_text(session);
    text_add(text, move->is_claim ? "UPDATE counters SET started = started + "
                                  : "UPDATE counters SET completed = completed + ");
    text_add_unsigned(text, count);
    if (!move->is_claim) {
        text_add(text, ", duration_us = duration_us + COALESCE((SELECT "
                       "SUM(TIMESTAMPDIFF(MICROSECOND, created_at, completed_at)) "
                       "FROM orders FORCE INDEX (PRIMARY)");
        add_ids(session, ids, count);
        text_add(text, " AND status = " ORDER_SQL_COMPLETE_TO "), 0)");
    }
}

/* Moves those of `ids` that can be moved, and counts all. If `*moved` is not `count` the caller
 * must roll back. */
static enum status move_and_count(struct mysql_session *session, const struct move *move,
                                  const order_id ids[], size_t count, size_t *moved)
{
    write_update(session, move, ids, count);
    mysql_session_defer(session);
    write_count(session, move, ids, count);
    enum status status = mysql_session_count(session, move->operation);
    *moved = (size_t)mysql_session_deferred_rows(session);
    return status;
}

/* The same for orders that this transaction has locked. */
static enum status move_locked(struct mysql_session *session, const struct move *move,
                               const order_id ids[], size_t count)
{
    size_t moved;
    enum status status = move_and_count(session, move, ids, count, &moved);
    if (status == STATUS_OK && moved != count) {
        status =
            mysql_session_failed(session, STATUS_CONFLICT, move->operation,
                                 "orders that were locked could not be moved; nothing was changed");
    }
    return status;
}

/* Locks and keeps those of `ids` that can be moved, and moves them all. */
static enum status lock_and_move(struct mysql_session *session, const struct move *move,
                                 order_id ids[], size_t *count)
{
    struct text *text = mysql_session_text(session);
    text_add(text, "SELECT id FROM orders FORCE INDEX (PRIMARY)");
    add_ids(session, ids, *count);
    text_add(text, move->guard);
    text_add(text, " ORDER BY id FOR UPDATE");
    enum status status = mysql_session_query_ids(session, move->operation, ids, *count, count);
    return status == STATUS_OK && *count > 0 ? move_locked(session, move, ids, *count) : status;
}

/*
 * Moves all of `ids` that can be moved, in the transaction that is open, counts them, and leaves
 * them in `ids`. Normally all of them can, and it takes one round trip. When fewer were moved
 * MySQL does not say which (it has no UPDATE ... RETURNING), so that is rolled back and done again
 * in two steps: lock, then move.
 */
static enum status move_orders(struct mysql_session *session, const struct move *move,
                               order_id ids[], size_t *count)
{
    size_t moved;
    enum status status = move_and_count(session, move, ids, *count, &moved);
    if (status != STATUS_OK || moved == *count) {
        return status;
    }
    status = mysql_session_restart(session);
    return status == STATUS_OK ? lock_and_move(session, move, ids, count) : status;
}

static enum status read_age(struct mysql_session *session, order_id id, uint64_t *age_ms)
{
    int64_t age_us = 0;
    text_add(mysql_session_text(session),
             "SELECT TIMESTAMPDIFF(MICROSECOND, created_at, started_at) FROM orders");
    add_ids(session, &id, 1);
    enum status status = mysql_session_query_numbers(session, "read age", &age_us, 1);
    *age_ms = (uint64_t)age_us / 1000;
    return status;
}

enum status mysql_claim(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                        uint64_t *age_ms)
{
    struct mysql_session *session = mysql_session_of(store);
    struct move move = claim_move(delay_ms);
    mysql_session_begin(session);
    enum status status = move_orders(session, &move, ids, count);
    if (age_ms != NULL) {
        *age_ms = 0;
    }
    if (status == STATUS_OK && *count > 0 && age_ms != NULL) {
        status = read_age(session, ids[0], age_ms);
    }
    return mysql_session_end(session, status);
}

static enum status claim_oldest(struct mysql_session *session, const struct move *move,
                                struct store_claim_waiting *waiting)
{
    struct text *text = mysql_session_text(session);
    text_add(text,
             "SELECT id FROM orders FORCE INDEX (orders_open) "
             "WHERE status = " ORDER_SQL_CLAIM_FROM " AND due_at <= UTC_TIMESTAMP(6) - INTERVAL ");
    text_add_unsigned(text, (uint64_t)waiting->min_age_ms * 1000);
    text_add(text, " MICROSECOND ORDER BY due_at LIMIT ");
    text_add_unsigned(text, waiting->max);
    text_add(text, " FOR UPDATE SKIP LOCKED");
    enum status status = mysql_session_query_ids(session, "find waiting", waiting->ids,
                                                 waiting->max, &waiting->count);
    return status == STATUS_OK && waiting->count > 0
               ? move_locked(session, move, waiting->ids, waiting->count)
               : status;
}

enum status mysql_claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    struct mysql_session *session = mysql_session_of(store);
    struct move move = claim_move(waiting->delay_ms);
    mysql_session_begin(session);
    return mysql_session_end(session, claim_oldest(session, &move, waiting));
}

enum status mysql_complete(struct store *store, const order_id ids[], size_t *count)
{
    struct mysql_session *session = mysql_session_of(store);
    struct move move = complete_move();
    order_id moved[STORE_BATCH_MAX];
    memcpy(moved, ids, *count * sizeof ids[0]);
    mysql_session_begin(session);
    return mysql_session_end(session, move_orders(session, &move, moved, count));
}
