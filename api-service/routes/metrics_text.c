/* SPDX-License-Identifier: MIT */
#include "api-service/routes/metrics_text.h"

#include "api-service/routes/figure.h"
#include "common/metrics/metrics.h"

/* Where the values come from: the context of the table. */
struct sources {
    const struct order_counts *counts;
    const struct process_figures *process;
};

static const struct order_counts *counts_of(const void *context)
{
    return ((const struct sources *)context)->counts;
}

static void collect_created(struct metric_samples *samples, const void *context)
{
    metric_add(samples, NULL, metric_integer(counts_of(context)->created));
}

static void collect_by_status(struct metric_samples *samples, const void *context)
{
    static const struct {
        const char *status;
        enum figure figure;
    } lines[] = {
        {"pending", FIGURE_PENDING},
        {"processing", FIGURE_PROCESSING},
        {"completed", FIGURE_COMPLETED},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        metric_add(samples, METRIC_LABELS(lines[i].status),
                   metric_integer(figure_value(lines[i].figure, counts_of(context))));
    }
}

static void collect_duration(struct metric_samples *samples, const void *context)
{
    const struct order_counts *counts = counts_of(context);
    metric_add_summary(samples, NULL, (uint64_t)counts->completed,
                       metric_seconds(counts->duration_us));
}

static void collect_redis_failures(struct metric_samples *samples, const void *context)
{
    struct queue *redis = ((const struct sources *)context)->process->redis;
    if (redis == NULL) {
        return;
    }
    for (enum redis_failure i = 0; i < REDIS_FAILURES; i++) {
        metric_add(samples, METRIC_LABELS(redis_failure_name(i)),
                   metric_unsigned(queue_failures(redis, i)));
    }
}

static void collect_failed_logins(struct metric_samples *samples, const void *context)
{
    const struct sources *sources = context;
    metric_add(samples, NULL, metric_unsigned(sources->process->failed_logins));
}

static const struct metric metrics[] = {
    {.name = "orders_created_total",
     .type = METRIC_COUNTER,
     .help = "Orders stored since the first.",
     .collect = collect_created},
    {.name = "orders",
     .type = METRIC_GAUGE,
     .help = "Orders by status.",
     .labels = {"status"},
     .collect = collect_by_status},
    {.name = "orders_duration_seconds",
     .type = METRIC_SUMMARY,
     .help = "Time from created to completed.",
     .collect = collect_duration},
    {.name = "orders_redis_failures_total",
     .type = METRIC_COUNTER,
     .help = "Failures of Redis that this process has met.",
     .labels = {"kind"},
     .collect = collect_redis_failures},
    {.name = "orders_failed_logins_total",
     .type = METRIC_COUNTER,
     .help = "Logins with wrong credentials that this process has refused.",
     .collect = collect_failed_logins},
};

static void print_json(struct text *out, const struct order_counts *counts)
{
    for (enum figure i = 0; i < FIGURES_OF_METRICS; i++) {
        text_add(out, i == 0 ? "{" : ",");
        figure_add_member(out, i, figure_value(i, counts));
    }
    text_add(out, "}");
}

static enum metrics_format format_of(enum metrics_form form)
{
    return form == METRICS_OPENMETRICS ? METRICS_FORMAT_OPENMETRICS : METRICS_FORMAT_PROMETHEUS;
}

bool metrics_text_print(struct text *out, enum metrics_form form, const struct order_counts *counts,
                        const struct process_figures *process)
{
    if (form == METRICS_JSON) {
        print_json(out, counts);
    } else {
        const struct sources sources = {.counts = counts, .process = process};
        const struct metrics_table table = {.metrics = metrics,
                                            .count = sizeof metrics / sizeof metrics[0],
                                            .context = &sources};
        metrics_print(out, format_of(form), &table, 1);
    }
    return text_is_whole(out);
}

const char *metrics_text_media_type(enum metrics_form form)
{
    return form == METRICS_JSON ? "application/json" : metrics_media_type(format_of(form));
}
