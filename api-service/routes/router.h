/* SPDX-License-Identifier: MIT */
/* Which handler answers which request: one table. Pure. */
#ifndef API_SERVICE_ROUTES_ROUTER_H
#define API_SERVICE_ROUTES_ROUTER_H

#include <stdbool.h>

#include "api-service/routes/orders.h"

struct route {
    const char *method; /* "GET" answers HEAD too */
    const char *path;   /* with a '/' at its end: any one segment may follow */
    bool open;          /* needs no credentials */
    bool takes_json;    /* the body must be application/json */
    /* Starts to deal with the complete request. */
    enum http_next (*start)(struct service *service, struct request *request);
    /* Fills the response in after a wait. */
    void (*finish)(struct service *service, struct request *request);
};

/*
 * The route for `method` and the path of `target`. NULL: there is none; then `*allowed` lists the
 * methods the path does answer, or is NULL when nothing is there at all.
 */
const struct route *router_find(const char *method, const char *target, const char **allowed);

#endif
