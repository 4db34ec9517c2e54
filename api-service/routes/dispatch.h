/* SPDX-License-Identifier: MIT */
/*
 * What happens to each request, in this order: clean HTTP, a route, admission, the query, what the
 * route takes from the head; then its body is read, and the route starts.
 */
#ifndef API_SERVICE_ROUTES_DISPATCH_H
#define API_SERVICE_ROUTES_DISPATCH_H

#include "api-service/routes/service.h"
#include "common/http/http_exchange.h"

/* The HTTP server's application, on `service`. */
struct http_application dispatch_application(struct service *service);

#endif
