/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_statements.h"

#include "common/store/store_backend.h"

#define COLUMNS                                                                                    \
    "id, client_id, user_id, item_ids, total_cents, status, created_at, started_at, due_at, "      \
    "completed_at"

/* What of the orders after ?1, up to ?2, goes to the archive. */
#define OLD "id > ?1 AND id <= ?2 AND status = " ORDER_SQL_COMPLETED " AND completed_at < ?3"

/*
 * `completed_at IS NULL` is what lets the planner use the partial index, and INDEXED BY what makes
 * it do so also when somebody has run ANALYZE at a time when most orders were open. A claim never
 * starts before the order was created, even when the clock was set back in between, so durations
 * are never negative.
 */
const char *const sqlite_statement_texts[SQL_STATEMENTS] = {
    [SQL_READ_SYNCHRONOUS] = "PRAGMA synchronous",
    [SQL_READ_JOURNAL_MODE] = "PRAGMA journal_mode",
    [SQL_READ_VERSION] = "SELECT ifnull(max(version), 0) FROM schema_versions",
    [SQL_RECORD_VERSION] = "INSERT INTO schema_versions VALUES (?1, ?2, ?3)",
    [SQL_RESERVE_IDS] = "UPDATE id_blocks SET next_id = ?1 + max(next_id, "
                        "(SELECT coalesce(max(id), 0) + 1 FROM orders), "
                        "(SELECT coalesce(max(id), 0) + 1 FROM orders_archive)) "
                        "WHERE name = 'orders' "
                        "RETURNING next_id - ?1",
    [SQL_INSERT_KEY] = "INSERT INTO idempotency_keys VALUES (?1, ?2, ?3, ?4, ?5) "
                       "ON CONFLICT DO NOTHING",
    [SQL_READ_KEY] = "SELECT order_id, fingerprint FROM idempotency_keys "
                     "WHERE client_id = ?1 AND idempotency_key = ?2",
    [SQL_INSERT_ORDER] =
        "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, "
        "status, created_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, " ORDER_SQL_PENDING ", ?6, ?6) "
        "ON CONFLICT (id) DO NOTHING",
    [SQL_IS_SAME_ORDER] = "SELECT 1 FROM orders WHERE id = ?1 AND client_id = ?2 AND user_id = ?3 "
                          "AND item_ids = ?4 AND total_cents = ?5",
    [SQL_CLAIM] =
        "UPDATE orders SET status = " ORDER_SQL_CLAIM_TO ", started_at = max(?2, created_at), "
        "due_at = max(?2, created_at) + ?3 WHERE id = ?1 AND status = " ORDER_SQL_CLAIM_FROM " "
        "RETURNING started_at - created_at",
    [SQL_CLAIM_WAITING] =
        "UPDATE orders SET status = " ORDER_SQL_CLAIM_TO ", started_at = max(?1, created_at), "
        "due_at = max(?1, created_at) + ?2 WHERE status = " ORDER_SQL_CLAIM_FROM " AND id IN "
        "(SELECT id FROM orders INDEXED BY orders_open "
        "WHERE completed_at IS NULL AND status = " ORDER_SQL_CLAIM_FROM " AND due_at <= ?3 "
        "ORDER BY due_at LIMIT ?4) RETURNING id",
    [SQL_COMPLETE] = "UPDATE orders SET status = " ORDER_SQL_COMPLETE_TO ", completed_at = ?2 "
                     "WHERE id = ?1 AND status = " ORDER_SQL_COMPLETE_FROM " AND due_at <= ?2 "
                     "RETURNING completed_at - created_at",
    [SQL_LOOKUP] = "SELECT status FROM orders WHERE id = ?1 AND client_id = ?2",
    [SQL_LOOKUP_ARCHIVED] = "SELECT status FROM orders_archive WHERE id = ?1 AND client_id = ?2",
    [SQL_LOOK_AT_ORDERS] =
        "SELECT count(*), max(id), count(CASE WHEN status = " ORDER_SQL_COMPLETED
        " AND completed_at < ?2 THEN 1 END) "
        "FROM (SELECT id, status, completed_at FROM orders WHERE id > ?1 ORDER BY id LIMIT ?3)",
    [SQL_COPY_TO_ARCHIVE] = "INSERT INTO orders_archive (" COLUMNS ", archived_at) "
                            "SELECT " COLUMNS ", ?4 FROM orders WHERE " OLD,
    [SQL_DELETE_ARCHIVED] = "DELETE FROM orders WHERE " OLD,
    [SQL_FIND_KEY] = "SELECT client_id, idempotency_key FROM idempotency_keys "
                     "WHERE (client_id, idempotency_key) > (?1, ?2) "
                     "ORDER BY client_id, idempotency_key LIMIT 1 OFFSET ?3",
    [SQL_FORGET_KEYS] =
        "DELETE FROM idempotency_keys WHERE (client_id, idempotency_key) > (?1, ?2) "
        "AND (client_id, idempotency_key) <= (?3, ?4) AND created_at < ?5 "
        "AND NOT EXISTS (SELECT 1 FROM orders WHERE id = order_id)",
    [SQL_COUNT] = "UPDATE counters SET created = created + ?1, started = started + ?2, "
                  "completed = completed + ?3, duration_us = duration_us + ?4 WHERE slot = 0",
    [SQL_COUNTS] = "SELECT sum(created), sum(started), sum(completed), sum(duration_us) "
                   "FROM counters",
    [SQL_MAKE_REPAIR_SLOT] = "INSERT INTO counters VALUES (" STORE_REPAIR_SLOT_TEXT
                             ", 0, 0, 0, 0) ON CONFLICT DO NOTHING",
    [SQL_REPAIR] = "UPDATE counters SET created = created + ?1, started = started + ?2, "
                   "completed = completed + ?3, duration_us = duration_us + ?4 "
                   "WHERE slot = " STORE_REPAIR_SLOT_TEXT
                   " AND created = ?5 AND started = ?6 AND completed = ?7 AND duration_us = ?8",
};
