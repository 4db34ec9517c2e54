/* SPDX-License-Identifier: MIT */
/*
 * Which route answers which request: one table, in router.c. Adding a route is a line there, and
 * its handler in the file of its subject. Pure.
 */
#ifndef API_SERVICE_ROUTES_ROUTER_H
#define API_SERVICE_ROUTES_ROUTER_H

#include <stdbool.h>

#include "api-service/admission/admission.h"
#include "api-service/routes/request.h"

struct route {
    const char *method; /* "GET" answers HEAD too */
    const char *path;   /* "/orders/{id}/history": each "{name}" stands for any one segment */
    struct admission admission;
    size_t request_size; /* bytes of the route's own struct, which begins with a struct request */
    /* Takes from the head what the route needs. False: the response says what is wrong. May be
     * NULL. */
    bool (*read_head)(struct request *request, const struct http_head *head);
    /* Deals with the complete request: answers, or hands it on and waits. Must not block. */
    enum http_next (*start)(struct service *service, struct request *request);
};

enum { ROUTE_ALLOWED_SIZE = 64 };

struct route_match {
    const struct route *route; /* NULL: there is none */
    struct path_parameter parameters[REQUEST_PARAMETERS_MAX];
    /* Without a route: the methods that the path does answer, "GET, HEAD, POST"; empty when nothing
     * is there at all. */
    char allowed[ROUTE_ALLOWED_SIZE];
};

/* Looks for `method` and the path of `target` in the program's table. */
void router_find(const char *method, const char *target, struct route_match *match);

/* The same in any table. The first route that fits is taken. */
void router_find_in(const struct route routes[], size_t count, const char *method,
                    const char *target, struct route_match *match);

#endif
