/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_dialect.h"

#include <stddef.h>

#include "common/order/order_moves.h"

#define US(time) "(extract(epoch FROM " time ") * 1000000)::bigint"

/* The statement's time, as in the other statements; now() would be that of the transaction. */
const struct sql_fragment postgres_fragments[] = {
    {"now", "statement_timestamp()"},
    {"now_us", US("statement_timestamp()")},
    {"us", US("#")},
    {"time", "timestamptz 'epoch' + #::bigint * interval '1 microsecond'"},
    {"ago", "statement_timestamp() - #::bigint * interval '1 microsecond'"},
    {"happened", "#"},
    {"duration_us",
     US("sum(CASE WHEN status = " ORDER_SQL_COMPLETED " THEN completed_at - created_at END)")},
    {"id", "#"},
    {"open_orders", "orders WHERE #"}, /* the condition is that of a partial index */
    {"schema_exists", "(to_regclass('schema_versions') IS NOT NULL)::int"},
    {NULL, NULL},
};
