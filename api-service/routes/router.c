/* SPDX-License-Identifier: MIT */
#include "api-service/routes/router.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api-service/routes/health.h"
#include "api-service/routes/metrics.h"
#include "api-service/routes/orders.h"

static const struct route routes[] = {
    {.method = "POST",
     .path = "/order",
     .admission = {.takes_json = true},
     .request_size = sizeof(struct create_order),
     .read_head = create_order_read_head,
     .start = create_order_start},
    {.method = "GET",
     .path = "/order/{id}",
     .request_size = sizeof(struct read_request),
     .start = get_order_start},
    {.method = "GET",
     .path = "/metrics",
     .request_size = sizeof(struct metrics_request),
     .read_head = metrics_read_head,
     .start = metrics_start},
    {.method = "GET",
     .path = "/livez",
     .admission = {.open = true},
     .request_size = sizeof(struct request),
     .start = livez_start},
    {.method = "GET",
     .path = "/healthz",
     .admission = {.open = true},
     .request_size = sizeof(struct request),
     .start = livez_start},
    {.method = "GET",
     .path = "/readyz",
     .admission = {.open = true},
     .request_size = sizeof(struct read_request),
     .start = readyz_start},
};

/* Both begin with a '/'. `parameters` gets what stands for the pattern's names. */
static bool matches_path(const char *pattern, const char *path, size_t path_len,
                         struct path_parameter parameters[REQUEST_PARAMETERS_MAX])
{
    const char *end = path + path_len;
    size_t count = 0;
    while (*pattern == '/' && path < end && *path == '/') {
        pattern++;
        path++;
        size_t pattern_len = strcspn(pattern, "/");
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t len = (size_t)((slash != NULL ? slash : end) - path);
        if (*pattern == '{') {
            assert(count < REQUEST_PARAMETERS_MAX);
            parameters[count++] = (struct path_parameter){.text = path, .len = len};
        } else if (len != pattern_len || memcmp(path, pattern, len) != 0) {
            return false;
        }
        pattern += pattern_len;
        path += len;
    }
    return *pattern == '\0' && path == end;
}

static bool matches_method(const struct route *route, const char *method)
{
    return strcmp(method, route->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void allow(struct route_match *match, const char *method)
{
    size_t len = strlen(match->allowed);
    int added = snprintf(match->allowed + len, sizeof match->allowed - len, "%s%s%s",
                         len > 0 ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
    assert(added > 0 && (size_t)added < sizeof match->allowed - len);
}

void router_find_in(const struct route table[], size_t count, const char *method,
                    const char *target, struct route_match *match)
{
    size_t path_len = strcspn(target, "?");
    *match = (struct route_match){0};
    for (size_t i = 0; i < count; i++) {
        if (!matches_path(table[i].path, target, path_len, match->parameters)) {
            continue;
        }
        if (matches_method(&table[i], method)) {
            match->route = &table[i];
            match->allowed[0] = '\0';
            return;
        }
        allow(match, table[i].method);
    }
}

void router_find(const char *method, const char *target, struct route_match *match)
{
    router_find_in(routes, sizeof routes / sizeof routes[0], method, target, match);
}
