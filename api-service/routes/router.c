/* SPDX-License-Identifier: MIT */
#include "api-service/routes/router.h"

#include <string.h>

static const struct route routes[] = {
    {"POST", "/order", false, true, handle_create_order, finish_create_order},
    {"GET", "/order/", false, false, handle_get_order, finish_get_order},
    {"GET", "/metrics", false, false, handle_metrics, finish_metrics},
    {"GET", "/livez", true, false, handle_livez, NULL},
    {"GET", "/healthz", true, false, handle_livez, NULL},
    {"GET", "/readyz", true, false, handle_readyz, finish_readyz},
};

static bool matches_path(const struct route *route, const char *target)
{
    size_t len = strcspn(target, "?");
    size_t route_len = strlen(route->path);
    if (route->path[route_len - 1] != '/') {
        return len == route_len && memcmp(target, route->path, len) == 0;
    }
    return len >= route_len && memcmp(target, route->path, route_len) == 0 &&
           memchr(target + route_len, '/', len - route_len) == NULL;
}

static bool matches_method(const struct route *route, const char *method)
{
    return strcmp(method, route->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

const struct route *router_find(const char *method, const char *target, const char **allowed)
{
    *allowed = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!matches_path(&routes[i], target)) {
            continue;
        }
        if (matches_method(&routes[i], method)) {
            return &routes[i];
        }
        *allowed = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;
    }
    return NULL;
}
