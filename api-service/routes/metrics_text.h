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
#include <stdint.h>

#include "api-service/admission/accept.h"
#include "common/base/text.h"
#include "common/queue/queue.h"
#include "common/store/store.h"

/* What one process has met since its start. */
struct process_figures {
    struct queue *redis; /* for its failures by kind; NULL: there is no Redis */
    uint64_t failed_logins;
};

/*
 * Adds the metrics to `out`. The two text forms also have what is of `process` alone; all else
 * comes from the database and is the same in each process. False: no memory, part of the text is
 * missing.
 */
bool metrics_text_print(struct text *out, enum metrics_form form, const struct order_counts *counts,
                        const struct process_figures *process);

/* For Content-Type. */
const char *metrics_text_media_type(enum metrics_form form);

#endif
