/* SPDX-License-Identifier: MIT */
#include "api-service/metrics_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-service/problem.h"

enum { TEXT_SIZE = 1024 };

void metrics_text_format_seconds(int64_t microseconds, char out[32])
{
    uint64_t magnitude = microseconds < 0 ? 0 - (uint64_t)microseconds : (uint64_t)microseconds;
    snprintf(out, 32, "%s%" PRIu64 ".%06" PRIu64, microseconds < 0 ? "-" : "", magnitude / 1000000,
             magnitude % 1000000);
    size_t len = strlen(out);
    while (out[len - 1] == '0') {
        out[--len] = '\0';
    }
    if (out[len - 1] == '.') {
        out[len - 1] = '\0';
    }
}

static void fill_json(struct http_response *response, const struct order_counts *counts)
{
    char average[32];
    metrics_text_format_seconds(counts->completed > 0 ? counts->duration_us / counts->completed : 0,
                                average);
    http_response_print(response, 200, "application/json",
                        "{\"total_orders\":%" PRId64 ",\"average_processing_time\":%s,"
                        "\"pending_orders\":%" PRId64 ",\"processing_orders\":%" PRId64
                        ",\"completed_orders\":%" PRId64 "}",
                        counts->created, average, counts->created - counts->started,
                        counts->started - counts->completed, counts->completed);
}

void metrics_text_fill(struct http_response *response, enum metrics_form form,
                       const struct order_counts *counts)
{
    if (form == METRICS_JSON) {
        fill_json(response, counts);
        return;
    }
    /* OpenMetrics names a counter's family without _total and ends with # EOF. */
    bool open = form == METRICS_OPENMETRICS;
    const char *family = open ? "orders_created" : "orders_created_total";
    char sum[32];
    metrics_text_format_seconds(counts->duration_us, sum);
    char *text = malloc(TEXT_SIZE);
    if (text == NULL) {
        problem_unavailable(response, "/metrics", "out of memory; try again");
        return;
    }
    int len = snprintf(text, TEXT_SIZE,
                       "# HELP %s Orders stored since the first.\n"
                       "# TYPE %s counter\n"
                       "orders_created_total %" PRId64 "\n"
                       "# HELP orders Orders by status.\n"
                       "# TYPE orders gauge\n"
                       "orders{status=\"pending\"} %" PRId64 "\n"
                       "orders{status=\"processing\"} %" PRId64 "\n"
                       "orders{status=\"completed\"} %" PRId64 "\n"
                       "# HELP orders_duration_seconds Time from created to completed.\n"
                       "# TYPE orders_duration_seconds summary\n"
                       "orders_duration_seconds_sum %s\n"
                       "orders_duration_seconds_count %" PRId64 "\n"
                       "%s",
                       family, family, counts->created, counts->created - counts->started,
                       counts->started - counts->completed, counts->completed, sum,
                       counts->completed, open ? "# EOF\n" : "");
    http_response_take_body(response, 200,
                            open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                 : "text/plain; version=0.0.4; charset=utf-8",
                            text, (size_t)len);
}
