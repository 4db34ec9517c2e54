/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "api-service/routes/router.h"

static const struct route *check_found(const char *method, const char *target)
{
    const char *allowed = "unset";
    const struct route *route = router_find(method, target, &allowed);
    cr_assert_not_null(route, "%s %s is not found", method, target);
    cr_assert_null(allowed, "%s %s", method, target);
    return route;
}

Test(router, each_call_of_the_contract_has_its_handler)
{
    cr_assert_eq(check_found("POST", "/order")->start, handle_create_order);
    cr_assert_eq(check_found("POST", "/order")->finish, finish_create_order);
    cr_assert_eq(check_found("GET", "/order/ORD1")->start, handle_get_order);
    cr_assert_eq(check_found("GET", "/order/ORD1")->finish, finish_get_order);
    cr_assert_eq(check_found("GET", "/metrics")->start, handle_metrics);
    cr_assert_eq(check_found("GET", "/metrics")->finish, finish_metrics);
    cr_assert_eq(check_found("GET", "/livez")->start, handle_livez);
    cr_assert_eq(check_found("GET", "/healthz")->start, handle_livez);
    cr_assert_eq(check_found("GET", "/readyz")->start, handle_readyz);
    cr_assert_eq(check_found("GET", "/readyz")->finish, finish_readyz);
}

Test(router, only_the_health_routes_are_open)
{
    cr_assert(check_found("GET", "/livez")->open);
    cr_assert(check_found("GET", "/healthz")->open);
    cr_assert(check_found("GET", "/readyz")->open);
    cr_assert_not(check_found("GET", "/metrics")->open);
    cr_assert_not(check_found("GET", "/order/ORD1")->open);
    cr_assert_not(check_found("POST", "/order")->open);
}

Test(router, only_the_order_is_taken_as_json)
{
    cr_assert(check_found("POST", "/order")->takes_json);
    cr_assert_not(check_found("GET", "/order/ORD1")->takes_json);
    cr_assert_not(check_found("GET", "/metrics")->takes_json);
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
        cr_assert_eq(check_found("GET", targets[i])->start, handle_get_order, "%s", targets[i]);
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
        const char *allowed = "unset";
        cr_assert_null(router_find("GET", targets[i], &allowed), "%s", targets[i]);
        cr_assert_null(allowed, "%s", targets[i]);
    }
}

Test(router, other_methods_are_told_what_is_allowed)
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
        const char *allowed = NULL;
        cr_assert_null(router_find(cases[i].method, cases[i].target, &allowed), "%s %s",
                       cases[i].method, cases[i].target);
        cr_assert_not_null(allowed, "%s %s", cases[i].method, cases[i].target);
        cr_assert_str_eq(allowed, cases[i].allowed, "%s %s", cases[i].method, cases[i].target);
    }
}
