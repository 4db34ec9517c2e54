/* SPDX-License-Identifier: MIT */
#include "common/order/order.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *order_status_name(enum order_status status)
{
    static const char *const names[ORDER_STATUS_COUNT] = {
        [ORDER_PENDING] = "Pending",
        [ORDER_PROCESSING] = "Processing",
        [ORDER_COMPLETED] = "Completed",
    };
    assert((unsigned)status < ORDER_STATUS_COUNT);
    return names[status];
}

enum order_status order_status_of(int64_t number)
{
    return number >= 0 && number < ORDER_STATUS_COUNT ? (enum order_status)number
                                                      : ORDER_STATUS_COUNT;
}

size_t order_id_format(order_id id, char out[ORDER_ID_TEXT_SIZE])
{
    assert(id >= 1 && id <= ORDER_ID_MAX);
    int len = snprintf(out, ORDER_ID_TEXT_SIZE, "ORD%" PRIu64, id);
    assert(len > 0 && len < ORDER_ID_TEXT_SIZE);
    return (size_t)len;
}

bool order_id_parse(const char *text, size_t len, order_id *id)
{
    /* No leading zero, so an order has one name only, and 0 is none. */
    if (len < 4 || len >= ORDER_ID_TEXT_SIZE || memcmp(text, "ORD", 3) != 0 || text[3] == '0') {
        return false;
    }
    order_id value = 0; /* 19 digits fit a uint64_t, so this cannot wrap */
    for (size_t i = 3; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (order_id)(text[i] - '0');
    }
    if (value > ORDER_ID_MAX) {
        return false;
    }
    *id = value;
    return true;
}

static int compare_ids(const void *left, const void *right)
{
    order_id a = *(const order_id *)left;
    order_id b = *(const order_id *)right;
    return (a > b) - (a < b);
}

void order_id_sort(order_id ids[], size_t count)
{
    qsort(ids, count, sizeof ids[0], compare_ids);
}
