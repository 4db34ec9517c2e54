/* SPDX-License-Identifier: MIT */
/* POST /order and GET /order/{id}: an order in, and how far it is. */
#ifndef API_SERVICE_ROUTES_ORDERS_H
#define API_SERVICE_ROUTES_ORDERS_H

#include "api-service/pipeline/intake.h"
#include "api-service/routes/read_request.h"

struct create_order {
    struct request base;
    struct order order;
    struct intake_ticket ticket;
};

/* Takes the Idempotency-Key. */
bool create_order_read_head(struct request *request, const struct http_head *head);

/* Stores the order with all others that wait, then answers with its id and Location. */
enum http_next create_order_start(struct service *service, struct request *request);

/* Answers with the status of the order, 404 if it is not this client's. */
enum http_next get_order_start(struct service *service, struct request *request);

#endif
