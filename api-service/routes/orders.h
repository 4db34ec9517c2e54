/* SPDX-License-Identifier: MIT */
/*
 * What each route does. A handler runs on a thread of the HTTP server, must not block, and either
 * answers or suspends the request and hands it to the intake or the reads; after that its `finish`
 * makes the answer.
 */
#ifndef API_SERVICE_ROUTES_ORDERS_H
#define API_SERVICE_ROUTES_ORDERS_H

#include "api-service/admission/accept.h"
#include "api-service/admission/auth.h"
#include "api-service/pipeline/intake.h"
#include "api-service/pipeline/reads.h"
#include "api-service/pipeline/verifier.h"
#include "common/http/http_server.h"

#include <stdatomic.h>

struct route;

/* What the handlers work with; one a process. Everything is borrowed. */
struct service {
    const struct auth *auth;
    struct intake *intake;
    struct reads *reads;
    struct verifier *verifier;
    struct queue *remote; /* for its figures; NULL without Redis */
    atomic_bool draining; /* not ready any more; requests are still answered */
};

/* One request on its way; the application's part of an exchange. */
struct request {
    struct http_exchange *exchange;
    const struct route *route;
    struct order order; /* client and idempotency key are known from the head on */
    enum metrics_form metrics_form;
    union {
        struct intake_ticket intake;
        struct read_ticket read;
        struct verify_ticket verify;
    } ticket;
};

/* The HTTP server's application, on `service`. */
struct http_application handlers_application(struct service *service);

enum http_next handle_create_order(struct service *service, struct request *request);
enum http_next handle_get_order(struct service *service, struct request *request);
enum http_next handle_metrics(struct service *service, struct request *request);
enum http_next handle_livez(struct service *service, struct request *request);
enum http_next handle_readyz(struct service *service, struct request *request);

void finish_create_order(struct service *service, struct request *request);
void finish_get_order(struct service *service, struct request *request);
void finish_metrics(struct service *service, struct request *request);
void finish_readyz(struct service *service, struct request *request);

#endif
