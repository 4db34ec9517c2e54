/* SPDX-License-Identifier: MIT */
/* The metrics in the three forms a client may ask for. Pure. */
#ifndef API_SERVICE_ROUTES_METRICS_TEXT_H
#define API_SERVICE_ROUTES_METRICS_TEXT_H

#include "api-service/admission/accept.h"
#include "common/http/http_response.h"
#include "common/queue/queue.h"
#include "common/store/store.h"

/*
 * `remote`, unless NULL, is this process's Redis: the Prometheus and OpenMetrics texts also tell
 * how often it has failed, and by what. All else is the database's, and the same in each process.
 */
void metrics_text_fill(struct http_response *response, enum metrics_form form,
                       const struct order_counts *counts, struct queue *remote);

/* Seconds with as many of six decimals as are needed: "2.5", "0", "-0.000001". */
void metrics_text_format_seconds(int64_t microseconds, char out[32]);

#endif
