/* SPDX-License-Identifier: MIT */
#include "api-service/routes/figure.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/metrics/metrics.h"

static_assert((int)FIGURE_TEXT_SIZE >= (int)METRICS_SECONDS_SIZE, "a time fits");

static int64_t total(const struct order_counts *counts)
{
    return counts->created;
}

static int64_t average_us(const struct order_counts *counts)
{
    return counts->completed > 0 ? counts->duration_us / counts->completed : 0;
}

static int64_t pending(const struct order_counts *counts)
{
    return counts->created - counts->started;
}

static int64_t processing(const struct order_counts *counts)
{
    return counts->started - counts->completed;
}

static int64_t completed(const struct order_counts *counts)
{
    return counts->completed;
}

static int64_t total_us(const struct order_counts *counts)
{
    return counts->duration_us;
}

static const struct {
    const char *name;
    int64_t (*value)(const struct order_counts *counts);
    bool is_time;
} figures[FIGURES] = {
    [FIGURE_TOTAL] = {"total_orders", total, false},
    [FIGURE_AVERAGE_TIME] = {"average_processing_time", average_us, true},
    [FIGURE_PENDING] = {"pending_orders", pending, false},
    [FIGURE_PROCESSING] = {"processing_orders", processing, false},
    [FIGURE_COMPLETED] = {"completed_orders", completed, false},
    [FIGURE_TOTAL_TIME] = {"total_processing_time", total_us, true},
};

const char *figure_name(enum figure figure)
{
    return figures[figure].name;
}

int64_t figure_value(enum figure figure, const struct order_counts *counts)
{
    return figures[figure].value(counts);
}

const char *figure_format(enum figure figure, int64_t value, char out[FIGURE_TEXT_SIZE])
{
    if (figures[figure].is_time) {
        metrics_format_seconds(value, out);
    } else {
        snprintf(out, FIGURE_TEXT_SIZE, "%" PRId64, value);
    }
    return out;
}

void figure_add_member(struct text *out, enum figure figure, int64_t value)
{
    text_add(out, "\"");
    text_add(out, figures[figure].name);
    text_add(out, "\":");
    if (figures[figure].is_time) {
        char seconds[FIGURE_TEXT_SIZE];
        text_add(out, figure_format(figure, value, seconds));
    } else {
        text_add_signed(out, value);
    }
}
