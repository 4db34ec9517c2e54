/* SPDX-License-Identifier: MIT */
/*
 * What answers of order-api must look like by the wire contract. Each function fails the test with
 * the answer's own words when it does not; so none may be used from a thread.
 */
#ifndef TESTS_SUPPORT_EXPECT_H
#define TESTS_SUPPORT_EXPECT_H

#include <stdint.h>

#include "tests/support/http_client.h"

/* A body with all that an order needs. */
#define EXPECT_GOOD_ORDER "{\"user_id\":\"user123\",\"item_ids\":[101,102],\"total_amount\":250.75}"

void expect_status(const struct http_response *response, int status);

/* The header is there, with this value and no other. */
void expect_header(const struct http_response *response, const char *name, const char *value);

/* The answer to a stored order, exactly, with its Location. Returns the number of the order. */
uint64_t expect_created(const struct http_response *response);

/* The answer to a lookup, exactly. */
void expect_order(const struct http_response *response, uint64_t id, const char *order_status);

/* What GET /metrics shows in JSON. */
struct shown_metrics {
    int64_t total;
    int64_t pending;
    int64_t processing;
    int64_t completed;
    double average_s; /* from created to completed */
};

/* The answer to GET /metrics, exactly these five numbers. */
struct shown_metrics expect_metrics(const struct http_response *response);

/* The average is that of the completed orders, which took `duration_us` together. */
void expect_average(const struct shown_metrics *shown, int64_t duration_us);

/*
 * A problem as RFC 9457 has it: the content type, and the five members (`errors` may be with them
 * in a 422) of the right kinds, `status` and `instance` as said.
 */
void expect_problem(const struct http_response *response, int status, const char *instance);

/*
 * Among the errors of a 422 there is one for `member` (NULL: the body itself), at `index` of it
 * (-1: the member itself), with a message and the type `type`.
 */
void expect_field_error(const struct http_response *response, const char *member, int index,
                        const char *type);

#endif
