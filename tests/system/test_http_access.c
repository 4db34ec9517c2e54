/* SPDX-License-Identifier: MIT */
/* The wire contract: who may see what, and what is not there. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"
#include "tests/system/http_fixture.h"

#define CHALLENGE "Basic realm=\"orders\", charset=\"UTF-8\""

TestSuite(http_access, .init = start, .fini = finish, .timeout = 60);

/* Credentials */

static const struct {
    const char *method;
    const char *path;
} guarded[] = {{"POST", "/order"}, {"GET", "/order/ORD1"}, {"GET", "/metrics"}};

static void expect_challenge(const struct http_response *response, const char *path)
{
    expect_problem(response, 401, path);
    expect_header(response, "WWW-Authenticate", CHALLENGE);
}

Test(http_access, without_credentials_every_guarded_route_answers_with_a_challenge)
{
    for (size_t i = 0; i < sizeof guarded / sizeof guarded[0]; i++) {
        bool posts = strcmp(guarded[i].method, "POST") == 0;
        expect_challenge(http_call(stranger, guarded[i].method, guarded[i].path, NULL,
                                   posts ? EXPECT_GOOD_ORDER : NULL,
                                   posts ? strlen(EXPECT_GOOD_ORDER) : 0),
                         guarded[i].path);
    }
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 0);
}

/* The right ones are dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=, test-client:test-secret. */
static const char *const wrong_credentials[] = {
    "Authorization: Basic",
    "Authorization: Basic ",
    "Authorization: Basicx dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=",
    "Authorization: Bearer dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=",
    "Authorization: dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=",
    "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=x",
    "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ= ZA==",
    "Authorization: Basic test-client:test-secret",
    "Authorization: Basic !!!!",
    "Authorization: Basic dGVzdC1jbGllbnQ=",                 /* test-client */
    "Authorization: Basic dGVzdC1jbGllbnQ6",                 /* test-client: */
    "Authorization: Basic OnRlc3Qtc2VjcmV0",                 /* :test-secret */
    "Authorization: Basic Og==",                             /* : */
    "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXR4", /* test-client:test-secretx */
    "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZQ==", /* test-client:test-secre */
    "Authorization: Basic dGVzdC1jbGllbnQ6VGVzdC1zZWNyZXQ=", /* test-client:Test-secret */
    "Authorization: Basic eHRlc3QtY2xpZW50OnRlc3Qtc2VjcmV0", /* xtest-client:test-secret */
    "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQA", /* test-client:test-secret, NUL */
};

Test(http_access, malformed_and_wrong_credentials_answer_with_a_challenge)
{
    for (size_t i = 0; i < sizeof wrong_credentials / sizeof wrong_credentials[0]; i++) {
        expect_challenge(get_with(stranger, wrong_credentials[i], "/metrics"), "/metrics");
    }
}

Test(http_access, the_scheme_of_credentials_may_be_in_any_case)
{
    expect_status(get_with(stranger,
                           "Authorization: bASIC dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=", "/metrics"),
                  200);
}

Test(http_access, health_routes_need_no_credentials)
{
    expect_status(http_get(stranger, "/livez"), 200);
    expect_status(http_get(stranger, "/healthz"), 200);
    expect_status(http_get(stranger, "/readyz"), 200);
}

/* What is not there */

static const char *const absent_orders[] = {
    "/order/ORD999999999",
    "/order/ORD9223372036854775807",
    "/order/ORD9223372036854775808",
    "/order/ORD0",
    "/order/ORD01",
    "/order/ORD-1",
    "/order/ord1",
    "/order/1",
    "/order/ORD1x",
    "/order/ORD1%00",
    "/order/%4fRD1",
    "/order/ORD%31",
    "/order/ORD",
    "/order/",
    "/order/ORD1'",
    "/order/ORD18446744073709551617",
};

/* The body with its instance cut out, and the header lines of it, for comparing. */
static void keep_rest(const struct http_response *response, const char *instance, char out[1024])
{
    char member[256];
    snprintf(member, sizeof member, "\"instance\":\"%s\"", instance);
    const char *at = strstr(response->body, member);
    cr_assert_not_null(at, "no %s in %s", member, response->body);
    snprintf(out, 1024, "%.*s...%s", (int)(at - response->body), response->body,
             at + strlen(member));
}

static void expect_absent(const char *path, const char *expected)
{
    char rest[1024];
    const struct http_response *response = http_get(client, path);
    expect_problem(response, 404, path);
    keep_rest(response, path, rest);
    cr_assert_str_eq(rest, expected, "%s: %s", path, response->body);
}

Test(http_access, unknown_and_malformed_and_other_clients_orders_look_the_same)
{
    char expected[1024];
    char path[64];
    start_other();
    uint64_t id = expect_created(http_post_order(other, EXPECT_GOOD_ORDER));
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
    const struct http_response *response = http_get(client, path);
    expect_problem(response, 404, path);
    keep_rest(response, path, expected);
    for (size_t i = 0; i < sizeof absent_orders / sizeof absent_orders[0]; i++) {
        expect_absent(absent_orders[i], expected);
    }
}

Test(http_access, each_client_sees_its_own_orders)
{
    start_other();
    uint64_t own = post_good_order();
    uint64_t others = expect_created(http_post_order(other, EXPECT_GOOD_ORDER));
    expect_status(get_order(client, own), 200);
    expect_status(get_order(other, others), 200);
    expect_status(get_order(other, own), 404);
}

Test(http_access, two_services_on_one_database_never_give_the_same_id)
{
    start_other();
    for (int i = 0; i < 20; i++) {
        cr_assert_neq(post_good_order(), expect_created(http_post_order(other, EXPECT_GOOD_ORDER)));
    }
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 40);
}

Test(http_access, a_path_where_nothing_is_answers_404)
{
    static const char *const paths[] = {"/", "/orders", "/order/ORD1/items", "/metrics/",
                                        "//order"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        expect_problem(http_get(client, paths[i]), 404, paths[i]);
    }
}

Test(http_access, a_wrong_method_gets_the_right_ones_in_allow)
{
    static const struct {
        const char *method;
        const char *path;
        const char *allow;
    } cases[] = {
        {"GET", "/order", "POST"},
        {"PUT", "/order", "POST"},
        {"DELETE", "/order", "POST"},
        {"OPTIONS", "/order", "POST"},
        {"POST", "/order/ORD1", "GET, HEAD"},
        {"DELETE", "/order/ORD1", "GET, HEAD"},
        {"PATCH", "/metrics", "GET, HEAD"},
        {"POST", "/livez", "GET, HEAD"},
        {"TRACE", "/healthz", "GET, HEAD"},
        {"INVENTED", "/readyz", "GET, HEAD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct http_response *response =
            http_call(client, cases[i].method, cases[i].path, NULL, NULL, 0);
        expect_problem(response, 405, cases[i].path);
        expect_header(response, "Allow", cases[i].allow);
    }
}
