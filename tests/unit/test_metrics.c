/* SPDX-License-Identifier: MIT */
/* Tables of metrics become Prometheus text and OpenMetrics text. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/metrics/metrics.h"

static struct text text;

static void finish(void)
{
    text_finish(&text);
}

TestSuite(metrics, .fini = finish);

static const char *print(enum metrics_format format, const struct metric metrics[], size_t count,
                         const void *context)
{
    const struct metrics_table table = {.metrics = metrics, .count = count, .context = context};
    text_clear(&text);
    metrics_print(&text, format, &table, 1);
    cr_assert(text_is_whole(&text));
    return text_string(&text);
}

static const char *print_one(enum metrics_format format, struct metric metric, const void *context)
{
    return print(format, &metric, 1, context);
}

/* Collect functions */

static void collect_one(struct metric_samples *samples, const void *context)
{
    (void)context;
    metric_add(samples, NULL, metric_integer(1));
}

static void collect_nothing(struct metric_samples *samples, const void *context)
{
    (void)samples;
    (void)context;
}

static void collect_value(struct metric_samples *samples, const void *context)
{
    metric_add(samples, NULL, *(const struct metric_value *)context);
}

static void collect_label(struct metric_samples *samples, const void *context)
{
    metric_add(samples, METRIC_LABELS(context), metric_integer(1));
}

static void collect_calls(struct metric_samples *samples, const void *context)
{
    (void)context;
    metric_add(samples, METRIC_LABELS("GET", "/order/{id}", "200"), metric_unsigned(7));
    metric_add(samples, METRIC_LABELS("POST", "/order", "503"), metric_unsigned(1));
}

static void collect_summary(struct metric_samples *samples, const void *context)
{
    (void)context;
    metric_add_summary(samples, METRIC_LABELS("a"), 3, metric_seconds(2500000));
    metric_add_summary(samples, METRIC_LABELS("b"), 0, metric_seconds(0));
}

static const double bounds[] = {0.005, 0.5, 1, 10, 1800};

static void collect_histogram(struct metric_samples *samples, const void *context)
{
    static const uint64_t counts[] = {2, 0, 3, 4, 0, 1};
    (void)context;
    metric_add_histogram(samples, NULL, counts, metric_seconds(1823000001));
}

static void collect_two_histograms(struct metric_samples *samples, const void *context)
{
    static const uint64_t counts[][2] = {{1, 2}, {0, 0}};
    (void)context;
    metric_add_histogram(samples, METRIC_LABELS("GET"), counts[0], metric_integer(9));
    metric_add_histogram(samples, METRIC_LABELS("POST"), counts[1], metric_integer(0));
}

/* The lines of a metric */

static const struct metric counter = {.name = "calls_seconds_total",
                                      .type = METRIC_COUNTER,
                                      .help = "Time.",
                                      .unit = "seconds",
                                      .collect = collect_one};

Test(metrics, prometheus_text_names_a_counter_with_total_and_has_no_unit)
{
    cr_assert_str_eq(print_one(METRICS_FORMAT_PROMETHEUS, counter, NULL),
                     "# HELP calls_seconds_total Time.\n"
                     "# TYPE calls_seconds_total counter\n"
                     "calls_seconds_total 1\n");
}

Test(metrics, openmetrics_names_a_counter_without_total_and_has_a_unit_and_an_end)
{
    cr_assert_str_eq(print_one(METRICS_FORMAT_OPENMETRICS, counter, NULL),
                     "# HELP calls_seconds Time.\n"
                     "# TYPE calls_seconds counter\n"
                     "# UNIT calls_seconds seconds\n"
                     "calls_seconds_total 1\n"
                     "# EOF\n");
}

