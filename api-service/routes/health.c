/* SPDX-License-Identifier: MIT */
#include "api-service/routes/health.h"

#include <stdio.h>

#include "api-service/pipeline/intake.h"
#include "api-service/pipeline/worker_watch.h"
#include "common/http/problem.h"

enum { LIVENESS_DEADLINE_MS = 1000 };

/* A member beside the status. */
#define STALLED ",\"warning\":\"orders wait, and no order-worker starts them\""

enum http_next livez_start(struct service *service, struct request *request)
{
    (void)service;
    http_response_print(&request->exchange->response, 200, "application/json",
                        "{\"status\":\"alive\"}");
    return HTTP_ANSWER;
}

static void refuse_orders(struct http_exchange *exchange, const char *refusal)
{
    char detail[128];
    snprintf(detail, sizeof detail, "the database refuses to store orders: %s; see the log",
             refusal);
    problem_unavailable(exchange, detail);
}

static bool refuse_while_draining(const struct service *service, struct http_exchange *exchange)
{
    if (!atomic_load(&service->draining)) {
        return false;
    }
    problem_unavailable(exchange, "shutting down");
    return true;
}

static enum http_next answer_readiness(void *context, struct http_exchange *exchange)
{
    const struct service *service = context;
    const struct read_request *request = exchange->data;
    if (refuse_while_draining(service, exchange)) { /* the intake may have ended */
        return HTTP_ANSWER;
    }
    if (request->ticket.status != STATUS_OK) {
        read_request_refuse(exchange);
        return HTTP_ANSWER;
    }
    const char *refusal = intake_refusal(service->intake);
    if (refusal != NULL) {
        refuse_orders(exchange, refusal);
        return HTTP_ANSWER;
    }
    /* Ready all the same: orders are stored, and complete once a worker comes. */
    bool is_stalled = service->watch != NULL && worker_watch_is_stalled(service->watch);
    http_response_print(&exchange->response, 200, "application/json", "{\"status\":\"ready\"%s}",
                        is_stalled ? STALLED : "");
    return HTTP_ANSWER;
}

enum http_next readyz_start(struct service *service, struct request *request)
{
    if (refuse_while_draining(service, request->exchange)) {
        return HTTP_ANSWER;
    }
    const struct read_ticket ticket = {.kind = READ_LIVENESS, .deadline_ms = LIVENESS_DEADLINE_MS};
    return read_request_submit(service, (struct read_request *)request, &ticket, answer_readiness);
}
