/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "api-service/routes/health.h"
#include "api-service/routes/metrics.h"
#include "api-service/routes/orders.h"
#include "api-service/routes/router.h"

static const struct route *check_found(const char *method, const char *target)
{
    struct route_match match;
    router_find(method, target, &match);
    cr_assert_not_null(match.route, "%s %s is not found", method, target);
    cr_assert_str_empty(match.allowed, "%s %s", method, target);
    return match.route;
}

Test(router, each_call_of_the_contract_has_its_handler)
{
    cr_assert_eq(check_found("POST", "/order")->start, create_order_start);
    cr_assert_eq(check_found("GET", "/order/ORD1")->start, get_order_start);
    cr_assert_eq(check_found("GET", "/metrics")->start, metrics_start);
    cr_assert_eq(check_found("GET", "/livez")->start, livez_start);
    cr_assert_eq(check_found("GET", "/healthz")->start, livez_start);
    cr_assert_eq(check_found("GET", "/readyz")->start, readyz_start);
}

Test(router, only_the_health_routes_are_open)
{
    cr_assert(check_found("GET", "/livez")->admission.open);
    cr_assert(check_found("GET", "/healthz")->admission.open);
    cr_assert(check_found("GET", "/readyz")->admission.open);
    cr_assert_not(check_found("GET", "/metrics")->admission.open);
    cr_assert_not(check_found("GET", "/order/ORD1")->admission.open);
    cr_assert_not(check_found("POST", "/order")->admission.open);
}

Test(router, only_the_order_is_taken_as_json)
{
    cr_assert(check_found("POST", "/order")->admission.takes_json);
    cr_assert_not(check_found("GET", "/order/ORD1")->admission.takes_json);
    cr_assert_not(check_found("GET", "/metrics")->admission.takes_json);
}

Test(router, head_goes_where_get_goes)
{
    static const char *const targets[] = {"/order/ORD1", "/metrics", "/livez", "/healthz",
                                          "/readyz"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        cr_assert_eq(check_found("HEAD", targets[i]), check_found("GET", targets[i]));
    }
}

Test(router, a_query_does_not_change_the_route)
{
    cr_assert_eq(check_found("GET", "/metrics?a=b"), check_found("GET", "/metrics"));
    cr_assert_eq(check_found("POST", "/order?"), check_found("POST", "/order"));
    cr_assert_eq(check_found("GET", "/order/ORD1?path=/x/y"), check_found("GET", "/order/ORD1"));
}

Test(router, one_segment_whatever_it_is_follows_order)
{
    static const char *const targets[] = {"/order/", "/order/x", "/order/%2F", "/order/?x"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        cr_assert_eq(check_found("GET", targets[i])->start, get_order_start, "%s", targets[i]);
    }
}

Test(router, other_paths_have_nothing)
{
    static const char *const targets[] = {
        "/",        "/orders", "/orde",     "/Order",  "/order/ORD1/", "/order/ORD1/x",
        "//order",  "/metric", "/metrics/", "/livez/", "/metrics%3F",  "/livez;x",
        "/?/order", "?",       "",
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct route_match match;
        router_find("GET", targets[i], &match);
        cr_assert_null(match.route, "%s", targets[i]);
        cr_assert_str_empty(match.allowed, "%s", targets[i]);
    }
}

Test(router, other_methods_get_the_ones_that_are_allowed)
{
    static const struct {
        const char *method;
        const char *target;
        const char *allowed;
    } cases[] = {
        {"GET", "/order", "POST"},
        {"HEAD", "/order", "POST"},
        {"DELETE", "/order/ORD1", "GET, HEAD"},
        {"POST", "/order/ORD1", "GET, HEAD"},
        {"POST", "/metrics", "GET, HEAD"},
        {"PUT", "/livez?x", "GET, HEAD"},
        {"post", "/order", "POST"},
        {"GETX", "/metrics", "GET, HEAD"},
        {"", "/metrics", "GET, HEAD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct route_match match;
        router_find(cases[i].method, cases[i].target, &match);
        cr_assert_null(match.route, "%s %s", cases[i].method, cases[i].target);
        cr_assert_str_eq(match.allowed, cases[i].allowed, "%s %s", cases[i].method,
                         cases[i].target);
    }
}

/* What later tables look like: several methods a path, parameters in the middle. */
static const struct route table[] = {
    {.method = "GET", .path = "/orders"},
    {.method = "POST", .path = "/orders"},
    {.method = "GET", .path = "/orders/newest"},
    {.method = "GET", .path = "/orders/{id}"},
    {.method = "GET", .path = "/orders/{id}/history"},
    {.method = "POST", .path = "/orders/{id}/retry"},
    {.method = "PATCH", .path = "/hooks/{hook}/of/{client}"},
    {.method = "GET", .path = "/"},
};

static void find(const char *method, const char *target, struct route_match *match)
{
    router_find_in(table, sizeof table / sizeof table[0], method, target, match);
}

static void check_path(const char *method, const char *target, const char *path)
{
    struct route_match match;
    find(method, target, &match);
    cr_assert_not_null(match.route, "%s %s", method, target);
    cr_assert_str_eq(match.route->path, path, "%s %s", method, target);
}

static void check_parameter(const struct route_match *match, size_t index, const char *text)
{
    const struct path_parameter *parameter = &match->parameters[index];
    cr_assert_eq(parameter->len, strlen(text), "%zu", parameter->len);
    cr_assert_arr_eq(parameter->text, text, parameter->len);
}

Test(router, parameters_may_stand_in_the_middle)
{
    struct route_match match;
    check_path("GET", "/orders/ORD1", "/orders/{id}");
    check_path("GET", "/orders/ORD1/history", "/orders/{id}/history");
    check_path("HEAD", "/orders/ORD1/history?a=/x", "/orders/{id}/history");
    check_path("POST", "/orders//retry", "/orders/{id}/retry");
    check_path("GET", "/", "/");
    find("GET", "/orders/ORD1/history?x", &match);
    check_parameter(&match, 0, "ORD1");
    find("PATCH", "/hooks/seven/of/me", &match);
    check_parameter(&match, 0, "seven");
    check_parameter(&match, 1, "me");
}

Test(router, the_first_route_that_fits_is_taken)
{
    check_path("GET", "/orders/newest", "/orders/newest");
    check_path("GET", "/orders/newest/history", "/orders/{id}/history");
}

Test(router, every_method_of_a_path_is_allowed)
{
    static const struct {
        const char *method;
        const char *target;
        const char *allowed;
    } cases[] = {
        {"DELETE", "/orders", "GET, HEAD, POST"},
        {"DELETE", "/orders/ORD1", "GET, HEAD"},
        {"POST", "/orders/ORD1/history", "GET, HEAD"},
        {"GET", "/orders/ORD1/retry", "POST"},
        {"GET", "/orders/ORD1/retries", ""},
        {"GET", "/orders/ORD1/history/", ""},
        {"GET", "/hooks/1/of", ""},
        {"GET", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct route_match match;
        find(cases[i].method, cases[i].target, &match);
        cr_assert_null(match.route, "%s %s", cases[i].method, cases[i].target);
        cr_assert_str_eq(match.allowed, cases[i].allowed, "%s %s: %s", cases[i].method,
                         cases[i].target, match.allowed);
    }
}
