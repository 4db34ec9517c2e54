/* SPDX-License-Identifier: MIT */
/*
 * What every route knows of a request that was admitted: the application's part of an exchange. A
 * route that needs more has a struct of its own that begins with this one.
 */
#ifndef API_SERVICE_ROUTES_REQUEST_H
#define API_SERVICE_ROUTES_REQUEST_H

#include "api-service/routes/service.h"
#include "common/http/http_exchange.h"
#include "common/order/order.h"

struct route;

enum { REQUEST_PARAMETERS_MAX = 2 /* of one path */ };

/* A segment of the path that stands for "{name}" in the route's, as sent: not unescaped. */
struct path_parameter {
    const char *text;
    size_t len;
};

struct request {
    struct http_exchange *exchange;
    const struct route *route;
    struct path_parameter parameters[REQUEST_PARAMETERS_MAX];
    char client_id[ORDER_CLIENT_ID_SIZE];
};

#endif