Test(metrics, labels_stand_in_the_order_of_the_table)
{
    static const struct metric metric = {.name = "calls_total",
                                         .type = METRIC_COUNTER,
                                         .help = "Calls.",
                                         .labels = {"method", "route", "code"},
                                         .collect = collect_calls};
    cr_assert_str_eq(print_one(METRICS_FORMAT_PROMETHEUS, metric, NULL),
                     "# HELP calls_total Calls.\n"
                     "# TYPE calls_total counter\n"
                     "calls_total{method=\"GET\",route=\"/order/{id}\",code=\"200\"} 7\n"
                     "calls_total{method=\"POST\",route=\"/order\",code=\"503\"} 1\n");
}

Test(metrics, a_summary_is_a_sum_and_a_count_for_each_set_of_labels)
{
    static const struct metric metric = {.name = "wait_seconds",
                                         .type = METRIC_SUMMARY,
                                         .help = "Wait.",
                                         .labels = {"kind"},
                                         .collect = collect_summary};
    cr_assert_str_eq(print_one(METRICS_FORMAT_PROMETHEUS, metric, NULL),
                     "# HELP wait_seconds Wait.\n"
                     "# TYPE wait_seconds summary\n"
                     "wait_seconds_sum{kind=\"a\"} 2.5\n"
                     "wait_seconds_count{kind=\"a\"} 3\n"
                     "wait_seconds_sum{kind=\"b\"} 0\n"
                     "wait_seconds_count{kind=\"b\"} 0\n");
}

/* Histograms */

static const struct metric histogram = {.name = "wait_seconds",
                                        .type = METRIC_HISTOGRAM,
                                        .help = "Wait.",
                                        .bounds = bounds,
                                        .bound_count = sizeof bounds / sizeof *bounds,
                                        .collect = collect_histogram};

Test(metrics, buckets_add_up_to_the_one_without_a_bound)
{
    cr_assert_str_eq(print_one(METRICS_FORMAT_PROMETHEUS, histogram, NULL),
                     "# HELP wait_seconds Wait.\n"
                     "# TYPE wait_seconds histogram\n"
                     "wait_seconds_bucket{le=\"0.005\"} 2\n"
                     "wait_seconds_bucket{le=\"0.5\"} 2\n"
                     "wait_seconds_bucket{le=\"1\"} 5\n"
                     "wait_seconds_bucket{le=\"10\"} 9\n"
                     "wait_seconds_bucket{le=\"1800\"} 9\n"
                     "wait_seconds_bucket{le=\"+Inf\"} 10\n"
                     "wait_seconds_sum 1823.000001\n"
                     "wait_seconds_count 10\n");
}

Test(metrics, bounds_in_openmetrics_are_floating_point_numbers)
{
    cr_assert_str_eq(print_one(METRICS_FORMAT_OPENMETRICS, histogram, NULL),
                     "# HELP wait_seconds Wait.\n"
                     "# TYPE wait_seconds histogram\n"
                     "wait_seconds_bucket{le=\"0.005\"} 2\n"
                     "wait_seconds_bucket{le=\"0.5\"} 2\n"
                     "wait_seconds_bucket{le=\"1.0\"} 5\n"
                     "wait_seconds_bucket{le=\"10.0\"} 9\n"
                     "wait_seconds_bucket{le=\"1800.0\"} 9\n"
                     "wait_seconds_bucket{le=\"+Inf\"} 10\n"
                     "wait_seconds_sum 1823.000001\n"
                     "wait_seconds_count 10\n"
                     "# EOF\n");
}

Test(metrics, the_bound_is_the_last_label_and_each_histogram_counts_from_0)
{
    static const double bound[] = {1e6};
    static const struct metric metric = {.name = "size_bytes",
                                         .type = METRIC_HISTOGRAM,
                                         .help = "Size.",
                                         .labels = {"method"},
                                         .bounds = bound,
                                         .bound_count = 1,
                                         .collect = collect_two_histograms};
    cr_assert_str_eq(print_one(METRICS_FORMAT_OPENMETRICS, metric, NULL),
                     "# HELP size_bytes Size.\n"
                     "# TYPE size_bytes histogram\n"
                     "size_bytes_bucket{method=\"GET\",le=\"1e+06\"} 1\n"
                     "size_bytes_bucket{method=\"GET\",le=\"+Inf\"} 3\n"
                     "size_bytes_sum{method=\"GET\"} 9\n"
                     "size_bytes_count{method=\"GET\"} 3\n"
                     "size_bytes_bucket{method=\"POST\",le=\"1e+06\"} 0\n"
                     "size_bytes_bucket{method=\"POST\",le=\"+Inf\"} 0\n"
                     "size_bytes_sum{method=\"POST\"} 0\n"
                     "size_bytes_count{method=\"POST\"} 0\n"
                     "# EOF\n");
}

