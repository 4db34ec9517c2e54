/* SPDX-License-Identifier: MIT */
/*
 * The figures of `GET /metrics` in JSON and of verify: what each is called, and how it follows from
 * the counters. Pure: never blocks, any thread, owns nothing.
 */
#ifndef API_SERVICE_ROUTES_FIGURE_H
#define API_SERVICE_ROUTES_FIGURE_H

#include <stdint.h>

#include "common/base/text.h"
#include "common/store/store.h"

enum { FIGURE_TEXT_SIZE = 32 }; /* bytes of a value's text, NUL included */

/* In the order of the wire contract. */
enum figure {
    FIGURE_TOTAL,
    FIGURE_AVERAGE_TIME,
    FIGURE_PENDING,
    FIGURE_PROCESSING,
    FIGURE_COMPLETED,
    FIGURES_OF_METRICS, /* the ones above are all that metrics have; verify also shows the others */
    FIGURE_TOTAL_TIME = FIGURES_OF_METRICS,
    FIGURES,
};

const char *figure_name(enum figure figure);

/* A number of orders, or a time in microseconds. */
int64_t figure_value(enum figure figure, const struct order_counts *counts);

/* Writes `value` as the figure's values are printed, times in seconds; returns `out`. */
const char *figure_format(enum figure figure, int64_t value, char out[FIGURE_TEXT_SIZE]);

/* Adds a member of a JSON object: "pending_orders":10 */
void figure_add_member(struct text *out, enum figure figure, int64_t value);

#endif
