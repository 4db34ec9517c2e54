/* SPDX-License-Identifier: MIT */
/*
 * From the body of POST /order to an order, by the rules of the wire contract. Pure but for memory
 * cJSON may take to decode a user id with escapes.
 */
#ifndef API_SERVICE_ORDER_JSON_H
#define API_SERVICE_ORDER_JSON_H

#include "api-service/problem.h"
#include "common/json_check.h"
#include "common/order.h"
#include "common/status.h"

enum { ORDER_JSON_ERRORS_MAX = 16 };

struct order_json_errors {
    struct json_error json; /* STATUS_INVALID: where the text stops being JSON, and why */
    struct field_error fields[ORDER_JSON_ERRORS_MAX]; /* STATUS_CONFLICT: what is wrong with it */
    size_t field_count;
};

/*
 * STATUS_OK: fills `order`'s user id, items (borrowed from `body`) and total; the rest stays as it
 * is. STATUS_INVALID: not JSON (400). STATUS_CONFLICT: JSON, but not an order (422), with at least
 * one error. STATUS_UNAVAILABLE: no memory.
 */
MUST_CHECK enum status order_json_read(const char *body, size_t len, struct order *order,
                                       struct order_json_errors *errors);

#endif