/* Escaping */

static struct metric gauge_with_label(const char *help)
{
    return (struct metric){.name = "files",
                           .type = METRIC_GAUGE,
                           .help = help,
                           .labels = {"path"},
                           .collect = collect_label};
}

Test(metrics, label_values_and_help_are_escaped_as_the_formats_say)
{
    static const char odd[] = "C:\\new \"a\"\n{b=\"\xc3\xa9\"}";
    struct metric metric = gauge_with_label(odd);
    cr_assert_str_eq(print_one(METRICS_FORMAT_PROMETHEUS, metric, odd),
                     "# HELP files C:\\\\new \"a\"\\n{b=\"\xc3\xa9\"}\n"
                     "# TYPE files gauge\n"
                     "files{path=\"C:\\\\new \\\"a\\\"\\n{b=\\\"\xc3\xa9\\\"}\"} 1\n");
    cr_assert_str_eq(print_one(METRICS_FORMAT_OPENMETRICS, metric, odd),
                     "# HELP files C:\\\\new \\\"a\\\"\\n{b=\\\"\xc3\xa9\\\"}\n"
                     "# TYPE files gauge\n"
                     "files{path=\"C:\\\\new \\\"a\\\"\\n{b=\\\"\xc3\xa9\\\"}\"} 1\n"
                     "# EOF\n");
}

Test(metrics, an_empty_label_value_is_printed)
{
    const char *printed = print_one(METRICS_FORMAT_PROMETHEUS, gauge_with_label("F."), "");
    cr_assert_not_null(strstr(printed, "\nfiles{path=\"\"} 1\n"), "%s", printed);
}

/* Numbers */

Test(metrics, numbers_are_exact)
{
    static const struct {
        struct metric_value value;
        const char *expected;
    } cases[] = {
        {{METRIC_UNSIGNED, {.whole = UINT64_MAX}}, "18446744073709551615"},
        {{METRIC_INTEGER, {.integer = INT64_MIN}}, "-9223372036854775808"},
        {{METRIC_INTEGER, {.integer = 0}}, "0"},
        {{METRIC_MICROSECONDS, {.microseconds = INT64_MAX}}, "9223372036854.775807"},
        {{METRIC_MICROSECONDS, {.microseconds = INT64_MIN}}, "-9223372036854.775808"},
        {{METRIC_MICROSECONDS, {.microseconds = -1}}, "-0.000001"},
        {{METRIC_MICROSECONDS, {.microseconds = 10000000}}, "10"},
        {{METRIC_DOUBLE, {.number = 0}}, "0"},
        {{METRIC_DOUBLE, {.number = 100000}}, "100000"},
        {{METRIC_DOUBLE, {.number = 1e-10}}, "1e-10"},
        {{METRIC_DOUBLE, {.number = 0.1}}, "0.1"},
        {{METRIC_DOUBLE, {.number = 0.1 + 0.2}}, "0.30000000000000004"},
        {{METRIC_DOUBLE, {.number = 1234567.25}}, "1234567.25"},
        {{METRIC_DOUBLE, {.number = NAN}}, "NaN"},
        {{METRIC_DOUBLE, {.number = INFINITY}}, "+Inf"},
        {{METRIC_DOUBLE, {.number = -INFINITY}}, "-Inf"},
    };
    static const struct metric metric = {.name = "level",
                                         .type = METRIC_GAUGE,
                                         .help = "Level.",
                                         .collect = collect_value};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *printed = print_one(METRICS_FORMAT_PROMETHEUS, metric, &cases[i].value);
        char expected[64];
        snprintf(expected, sizeof expected, "\nlevel %s\n", cases[i].expected);
        cr_assert_not_null(strstr(printed, expected), "%s in %s", expected, printed);
    }
}

