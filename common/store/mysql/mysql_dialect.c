/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_dialect.h"

#include <stddef.h>

#include "common/store/mysql/store_mysql.h"

#define EPOCH "TIMESTAMP'1970-01-01 00:00:00'"

const struct sql_fragment mysql_fragments[] = {
    {"now", "UTC_TIMESTAMP(6)"},
    {"now_us", "TIMESTAMPDIFF(MICROSECOND, " EPOCH ", UTC_TIMESTAMP(6))"},
    {"us", "TIMESTAMPDIFF(MICROSECOND, " EPOCH ", NULLIF(#, " MYSQL_NEVER "))"},
    {"time", EPOCH " + INTERVAL # MICROSECOND"},
    {"ago", "UTC_TIMESTAMP(6) - INTERVAL # MICROSECOND"},
    {"happened", "NULLIF(#, " MYSQL_NEVER ")"},
    {"duration_us", "SUM(CASE WHEN status = " ORDER_SQL_COMPLETED
                    " THEN TIMESTAMPDIFF(MICROSECOND, created_at, completed_at) END)"},
    {"id", "GREATEST(#, 0)"}, /* ids are unsigned in this schema: there are none below zero */
    {"open_orders", "orders FORCE INDEX (orders_open) WHERE #"},
    {"schema_exists", "(SELECT COUNT(*) FROM information_schema.tables "
                      "WHERE table_schema = DATABASE() AND table_name = 'schema_versions')"},
    {NULL, NULL},
};
