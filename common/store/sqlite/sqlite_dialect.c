/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_dialect.h"

#include <stddef.h>

#include "common/order/order_moves.h"

/*
 * Times are microseconds since the epoch. now_us() is a function that sqlite_session.c adds to the
 * connection, because SQLite's own clock has milliseconds; in a subquery it is asked once.
 */
const struct sql_fragment sqlite_fragments[] = {
    {"now", "(SELECT now_us())"},
    {"now_us", "now_us()"},
    {"us", "#"},
    {"time", "#"},
    {"ago", "(SELECT now_us()) - #"},
    {"happened", "#"},
    {"duration_us",
     "sum(CASE WHEN status = " ORDER_SQL_COMPLETED " THEN completed_at - created_at END)"},
    {"id", "#"},
    {"open_orders", "orders INDEXED BY orders_open WHERE completed_at IS NULL AND #"},
    {"schema_exists", "(SELECT count(*) FROM sqlite_schema WHERE name = 'schema_versions')"},
    {NULL, NULL},
};
