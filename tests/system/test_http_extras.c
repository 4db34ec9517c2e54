/* SPDX-License-Identifier: MIT */
/* The wire contract: metrics, idempotency keys, HEAD, and a database that is away. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"
#include "tests/system/http_fixture.h"

enum { LIMIT_MS = 10000 };

TestSuite(http_extras, .init = start, .fini = finish, .timeout = 60);

/* Metrics */

Test(http_extras, metrics_are_five_numbers_in_json)
{
    const struct http_response *response = http_get(client, "/metrics");
    expect_status(response, 200);
    expect_header(response, "Content-Type", "application/json");
    cr_assert_str_eq(response->body,
                     "{\"total_orders\":0,\"average_processing_time\":0,\"pending_orders\":0,"
                     "\"processing_orders\":0,\"completed_orders\":0}");
    post_good_order();
    post_good_order();
    cr_assert_eq(strncmp(http_get(client, "/metrics")->body, "{\"total_orders\":2,", 18), 0);
}

Test(http_extras, metrics_stay_json_unless_text_is_preferred_by_name)
{
    static const char *const accepts[] = {
        "Accept: */*",
        "Accept: application/json",
        "Accept: text/html",
        "Accept: application/json, text/plain;q=0.5",
        "Accept: text/plain;q=0",
    };
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        const struct http_response *response = get_with(client, accepts[i], "/metrics");
        expect_status(response, 200);
        expect_header(response, "Content-Type", "application/json");
    }
}

Test(http_extras, metrics_are_prometheus_text_when_preferred)
{
    const struct http_response *response =
        get_with(client, "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "/metrics");
    expect_status(response, 200);
    expect_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    cr_assert_not_null(strstr(response->body, "# TYPE orders_created_total counter\n"
                                              "orders_created_total 0\n"),
                       "%s", response->body);
    cr_assert_not_null(strstr(response->body, "\norders{status=\"completed\"} 0\n"));
    cr_assert_null(strstr(response->body, "# EOF"));
}

/* As Prometheus itself asks. */
Test(http_extras, metrics_are_openmetrics_text_when_preferred)
{
    const struct http_response *response =
        get_with(client,
                 "Accept: application/openmetrics-text;version=1.0.0;q=0.5,"
                 "text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
                 "/metrics");
    expect_status(response, 200);
    expect_header(response, "Content-Type",
                  "application/openmetrics-text; version=1.0.0; charset=utf-8");
    cr_assert_not_null(strstr(response->body, "# TYPE orders_created counter\n"
                                              "orders_created_total 0\n"),
                       "%s", response->body);
    cr_assert_str_eq(response->body + response->body_len - strlen("\n# EOF\n"), "\n# EOF\n");
}

/* Idempotency */

Test(http_extras, a_repeated_key_gives_the_same_order_and_stores_one)
{
    uint64_t id = expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER));
    cr_assert_eq(expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER)), id);
    cr_assert_eq(expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER)), id);
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 1);
    cr_assert_eq(ask_database("SELECT sum(created) FROM counters"), 1);
}

Test(http_extras, a_key_repeated_for_another_body_is_refused)
{
    expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER));
    const struct http_response *refusal = post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER " ");
    expect_problem(refusal, 422, "/order");
    cr_assert_not_null(strstr(refusal->body, "[\"header\",\"Idempotency-Key\"]"));
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 1);
}

Test(http_extras, other_keys_give_other_orders)
{
    uint64_t id = expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER));
    cr_assert_neq(expect_created(post_with("Idempotency-Key: K-1", EXPECT_GOOD_ORDER)), id);
    cr_assert_neq(post_good_order(), id);
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 3);
}

Test(http_extras, a_key_belongs_to_its_client)
{
    static const char *const headers[] = {"Idempotency-Key: k-1", NULL};
    start_other();
    uint64_t id = expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER));
    uint64_t others = expect_created(
        http_call(other, "POST", "/order", headers, EXPECT_GOOD_ORDER, strlen(EXPECT_GOOD_ORDER)));
    cr_assert_neq(others, id);
}

Test(http_extras, a_key_works_after_a_restart)
{
    uint64_t id = expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER));
    restart_killed();
    cr_assert_eq(expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER)), id);
}

Test(http_extras, a_key_that_is_no_key_is_a_bad_request)
{
    char long_key[300] = "Idempotency-Key: ";
    memset(long_key + strlen(long_key), 'k', 256);
    expect_problem(post_with(long_key, EXPECT_GOOD_ORDER), 400, "/order");
    expect_problem(post_with("Idempotency-Key: two words", EXPECT_GOOD_ORDER), 400, "/order");
    expect_problem(post_with("Idempotency-Key;", EXPECT_GOOD_ORDER), 400, "/order");
    long_key[strlen(long_key) - 1] = '\0';
    expect_created(post_with(long_key, EXPECT_GOOD_ORDER));
}

/* HEAD */

static void expect_head_like_get(const char *path)
{
    char length[32];
    char head_length[32];
    const struct http_response *response = http_get(client, path);
    long status = response->status;
    cr_assert(http_header(response, "Content-Length", length, sizeof length));
    response = http_call(client, "HEAD", path, NULL, NULL, 0);
    cr_assert_eq(response->status, status, "%s: %ld", path, response->status);
    cr_assert_eq(response->body_len, 0, "%s: %s", path, response->body);
    cr_assert(http_header(response, "Content-Length", head_length, sizeof head_length));
    cr_assert_str_eq(head_length, length, "%s", path);
}

Test(http_extras, head_answers_like_get_without_the_body)
{
    uint64_t id = post_good_order();
    char path[64];
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
    cr_assert(wait_until(any_is_processing, NULL, LIMIT_MS));
    expect_head_like_get(path);
    expect_head_like_get("/order/ORD999999999");
    expect_head_like_get("/metrics");
    expect_head_like_get("/livez");
    expect_head_like_get("/healthz");
    expect_head_like_get("/readyz");
}

/* The database is away: here, another program does not let go of the orders. */

Test(http_extras, an_order_the_database_does_not_take_gets_a_time_to_try_again)
{
    struct sql *sql = hold_orders();
    const struct http_response *response = post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER);
    expect_problem(response, 503, "/order");
    expect_header(response, "Retry-After", "1");
    release_orders(sql);
    expect_created(post_with("Idempotency-Key: k-1", EXPECT_GOOD_ORDER));
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 1);
}
