/* SPDX-License-Identifier: MIT */
/*
 * Metrics as tables. A program lists its metrics in tables, and metrics_print writes them as
 * Prometheus text 0.0.4 or as OpenMetrics text 1.0.0. A new metric is one line of a table.
 *
 * Blocks: never, unless a collect function does. Threads: any, each with a text of its own. Owns:
 * nothing; tables and strings are borrowed.
 * This room includes common/base only. Values come from the program, through the collect functions;
 * the text goes to the client through the program, so nothing here knows HTTP.
 *
 * The formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
#ifndef COMMON_METRICS_METRICS_H
#define COMMON_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

enum {
    METRIC_LABELS_MAX = 4,
    METRICS_SECONDS_SIZE = 32, /* bytes, NUL included */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_SUMMARY, METRIC_HISTOGRAM };

struct metric_samples;

/* One metric: a line of a table. Strings are UTF-8. */
struct metric {
    const char *name; /* that of a counter ends with _total; with a unit, that stands before it */
    enum metric_type type;
    const char *help;
    const char *unit;                      /* "seconds", "bytes"; NULL: no UNIT line */
    const char *labels[METRIC_LABELS_MAX]; /* names; the unused ones are NULL */
    const double *bounds;                  /* of a histogram's buckets, ascending, without +Inf */
    size_t bound_count;
    /* Adds the samples. A metric without samples is left out. */
    void (*collect)(struct metric_samples *samples, const void *context);
};

struct metrics_table {
    const struct metric *metrics;
    size_t count;
    const void *context; /* for the collect functions of this table */
};

enum metrics_format { METRICS_FORMAT_PROMETHEUS, METRICS_FORMAT_OPENMETRICS };

/*
 * Adds all metrics of the tables to `out`, in their order. No two metrics have the same name.
 * Without memory the text is not whole (text_is_whole): do not use it then.
 */
void metrics_print(struct text *out, enum metrics_format format,
                   const struct metrics_table tables[], size_t table_count);

/* The media type of the format, for Content-Type. */
const char *metrics_media_type(enum metrics_format format);

/* A number of a sample; made by one of the functions below. */
struct metric_value {
    enum { METRIC_UNSIGNED, METRIC_INTEGER, METRIC_MICROSECONDS, METRIC_DOUBLE } kind;
    union {
        uint64_t whole;
        int64_t integer;
        int64_t microseconds;
        double number;
    } as;
};

struct metric_value metric_unsigned(uint64_t number);
struct metric_value metric_integer(int64_t number);
struct metric_value metric_seconds(int64_t microseconds); /* printed in seconds, exactly */
struct metric_value metric_double(double number);

/* The values of a sample's labels, in the order of the metric's label names. */
#define METRIC_LABELS(...) ((const char *const[METRIC_LABELS_MAX]){__VA_ARGS__})

/*
 * For collect functions: add a sample. `labels`: METRIC_LABELS, NULL for a metric without labels.
 * No two samples of a metric have the same labels. Values are escaped here.
 */
void metric_add(struct metric_samples *samples, const char *const labels[METRIC_LABELS_MAX],
                struct metric_value value);
void metric_add_summary(struct metric_samples *samples, const char *const labels[METRIC_LABELS_MAX],
                        uint64_t count, struct metric_value sum);
/*
 * `counts`: of each bucket alone, not added up; counts[i] is for values above bounds[i - 1] and up
 * to bounds[i], and counts[bound_count] for those above all bounds.
 */
void metric_add_histogram(struct metric_samples *samples,
                          const char *const labels[METRIC_LABELS_MAX], const uint64_t counts[],
                          struct metric_value sum);

/* Seconds with only as many of six decimals as are needed: "2.5", "0", "-0.000001". */
void metrics_format_seconds(int64_t microseconds, char out[METRICS_SECONDS_SIZE]);

#endif
