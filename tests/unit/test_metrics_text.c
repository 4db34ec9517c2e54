/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api-service/routes/metrics_text.h"
#include "common/queue/queue_backend.h"

static struct http_response response;

static void finish(void)
{
    http_response_finish(&response);
    cr_assert_eq(response.status, 0);
}

TestSuite(metrics_text, .fini = finish);

static void check(enum metrics_form form, struct order_counts counts, const char *content_type,
                  const char *expected)
{
    metrics_text_fill(&response, form, &counts, NULL);
    cr_assert_eq(response.status, 200);
    cr_assert_str_eq(response.content_type, content_type);
    cr_assert_eq(response.body_len, strlen(expected), "%.*s", (int)response.body_len,
                 http_response_body(&response));
    cr_assert_arr_eq(http_response_body(&response), expected, response.body_len, "%.*s",
                     (int)response.body_len, http_response_body(&response));
    http_response_finish(&response);
}

static void check_json(struct order_counts counts, const char *expected)
{
    check(METRICS_JSON, counts, "application/json", expected);
}

Test(metrics_text, json_is_the_example_of_the_contract)
{
    check_json((struct order_counts){.created = 100,
                                     .started = 90,
                                     .completed = 85,
                                     .duration_us = 85 * INT64_C(2500000)},
               "{\"total_orders\":100,\"average_processing_time\":2.5,\"pending_orders\":10,"
               "\"processing_orders\":5,\"completed_orders\":85}");
}

Test(metrics_text, the_average_is_zero_without_completed_orders)
{
    check_json((struct order_counts){0},
               "{\"total_orders\":0,\"average_processing_time\":0,\"pending_orders\":0,"
               "\"processing_orders\":0,\"completed_orders\":0}");
}

Test(metrics_text, the_average_has_the_decimals_it_needs)
{
    static const struct {
        int64_t completed;
        int64_t duration_us;
        const char *average;
    } cases[] = {
        {1, 1, "0.000001"},  {1, 2000000, "2"},
        {1, 10000000, "10"}, {1, 2000100, "2.0001"},
        {2, 4000001, "2"},   {3, 10000000, "3.333333"},
        {1, 100, "0.0001"},  {1, 123456789, "123.456789"},
        {10, 9, "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[32];
        const struct order_counts counts = {.created = cases[i].completed,
                                            .started = cases[i].completed,
                                            .completed = cases[i].completed,
                                            .duration_us = cases[i].duration_us};
        metrics_text_fill(&response, METRICS_JSON, &counts, NULL);
        snprintf(expected, sizeof expected, "_time\":%s,", cases[i].average);
        cr_assert_not_null(strstr(http_response_body(&response), expected), "%s in %s", expected,
                           http_response_body(&response));
        http_response_finish(&response);
    }
}

static const struct order_counts some = {.created = 100,
                                         .started = 90,
                                         .completed = 85,
                                         .duration_us = 212500000};

Test(metrics_text, the_prometheus_text_has_a_counter_a_gauge_and_a_summary)
{
    check(METRICS_PROMETHEUS, some, "text/plain; version=0.0.4; charset=utf-8",
          "# HELP orders_created_total Orders stored since the first.\n"
          "# TYPE orders_created_total counter\n"
          "orders_created_total 100\n"
          "# HELP orders Orders by status.\n"
          "# TYPE orders gauge\n"
          "orders{status=\"pending\"} 10\n"
          "orders{status=\"processing\"} 5\n"
          "orders{status=\"completed\"} 85\n"
          "# HELP orders_duration_seconds Time from created to completed.\n"
          "# TYPE orders_duration_seconds summary\n"
          "orders_duration_seconds_sum 212.5\n"
          "orders_duration_seconds_count 85\n");
}

Test(metrics_text, openmetrics_names_the_family_without_total_and_says_where_it_ends)
{
    check(METRICS_OPENMETRICS, some, "application/openmetrics-text; version=1.0.0; charset=utf-8",
          "# HELP orders_created Orders stored since the first.\n"
          "# TYPE orders_created counter\n"
          "orders_created_total 100\n"
          "# HELP orders Orders by status.\n"
          "# TYPE orders gauge\n"
          "orders{status=\"pending\"} 10\n"
          "orders{status=\"processing\"} 5\n"
          "orders{status=\"completed\"} 85\n"
          "# HELP orders_duration_seconds Time from created to completed.\n"
          "# TYPE orders_duration_seconds summary\n"
          "orders_duration_seconds_sum 212.5\n"
          "orders_duration_seconds_count 85\n"
          "# EOF\n");
}

/* With the largest numbers there are, but for the kind that comes first. */
static struct queue failing;

static void make_failures(void)
{
    for (size_t i = 0; i < REDIS_FAILURES; i++) {
        atomic_store(&failing.failures[i], i == 0 ? 3 : UINT64_MAX);
    }
}

Test(metrics_text, failures_of_redis_are_told_by_kind, .init = make_failures)
{
    static const enum metrics_form forms[] = {METRICS_PROMETHEUS, METRICS_OPENMETRICS};
    static const char *const expected[] = {"# TYPE orders_redis_failures_total counter\n",
                                           "# TYPE orders_redis_failures counter\n"};
    for (size_t i = 0; i < 2; i++) {
        metrics_text_fill(&response, forms[i], &some, &failing);
        const char *body = http_response_body(&response);
        cr_assert_not_null(strstr(body, expected[i]), "%s", body);
        cr_assert_not_null(strstr(body, "\norders_redis_failures_total{kind=\"connect\"} 3\n"));
        cr_assert_not_null(
            strstr(body, "\norders_redis_failures_total{kind=\"oom\"} 18446744073709551615\n"));
        http_response_finish(&response);
    }
}

Test(metrics_text, the_largest_numbers_fit, .init = make_failures)
{
    static const enum metrics_form forms[] = {METRICS_JSON, METRICS_PROMETHEUS,
                                              METRICS_OPENMETRICS};
    static const char *const ends[] = {":1000000000000000000}", " 18446744073709551615\n",
                                       "\n# EOF\n"};
    /* Each of the numbers that are written has 19 digits. */
    const struct order_counts huge = {.created = INT64_MAX,
                                      .started = INT64_C(4000000000000000000),
                                      .completed = INT64_C(1000000000000000000),
                                      .duration_us = INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        metrics_text_fill(&response, forms[i], &huge, &failing);
        const char *body = http_response_body(&response);
        cr_assert_eq(response.body_len, strlen(body));
        cr_assert_str_eq(body + response.body_len - strlen(ends[i]), ends[i]);
        http_response_finish(&response);
    }
}
