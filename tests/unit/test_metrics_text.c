/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api-service/routes/metrics_text.h"
#include "common/queue/queue_backend.h"

static struct text text;

static void finish(void)
{
    text_finish(&text);
}

TestSuite(metrics_text, .fini = finish);

static const char *print(enum metrics_form form, struct order_counts counts, struct queue *redis)
{
    const struct process_figures process = {.redis = redis, .failed_logins = UINT64_MAX};
    text_clear(&text);
    cr_assert(metrics_text_print(&text, form, &counts, &process));
    return text_string(&text);
}

static void check(enum metrics_form form, struct order_counts counts, const char *media_type,
                  const char *expected)
{
    cr_assert_str_eq(metrics_text_media_type(form), media_type);
    cr_assert_str_eq(print(form, counts, NULL), expected);
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
        const char *printed = print(METRICS_JSON, counts, NULL);
        snprintf(expected, sizeof expected, "_time\":%s,", cases[i].average);
        cr_assert_not_null(strstr(printed, expected), "%s in %s", expected, printed);
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
          "orders_duration_seconds_count 85\n"
          "# HELP orders_failed_logins_total Logins with wrong credentials that this process has "
          "refused.\n"
          "# TYPE orders_failed_logins_total counter\n"
          "orders_failed_logins_total 18446744073709551615\n");
}

Test(metrics_text, openmetrics_names_the_counter_without_total_and_has_an_end)
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
          "# HELP orders_failed_logins Logins with wrong credentials that this process has "
          "refused.\n"
          "# TYPE orders_failed_logins counter\n"
          "orders_failed_logins_total 18446744073709551615\n"
          "# EOF\n");
}

/* The first kind has its own number, the others have the largest one. */
static struct queue failing;

static void make_failures(void)
{
    for (size_t i = 0; i < REDIS_FAILURES; i++) {
        atomic_store(&failing.failures[i], i == 0 ? 3 : UINT64_MAX);
    }
}

Test(metrics_text, redis_failures_are_counted_by_kind, .init = make_failures)
{
    static const enum metrics_form forms[] = {METRICS_PROMETHEUS, METRICS_OPENMETRICS};
    static const char *const heads[] = {
        "\n# HELP orders_redis_failures_total Failures of Redis that this process has met."
        "\n# TYPE orders_redis_failures_total counter"
        "\norders_redis_failures_total{kind=\"connect\"} 3\n",
        "\n# HELP orders_redis_failures Failures of Redis that this process has met."
        "\n# TYPE orders_redis_failures counter"
        "\norders_redis_failures_total{kind=\"connect\"} 3\n"};
    for (size_t i = 0; i < 2; i++) {
        const char *printed = print(forms[i], some, &failing);
        cr_assert_not_null(strstr(printed, heads[i]), "%s", printed);
        for (enum redis_failure j = 1; j < REDIS_FAILURES; j++) {
            char line[128];
            snprintf(line, sizeof line,
                     "\norders_redis_failures_total{kind=\"%s\"} 18446744073709551615\n",
                     redis_failure_name(j));
            cr_assert_not_null(strstr(printed, line), "%s in %s", line, printed);
        }
    }
}

Test(metrics_text, the_largest_numbers_are_printed_whole, .init = make_failures)
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
        const char *printed = print(forms[i], huge, &failing);
        cr_assert_str_eq(printed + text.len - strlen(ends[i]), ends[i]);
    }
}

Test(metrics_text, without_memory_no_form_is_complete)
{
    static const enum metrics_form forms[] = {METRICS_JSON, METRICS_PROMETHEUS,
                                              METRICS_OPENMETRICS};
    const struct process_figures process = {.redis = NULL};
    for (size_t i = 0; i < 3; i++) {
        text = (struct text){.failed = true};
        cr_assert_not(metrics_text_print(&text, forms[i], &some, &process));
    }
}
