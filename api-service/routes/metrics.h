/* SPDX-License-Identifier: MIT */
/* GET /metrics: the counters, as JSON or text; with ?verify=1 a recount of all orders beside them.
 */
#ifndef API_SERVICE_ROUTES_METRICS_H
#define API_SERVICE_ROUTES_METRICS_H

#include "api-service/admission/accept.h"
#include "api-service/pipeline/verifier.h"
#include "api-service/routes/read_request.h"

struct metrics_request {
    struct read_request read;
    enum metrics_form form;
    struct verify_ticket verify;
};

/* Takes the form that the client prefers from Accept. */
bool metrics_read_head(struct request *request, const struct http_head *head);
enum http_next metrics_start(struct service *service, struct request *request);

#endif