Test(metrics, each_kind_of_number_has_its_function)
{
    cr_expect_eq(metric_unsigned(UINT64_MAX).as.whole, UINT64_MAX);
    cr_expect_eq(metric_integer(-2).as.integer, -2);
    cr_expect_eq(metric_seconds(-3).as.microseconds, -3);
    cr_expect_eq(metric_double(0.5).as.number, 0.5);
    cr_expect_eq(metric_unsigned(1).kind, METRIC_UNSIGNED);
    cr_expect_eq(metric_integer(1).kind, METRIC_INTEGER);
    cr_expect_eq(metric_seconds(1).kind, METRIC_MICROSECONDS);
    cr_expect_eq(metric_double(1).kind, METRIC_DOUBLE);
}

/* Sizes */

Test(metrics, a_long_label_value_is_printed_whole)
{
    enum { LEN = 100000 };
    char *value = malloc(LEN + 1);
    memset(value, '"', LEN);
    value[LEN] = '\0';
    const char *printed = print_one(METRICS_FORMAT_PROMETHEUS, gauge_with_label("F."), value);
    static const char head[] = "# HELP files F.\n# TYPE files gauge\nfiles{path=\"";
    static const char end[] = "\"} 1\n";
    cr_assert_eq(text.len, sizeof head - 1 + 2 * LEN + sizeof end - 1);
    cr_assert_eq(strncmp(printed, head, sizeof head - 1), 0);
    for (size_t i = 0; i < LEN; i++) {
        cr_assert_eq(memcmp(printed + sizeof head - 1 + 2 * i, "\\\"", 2), 0, "at %zu", i);
    }
    cr_assert_str_eq(printed + text.len - (sizeof end - 1), end);
    free(value);
}

enum { MANY = 10000 };

static void collect_many(struct metric_samples *samples, const void *context)
{
    (void)context;
    for (int i = 0; i < MANY; i++) {
        char path[16];
        snprintf(path, sizeof path, "/%d", i);
        metric_add(samples, METRIC_LABELS(path), metric_integer(i));
    }
}

Test(metrics, many_samples_are_printed_whole)
{
    struct metric metric = gauge_with_label("F.");
    metric.collect = collect_many;
    const char *at = print_one(METRICS_FORMAT_OPENMETRICS, metric, NULL);
    static const char head[] = "# HELP files F.\n# TYPE files gauge\n";
    cr_assert_eq(strncmp(at, head, sizeof head - 1), 0);
    at += sizeof head - 1;
    for (int i = 0; i < MANY; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "files{path=\"/%d\"} %d\n", i, i);
        cr_assert_eq(strncmp(at, line, (size_t)len), 0, "%s instead of %.*s", line, len, at);
        at += len;
    }
    cr_assert_str_eq(at, "# EOF\n");
}

/* Several metrics and tables */

Test(metrics, a_metric_without_samples_is_left_out)
{
    static const struct metric metrics[] = {
        {.name = "a", .type = METRIC_GAUGE, .help = "A.", .collect = collect_nothing},
        {.name = "b", .type = METRIC_GAUGE, .help = "B.", .collect = collect_one},
    };
    cr_assert_str_eq(print(METRICS_FORMAT_PROMETHEUS, metrics, 2, NULL),
                     "# HELP b B.\n# TYPE b gauge\nb 1\n");
    cr_assert_str_eq(print(METRICS_FORMAT_OPENMETRICS, metrics, 1, NULL), "# EOF\n");
}

