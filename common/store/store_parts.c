/* SPDX-License-Identifier: MIT */
#include "common/store/store_parts.h"

#include <string.h>

#include "common/order/order_moves.h"
#include "common/store/store_read.h"

enum status store_parts_try_move(struct store *store)
{
    order_id nobodys = ORDER_ID_MAX;
    size_t count = 1;
    return store->ops->claim(store, &nobodys, &count, 0, NULL);
}

/* Whether others would go. A right may be missing only for what a trigger does with one order: then
 * one that is not there can be claimed. */
static bool is_about_data(struct store *store, enum status status)
{
    if (status == STATUS_REFUSED && store_refusal_is_of_rights(store)) {
        return store_parts_try_move(store) == STATUS_OK;
    }
    return status == STATUS_INVALID || status == STATUS_TOO_LARGE ||
           status == STATUS_ALREADY_EXISTS; /* in a table of a trigger */
}

/* `count` of those that are asked for, beginning with the one at `from`. */
static enum status claim_part(struct store *store, struct store_parts *parts, size_t from,
                              size_t count)
{
    order_id *ids = parts->ids + parts->moved;
    size_t moved = count;
    memcpy(ids, parts->asked->ids + from, count * sizeof ids[0]);
    enum status status = store->ops->claim(store, ids, &moved, parts->delay_ms,
                                           parts->moved == 0 ? parts->age_ms : NULL);
    if (!is_about_data(store, status)) {
        parts->moved += status == STATUS_OK ? moved : 0;
        return status;
    }
    if (count == 1) {
        return STATUS_OK;
    }
    status = claim_part(store, parts, from, count / 2);
    return status == STATUS_OK ? claim_part(store, parts, from + count / 2, count - count / 2)
                               : status;
}

enum status store_parts_claim(struct store *store, struct store_parts *parts)
{
    parts->moved = 0;
    enum status status = claim_part(store, parts, 0, parts->asked->count);
    if (parts->moved == 0 && parts->age_ms != NULL) {
        *parts->age_ms = 0;
    }
    return status;
}

static enum status keep_id(void *context, const struct store_value values[])
{
    struct store_claim_waiting *waiting = context;
    waiting->ids[waiting->count++] = (order_id)values[0].number;
    return STATUS_OK;
}

/* Without locking them: several callers may find the same. */
static enum status find_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    static const enum store_type number = STORE_INT64;
    const struct store_value age = store_int64((int64_t)waiting->min_age_ms * 1000);
    const struct store_query query = {
        .name = "find waiting",
        .sql = "SELECT id FROM {open_orders:status = " ORDER_SQL_CLAIM_FROM
               "} AND due_at <= {ago:?} ORDER BY due_at",
        .parameters = &age,
        .parameter_count = 1,
        .columns = &number,
        .column_count = 1,
        .rows_max = waiting->max,
    };
    struct store_rows rows = {.row = keep_id, .context = waiting};
    waiting->count = 0;
    enum status status = store_read_connected(store, &query, &rows);
    return status == STATUS_TIMEOUT ? STATUS_UNAVAILABLE : status;
}

/* The oldest may be the one that is refused, and would be the oldest again. */
enum status store_parts_claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    struct store_asked asked;
    enum status status = store->ops->claim_waiting(store, waiting);
    if (!is_about_data(store, status)) {
        return status;
    }
    status = find_waiting(store, waiting);
    if (status != STATUS_OK || waiting->count == 0) {
        return status;
    }
    order_id_sort(waiting->ids, waiting->count);
    store_check_asked(&asked, waiting->ids, waiting->count);
    struct store_parts parts = {.asked = &asked,
                                .ids = waiting->ids,
                                .delay_ms = waiting->delay_ms};
    status = store_parts_claim(store, &parts);
    waiting->count = parts.moved;
    return status;
}

enum status store_parts_complete(struct store *store, const order_id ids[], size_t *count)
{
    size_t first = *count / 2;
    size_t second = *count - first;
    enum status status = store->ops->complete(store, ids, count);
    if (!is_about_data(store, status)) {
        return status;
    }
    *count = 0;
    if (first == 0) {
        return STATUS_OK;
    }
    const order_id *rest = ids + first;
    status = store_parts_complete(store, ids, &first);
    if (status == STATUS_OK) {
        status = store_parts_complete(store, rest, &second);
    }
    *count = status == STATUS_OK ? first + second : 0;
    return status;
}

enum status store_parts_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    enum status status = store->ops->lookup(store, lookups, count);
    if (status != STATUS_TOO_LARGE || count == 1) {
        return status;
    }
    status = store_parts_lookup(store, lookups, count / 2);
    return status == STATUS_OK ? store_parts_lookup(store, lookups + count / 2, count - count / 2)
                               : status;
}
