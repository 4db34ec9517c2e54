/* SPDX-License-Identifier: MIT */
/* A request that waits for one of the batched reads. */
#ifndef API_SERVICE_ROUTES_READ_REQUEST_H
#define API_SERVICE_ROUTES_READ_REQUEST_H

#include "api-service/pipeline/reads.h"
#include "api-service/routes/request.h"

struct read_request {
    struct request base;
    struct read_ticket ticket;
};

/*
 * Hands `ticket`, which says what is to be read, to the reads; `then` runs when it is done. Answers
 * 503 where too many wait.
 */
enum http_next read_request_submit(struct service *service, struct read_request *request,
                                   const struct read_ticket *ticket,
                                   enum http_next (*then)(void *context,
                                                          struct http_exchange *exchange));

/* 503: the read has failed. */
void read_request_refuse(struct http_exchange *exchange);

#endif
