/* SPDX-License-Identifier: MIT */
/*
 * What every request must pass before its handler: clean HTTP, a route, credentials, the right kind
 * of body. Does not block.
 */
#ifndef API_SERVICE_ADMISSION_ADMISSION_H
#define API_SERVICE_ADMISSION_ADMISSION_H

#include "api-service/routes/orders.h"

/*
 * HTTP_READ_BODY: admitted; the request has its route, client, idempotency key and metrics form.
 * HTTP_ANSWER: refused; the response says why.
 */
enum http_next admission_check(const struct service *service, struct request *request,
                               const struct http_head *head);

#endif
