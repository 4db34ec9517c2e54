/* SPDX-License-Identifier: MIT */
/*
 * From the body of POST /order to an order, by the rules of the wire contract. Pure but for memory
 * cJSON may take to decode a user id with escapes.
 */
#ifndef API_SERVICE_ROUTES_ORDER_JSON_H
#define API_SERVICE_ROUTES_ORDER_JSON_H

#include "common/base/json_check.h"
#include "common/base/status.h"
#include "common/http/problem.h"
#include "common/order/order.h"

enum { ORDER_JSON_ERRORS_MAX = 16 };

struct order_json_errors {
    struct json_error json;                           /* where the text stops being JSON, and why */
    struct field_error fields[ORDER_JSON_ERRORS_MAX]; /* what is wrong with the order */
    size_t field_count;
};

enum order_json_result {
    ORDER_JSON_OK,
    ORDER_JSON_NOT_JSON,     /* 400 */
    ORDER_JSON_NOT_AN_ORDER, /* 422: JSON, with at least one error in `fields` */
    ORDER_JSON_NO_MEMORY,    /* 503 */
};

/*
 * ORDER_JSON_OK: fills `order`'s user id, items (borrowed from `body`) and total; the rest stays as
 * it is. Otherwise `errors` says what is wrong.
 */
MUST_CHECK enum order_json_result order_json_read(const char *body, size_t len, struct order *order,
                                                  struct order_json_errors *errors);

#endif