Test(metrics, each_table_has_its_context_and_the_text_one_end)
{
    static const struct metric_value values[] = {{METRIC_INTEGER, {.integer = 5}},
                                                 {METRIC_INTEGER, {.integer = 6}}};
    static const struct metric metrics[] = {
        {.name = "a", .type = METRIC_GAUGE, .help = "A.", .collect = collect_value},
        {.name = "b", .type = METRIC_GAUGE, .help = "B.", .collect = collect_value},
    };
    const struct metrics_table tables[] = {
        {.metrics = &metrics[0], .count = 1, .context = &values[0]},
        {.metrics = &metrics[1], .count = 1, .context = &values[1]},
    };
    metrics_print(&text, METRICS_FORMAT_OPENMETRICS, tables, 2);
    cr_assert_str_eq(text_string(&text), "# HELP a A.\n# TYPE a gauge\na 5\n"
                                         "# HELP b B.\n# TYPE b gauge\nb 6\n"
                                         "# EOF\n");
}

Test(metrics, a_text_without_memory_stays_broken)
{
    const struct metrics_table table = {.metrics = &histogram, .count = 1};
    text.failed = true;
    metrics_print(&text, METRICS_FORMAT_OPENMETRICS, &table, 1);
    cr_assert_not(text_is_whole(&text));
    cr_assert_eq(text.len, 0);
}

Test(metrics, the_media_types_name_the_versions)
{
    cr_expect_str_eq(metrics_media_type(METRICS_FORMAT_PROMETHEUS),
                     "text/plain; version=0.0.4; charset=utf-8");
    cr_expect_str_eq(metrics_media_type(METRICS_FORMAT_OPENMETRICS),
                     "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

/* Mistakes in a table */

static const double falling[] = {1, 0.5};
static const double twice[] = {1, 1};
static const double endless[] = {1, INFINITY};
static const double negative[] = {-1, 1};

static const struct metric bad_metrics[] = {
    {.name = "level", .type = METRIC_GAUGE, .help = ""},
    {.name = "calls", .type = METRIC_COUNTER},
    {.name = "calls_total", .type = METRIC_GAUGE},
    {.name = "_total", .type = METRIC_COUNTER},
    {.name = "wait", .type = METRIC_GAUGE, .unit = "seconds"},
    {.name = "wait_seconds_total", .type = METRIC_COUNTER, .unit = "total"},
    {.name = "wait", .type = METRIC_HISTOGRAM},
    {.name = "wait", .type = METRIC_HISTOGRAM, .bounds = falling, .bound_count = 2},
    {.name = "wait", .type = METRIC_HISTOGRAM, .bounds = twice, .bound_count = 2},
    {.name = "wait", .type = METRIC_HISTOGRAM, .bounds = endless, .bound_count = 2},
    {.name = "wait", .type = METRIC_HISTOGRAM, .bounds = negative, .bound_count = 2},
    {.name = "wait", .type = METRIC_GAUGE, .bounds = bounds, .bound_count = 1},
};

Test(metrics, mistakes_in_a_table_end_the_program)
{
    for (size_t i = 0; i < sizeof bad_metrics / sizeof *bad_metrics; i++) {
        struct metric metric = bad_metrics[i];
        metric.help = metric.help != NULL ? metric.help : "Bad.";
        metric.collect = collect_nothing;
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            print_one(METRICS_FORMAT_PROMETHEUS, metric, NULL);
            _exit(0);
        }
        int status;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "case %zu", i);
    }
}

Test(metrics, a_name_that_stands_in_two_tables_ends_the_program, .signal = SIGABRT)
{
    struct metric again = histogram;
    const struct metrics_table tables[] = {{.metrics = &histogram, .count = 1},
                                           {.metrics = &again, .count = 1}};
    metrics_print(&text, METRICS_FORMAT_PROMETHEUS, tables, 2);
}

Test(metrics, a_sample_with_too_few_labels_ends_the_program, .signal = SIGABRT)
{
    struct metric metric = gauge_with_label("F.");
    metric.collect = collect_one;
    print_one(METRICS_FORMAT_PROMETHEUS, metric, NULL);
}
