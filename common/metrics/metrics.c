/* SPDX-License-Identifier: MIT */
#include "common/metrics/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_SIZE = METRICS_SECONDS_SIZE, /* bytes of a double or of seconds, NUL included */
    PRECISION_FIRST = 6,                /* fewer digits would make %g write 10 as 1e+01 */
    PRECISION_LAST = 17,                /* enough to read any double back unchanged */
};

/* The samples of one metric, on their way into the text. */
struct metric_samples {
    struct text *out;
    enum metrics_format format;
    const struct metric *metric;
    bool any; /* the lines of HELP and TYPE are written */
};

static const char *const type_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_SUMMARY] = "summary",
    [METRIC_HISTOGRAM] = "histogram",
};

const char *metrics_media_type(enum metrics_format format)
{
    return format == METRICS_FORMAT_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

struct metric_value metric_unsigned(uint64_t number)
{
    return (struct metric_value){.kind = METRIC_UNSIGNED, .as.whole = number};
}

struct metric_value metric_integer(int64_t number)
{
    return (struct metric_value){.kind = METRIC_INTEGER, .as.integer = number};
}

struct metric_value metric_seconds(int64_t microseconds)
{
    return (struct metric_value){.kind = METRIC_MICROSECONDS, .as.microseconds = microseconds};
}

struct metric_value metric_double(double number)
{
    return (struct metric_value){.kind = METRIC_DOUBLE, .as.number = number};
}

void metrics_format_seconds(int64_t microseconds, char out[METRICS_SECONDS_SIZE])
{
    /* Negated as unsigned, because -INT64_MIN is no int64_t. */
    uint64_t magnitude = microseconds < 0 ? 0 - (uint64_t)microseconds : (uint64_t)microseconds;
    snprintf(out, METRICS_SECONDS_SIZE, "%s%" PRIu64 ".%06" PRIu64, microseconds < 0 ? "-" : "",
             magnitude / 1000000, magnitude % 1000000);
    size_t len = strlen(out);
    while (out[len - 1] == '0') {
        out[--len] = '\0';
    }
    if (out[len - 1] == '.') {
        out[len - 1] = '\0';
    }
}

/* With as few digits as read back as the same number. */
static void format_double(double number, char out[NUMBER_SIZE])
{
    if (isnan(number) || isinf(number)) {
        snprintf(out, NUMBER_SIZE, "%s", isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
        return;
    }
    int precision = PRECISION_FIRST;
    do {
        snprintf(out, NUMBER_SIZE, "%.*g", precision, number);
    } while (strtod(out, NULL) != number && ++precision <= PRECISION_LAST);
}

static void add_value(struct text *out, struct metric_value value)
{
    char digits[NUMBER_SIZE];
    switch (value.kind) {
    case METRIC_UNSIGNED:
        text_add_unsigned(out, value.as.whole);
        return;
    case METRIC_INTEGER:
        text_add_signed(out, value.as.integer);
        return;
    case METRIC_MICROSECONDS:
        metrics_format_seconds(value.as.microseconds, digits);
        break;
    default:
        format_double(value.as.number, digits);
    }
    text_add(out, digits);
}

/* Puts a backslash before each character of `special`; a line feed becomes \n. */
static void add_escaped(struct text *out, const char *string, const char *special)
{
    for (;;) {
        size_t plain = strcspn(string, special);
        text_add_bytes(out, string, plain);
        string += plain;
        if (*string == '\0') {
            return;
        }
        text_add(out, "\\");
        text_add_bytes(out, *string == '\n' ? "n" : string, 1);
        string++;
    }
}

/* The length of the family's name, which is a counter's name without _total in OpenMetrics. */
static size_t family_len(const struct metric *metric, enum metrics_format format)
{
    size_t len = strlen(metric->name);
    bool shorter = metric->type == METRIC_COUNTER && format == METRICS_FORMAT_OPENMETRICS;
    return shorter ? len - strlen("_total") : len;
}

/* "# TYPE orders_created " */
static void add_keyword(const struct metric_samples *samples, const char *keyword)
{
    const struct metric *metric = samples->metric;
    text_add(samples->out, "# ");
    text_add(samples->out, keyword);
    text_add(samples->out, " ");
    text_add_bytes(samples->out, metric->name, family_len(metric, samples->format));
    text_add(samples->out, " ");
}

/* Writes the lines before the first sample, once. */
static void begin_family(struct metric_samples *samples)
{
    const struct metric *metric = samples->metric;
    bool open = samples->format == METRICS_FORMAT_OPENMETRICS;
    if (samples->any) {
        return;
    }
    samples->any = true;
    add_keyword(samples, "HELP");
    add_escaped(samples->out, metric->help, open ? "\\\n\"" : "\\\n");
    text_add(samples->out, "\n");
    add_keyword(samples, "TYPE");
    text_add(samples->out, type_names[metric->type]);
    text_add(samples->out, "\n");
    if (open && metric->unit != NULL) {
        add_keyword(samples, "UNIT");
        text_add(samples->out, metric->unit);
        text_add(samples->out, "\n");
    }
}

static void add_label(struct text *out, bool first, const char *name, const char *value)
{
    text_add(out, first ? "{" : ",");
    text_add(out, name);
    text_add(out, "=\"");
    add_escaped(out, value, "\\\n\"");
    text_add(out, "\"");
}

/* `le`: the label of a bucket, NULL: none. */
static void add_labels(const struct metric_samples *samples,
                       const char *const labels[METRIC_LABELS_MAX], const char *le)
{
    const char *const *names = samples->metric->labels;
    bool first = true;
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        const char *value = labels != NULL ? labels[i] : NULL;
        assert((names[i] == NULL) == (value == NULL)); /* each name has its value */
        if (value != NULL) {
            add_label(samples->out, first, names[i], value);
            first = false;
        }
    }
    if (le != NULL) {
        add_label(samples->out, first, "le", le);
        first = false;
    }
    text_add(samples->out, first ? "" : "}");
}

static void add_line(const struct metric_samples *samples, const char *suffix,
                     const char *const labels[METRIC_LABELS_MAX], struct metric_value value)
{
    text_add(samples->out, samples->metric->name);
    text_add(samples->out, suffix);
    add_labels(samples, labels, NULL);
    text_add(samples->out, " ");
    add_value(samples->out, value);
    text_add(samples->out, "\n");
}

static void add_bucket(const struct metric_samples *samples,
                       const char *const labels[METRIC_LABELS_MAX], double bound, uint64_t count)
{
    char le[NUMBER_SIZE];
    format_double(bound, le);
    /* OpenMetrics, "Canonical Numbers": 1.0 and 1e+06; Prometheus text has always had 1 here. */
    bool dotted = samples->format == METRICS_FORMAT_OPENMETRICS && le[strcspn(le, ".eI")] == '\0';
    if (dotted) {
        strncat(le, ".0", NUMBER_SIZE - 1 - strlen(le));
    }
    text_add(samples->out, samples->metric->name);
    text_add(samples->out, "_bucket");
    add_labels(samples, labels, le);
    text_add(samples->out, " ");
    text_add_unsigned(samples->out, count);
    text_add(samples->out, "\n");
}

void metric_add(struct metric_samples *samples, const char *const labels[METRIC_LABELS_MAX],
                struct metric_value value)
{
    assert(samples->metric->type == METRIC_COUNTER || samples->metric->type == METRIC_GAUGE);
    begin_family(samples);
    add_line(samples, "", labels, value);
}

void metric_add_summary(struct metric_samples *samples, const char *const labels[METRIC_LABELS_MAX],
                        uint64_t count, struct metric_value sum)
{
    assert(samples->metric->type == METRIC_SUMMARY);
    begin_family(samples);
    add_line(samples, "_sum", labels, sum);
    add_line(samples, "_count", labels, metric_unsigned(count));
}

void metric_add_histogram(struct metric_samples *samples,
                          const char *const labels[METRIC_LABELS_MAX], const uint64_t counts[],
                          struct metric_value sum)
{
    const struct metric *metric = samples->metric;
    assert(metric->type == METRIC_HISTOGRAM);
    begin_family(samples);
    uint64_t total = 0;
    for (size_t i = 0; i <= metric->bound_count; i++) {
        total += counts[i];
        add_bucket(samples, labels, i < metric->bound_count ? metric->bounds[i] : INFINITY, total);
    }
    add_line(samples, "_sum", labels, sum);
    add_line(samples, "_count", labels, metric_unsigned(total));
}

/* Whether `text`, of which `len` bytes count, ends with '_' and `word`. */
static bool ends_with_word(const char *text, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    return len > word_len + 1 && text[len - word_len - 1] == '_' &&
           memcmp(text + len - word_len, word, word_len) == 0;
}

/* Below 0 there are none: a histogram with negative values must not have a sum. */
static bool has_rising_bounds(const struct metric *metric)
{
    const double *bounds = metric->bounds;
    for (size_t i = 0; i < metric->bound_count; i++) {
        if (!isfinite(bounds[i]) || bounds[i] < 0 || (i > 0 && bounds[i - 1] >= bounds[i])) {
            return false;
        }
    }
    return metric->bound_count > 0;
}

/* What would make a scraper refuse the whole text is a mistake in a table: found by any test. */
static void check_metric(const struct metric *metric)
{
    size_t name_len = strlen(metric->name);
    bool is_counter = metric->type == METRIC_COUNTER;
    bool is_histogram = metric->type == METRIC_HISTOGRAM;
    assert(metric->help[0] != '\0');
    assert(is_counter == ends_with_word(metric->name, name_len, "total"));
    assert(
        metric->unit == NULL ||
        ends_with_word(metric->name, family_len(metric, METRICS_FORMAT_OPENMETRICS), metric->unit));
    assert(is_histogram ? has_rising_bounds(metric) : metric->bounds == NULL);
}

static const struct metric *find_metric(const struct metrics_table tables[], size_t table_count,
                                        const char *name)
{
    for (size_t i = 0; i < table_count; i++) {
        for (size_t j = 0; j < tables[i].count; j++) {
            if (strcmp(tables[i].metrics[j].name, name) == 0) {
                return &tables[i].metrics[j];
            }
        }
    }
    return NULL;
}

void metrics_print(struct text *out, enum metrics_format format,
                   const struct metrics_table tables[], size_t table_count)
{
    for (size_t i = 0; i < table_count; i++) {
        for (size_t j = 0; j < tables[i].count; j++) {
            const struct metric *metric = &tables[i].metrics[j];
            check_metric(metric);
            assert(find_metric(tables, table_count, metric->name) == metric); /* no name twice */
            struct metric_samples samples = {.out = out, .format = format, .metric = metric};
            metric->collect(&samples, tables[i].context);
        }
    }
    if (format == METRICS_FORMAT_OPENMETRICS) {
        text_add(out, "# EOF\n");
    }
}
