/* SPDX-License-Identifier: MIT */
#include "api-service/routes/metrics_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 4096 };

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

static size_t format_counts(char text[TEXT_SIZE], bool open, const struct order_counts *counts)
{
    /* OpenMetrics names a counter's family without _total. */
    const char *family = open ? "orders_created" : "orders_created_total";
    char sum[32];
    metrics_text_format_seconds(counts->duration_us, sum);
    int len =
        snprintf(text, TEXT_SIZE,
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
                 "orders_duration_seconds_count %" PRId64 "\n",
                 family, family, counts->created, counts->created - counts->started,
                 counts->started - counts->completed, counts->completed, sum, counts->completed);
    return (size_t)len;
}

static size_t format_failures(char *text, size_t room, bool open, struct queue *remote)
{
    const char *family = open ? "orders_redis_failures" : "orders_redis_failures_total";
    size_t len = (size_t)snprintf(text, room,
                                  "# HELP %s Failures of Redis that this process has met.\n"
                                  "# TYPE %s counter\n",
                                  family, family);
    for (size_t i = 0; i < REDIS_FAILURES; i++) {
        len += (size_t)snprintf(text + len, room - len,
                                "orders_redis_failures_total{kind=\"%s\"} %" PRIu64 "\n",
                                redis_failure_name((enum redis_failure)i),
                                queue_failures(remote, (enum redis_failure)i));
    }
    return len;
}

void metrics_text_fill(struct http_response *response, enum metrics_form form,
                       const struct order_counts *counts, struct queue *remote)
{
    if (form == METRICS_JSON) {
        fill_json(response, counts);
        return;
    }
    bool open = form == METRICS_OPENMETRICS;
    char *text = malloc(TEXT_SIZE);
    if (text == NULL) {
        return; /* the response stays as it is */
    }
    size_t len = format_counts(text, open, counts);
    if (remote != NULL) {
        len += format_failures(text + len, TEXT_SIZE - len, open, remote);
    }
    len += (size_t)snprintf(text + len, TEXT_SIZE - len, "%s", open ? "# EOF\n" : "");
    assert(len < TEXT_SIZE); /* the number of lines is fixed, and so is the size of a number */
    http_response_take_body(response, 200,
                            open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                 : "text/plain; version=0.0.4; charset=utf-8",
                            text, len);
}
