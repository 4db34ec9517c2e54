/* SPDX-License-Identifier: MIT */
#include "api-service/routes/dispatch.h"

#include <string.h>

#include "api-service/admission/request_gate.h"
#include "api-service/routes/router.h"
#include "common/http/problem.h"

static bool check_gate(struct http_exchange *exchange, const struct http_head *head)
{
    const char *wrong = request_gate_check(head);
    if (wrong == NULL) {
        return true;
    }
    problem_bad_request(exchange, wrong);
    exchange->response.close = true; /* what follows on this connection cannot be trusted */
    return false;
}

/* The request, with its route and the path's parameters; NULL: it is answered. */
static struct request *find_route(struct http_exchange *exchange, const struct http_head *head)
{
    struct route_match match;
    router_find(head->method, exchange->target, &match);
    if (match.route == NULL && match.allowed[0] != '\0') {
        problem_method_not_allowed(exchange, match.allowed);
        return NULL;
    }
    if (match.route == NULL) {
        problem_not_found(exchange, "there is nothing at this path");
        return NULL;
    }
    struct request *request = http_exchange_allocate(exchange, match.route->request_size);
    if (request == NULL) {
        problem_unavailable(exchange, "out of memory; try again");
        return NULL;
    }
    request->exchange = exchange;
    request->route = match.route;
    memcpy(request->parameters, match.parameters, sizeof match.parameters);
    return request;
}

static bool read_query(struct http_exchange *exchange)
{
    const char *wrong;
    enum status status = http_query_parse(exchange->target, &exchange->query, &wrong);
    if (status == STATUS_INVALID) {
        problem_bad_request(exchange, wrong);
    } else if (status != STATUS_OK) {
        problem_unavailable(exchange, "out of memory; try again");
    }
    return status == STATUS_OK;
}

static enum http_next on_head(void *context, struct http_exchange *exchange,
                              const struct http_head *head)
{
    const struct service *service = context;
    struct request *request = check_gate(exchange, head) ? find_route(exchange, head) : NULL;
    if (request == NULL) {
        return HTTP_ANSWER;
    }
    const struct route *route = request->route;
    enum http_next next =
        admission_check(&route->admission, &service->logins, exchange, head, request->client_id);
    if (next != HTTP_READ_BODY) {
        return next;
    }
    bool read =
        read_query(exchange) && (route->read_head == NULL || route->read_head(request, head));
    return read ? HTTP_READ_BODY : HTTP_ANSWER;
}

static enum http_next on_request(void *context, struct http_exchange *exchange)
{
    struct request *request = exchange->data;
    return request->route->start(context, request);
}

struct http_application dispatch_application(struct service *service)
{
    return (
        struct http_application){.context = service, .on_head = on_head, .on_request = on_request};
}
