/* SPDX-License-Identifier: MIT */
/*
 * The metrics of the API in the three forms a client may ask for. A new metric of the Prometheus
 * and OpenMetrics forms is a line of the table in metrics_text.c; the JSON form is a contract.
 *
 * Blocks: never. Threads: any, each with a text of its own. Owns: nothing.
 */
#ifndef API_SERVICE_ROUTES_METRICS_TEXT_H
#define API_SERVICE_ROUTES_METRICS_TEXT_H

#include <stdbool.h>

#include "api-service/admission/accept.h"
#include "common/base/text.h"
#include "common/queue/queue.h"
#include "common/store/store.h"

/*
 * Adds the metrics to `out`. `redis`, unless NULL, is this process's queue: the two text forms then
 * also say how often Redis has failed, by kind. All else comes from the database and is the same in
 * each process. False: no memory, part of the text is missing.
 */
bool metrics_text_print(struct text *out, enum metrics_form form, const struct order_counts *counts,
                        struct queue *redis);

/* For Content-Type. */
const char *metrics_text_media_type(enum metrics_form form);

#endif
