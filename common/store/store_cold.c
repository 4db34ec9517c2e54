/* SPDX-License-Identifier: MIT */
/* The operations of store.h that are nothing but a cold read or two. */
#include <assert.h>
#include <limits.h>

#include "common/base/log.h"
#include "common/order/order_moves.h"
#include "common/store/schema/schema.h"
#include "common/store/store.h"
#include "common/store/store_read.h"

static const enum store_type numbers[] = {STORE_INT64, STORE_INT64};

/* These have the session's own limit; a database that needs longer for so little is in trouble. */
static enum status read(struct store *store, const struct store_query *query,
                        struct store_rows *rows)
{
    enum status status = store_read(store, query, rows);
    return status == STATUS_TIMEOUT ? STATUS_UNAVAILABLE : status;
}

static enum status keep_number(void *context, const struct store_value values[])
{
    *(int64_t *)context = values[0].number;
    return STATUS_OK;
}

/* For statements with one row of one number. */
static enum status read_number(struct store *store, const char *name, const char *sql,
                               int64_t *number)
{
    const struct store_query query = {
        .name = name, .sql = sql, .columns = numbers, .column_count = 1, .rows_max = 1};
    struct store_rows rows = {.row = keep_number, .context = number};
    *number = 0;
    return read(store, &query, &rows);
}

enum status store_now(struct store *store, int64_t *now_us)
{
    return read_number(store, "read clock", "SELECT {now_us}", now_us);
}

struct versions {
    struct store_version *list;
    size_t count;
};

static enum status keep_version(void *context, const struct store_value values[])
{
    struct versions *versions = context;
    if (values[0].number < 1 || values[0].number > INT_MAX) {
        log_error("the table schema_versions has a version that no program made; delete its row",
                  log_int("version", values[0].number));
        return STATUS_INVALID;
    }
    versions->list[versions->count++] =
        (struct store_version){.version = (int)values[0].number,
                               .applied_at_s = values[1].number / 1000000};
    return STATUS_OK;
}

enum status store_versions(struct store *store, struct store_version versions[], size_t max,
                           size_t *count)
{
    const struct store_query query = {
        .name = "read versions",
        .sql = "SELECT version, {us:applied_at} FROM schema_versions ORDER BY version DESC",
        .columns = numbers,
        .column_count = 2,
        .rows_max = max,
    };
    struct versions kept = {.list = versions};
    struct store_rows rows = {.row = keep_version, .context = &kept};
    int64_t exists = 0;
    assert(max >= 1 && max <= SCHEMA_VERSIONS_MAX);
    *count = 0;
    enum status status = read_number(store, "look for versions", "SELECT {schema_exists}", &exists);
    if (status == STATUS_OK && exists != 0) {
        status = read(store, &query, &rows);
    }
    *count = status == STATUS_OK ? kept.count : 0;
    return status;
}

static enum status keep_id(void *context, const struct store_value values[])
{
    struct store_overdue *overdue = context;
    overdue->ids[overdue->count++] = (order_id)values[0].number;
    return STATUS_OK;
}

enum status store_overdue(struct store *store, struct store_overdue *overdue)
{
    const struct store_value grace = store_int64((int64_t)overdue->grace_ms * 1000);
    const struct store_query query = {
        .name = "find overdue",
        .sql = "SELECT id FROM {open_orders:status = " ORDER_SQL_PROCESSING
               "} AND due_at <= {ago:?} ORDER BY due_at",
        .parameters = &grace,
        .parameter_count = 1,
        .columns = numbers,
        .column_count = 1,
        .rows_max = overdue->max,
    };
    struct store_rows rows = {.row = keep_id, .context = overdue};
    int64_t any = 0;
    assert(overdue->max >= 1 && overdue->max <= STORE_BATCH_MAX);
    overdue->count = 0;
    overdue->any_processing = false;
    enum status status = read(store, &query, &rows);
    if (status == STATUS_OK && overdue->count == 0) {
        status = read_number(
            store, "find processing",
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM {open_orders:status = " ORDER_SQL_PROCESSING
            "}) THEN 1 ELSE 0 END",
            &any);
    }
    if (status != STATUS_OK) {
        overdue->count = 0;
        return status;
    }
    overdue->any_processing = overdue->count > 0 || any != 0;
    return STATUS_OK;
}
