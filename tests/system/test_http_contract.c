/* SPDX-License-Identifier: MIT */
/* The wire contract: orders, from body to row to answer, on every kind of database. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"
#include "tests/system/http_fixture.h"

enum { BODY_MAX = 64 * 1024, LIMIT_MS = 10000 };

TestSuite(http_contract, .init = start, .fini = finish, .timeout = 60);

Test(http_contract, a_stored_order_is_answered_with_its_id_and_place)
{
    post_good_order();
}

Test(http_contract, an_order_is_stored_as_it_was_sent)
{
    uint64_t id = expect_created(
        http_post_order(client,
                        "{ \"total_amount\" : 2.5075e2 , \"item_ids\" : [101, \"a\\u00e9\","
                        "9007199254740991 ] , \"user_id\" : \"J\\u00f6rg \xe2\x82\xac\" }"));
    char query[512];
    snprintf(query, sizeof query,
             "SELECT count(*) FROM orders WHERE id = %" PRIu64 " AND client_id = 'test-client' "
             "AND user_id = 'J\xc3\xb6rg \xe2\x82\xac' AND total_cents = 25075 "
             "AND item_ids = '[101, \"a\\u00e9\",9007199254740991 ]'",
             id);
    cr_assert_eq(ask_database(query), 1);
}

Test(http_contract, order_ids_grow_and_are_never_given_twice)
{
    uint64_t last = 0;
    for (int i = 0; i < 50; i++) {
        uint64_t id = post_good_order();
        cr_assert_gt(id, last);
        last = id;
    }
}

Test(http_contract, unknown_members_are_ignored)
{
    expect_created(http_post_order(client, "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1,"
                                           "\"note\":{\"deep\":[null,true]},\"User_Id\":7}"));
}

static const char *const amounts_at_the_limits[] = {"0",   "-0",     "0.01", "9999999999.99",
                                                    "1e2", "250.750"};

Test(http_contract, amounts_at_the_limits_are_taken)
{
    for (size_t i = 0; i < sizeof amounts_at_the_limits / sizeof amounts_at_the_limits[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"user_id\":\"u\",\"item_ids\":[0],\"total_amount\":%s}",
                 amounts_at_the_limits[i]);
        expect_created(http_post_order(client, body));
    }
    cr_assert_eq(ask_database("SELECT sum(total_cents) FROM orders"),
                 0 + 0 + 1 + 999999999999 + 10000 + 25075);
}

Test(http_contract, a_user_id_may_have_64_characters_of_four_bytes)
{
    char user[4 * 64 + 1] = "";
    char body[512];
    char query[512];
    for (int i = 0; i < 64; i++) {
        strcat(user, "\xf0\x9f\x98\x80");
    }
    snprintf(body, sizeof body, "{\"item_ids\":[1],\"total_amount\":1,\"user_id\":\"%s\"}", user);
    expect_created(http_post_order(client, body));
    snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE user_id = '%s'", user);
    cr_assert_eq(ask_database(query), 1);
}

Test(http_contract, an_order_may_have_1000_items)
{
    char body[8192] = "{\"user_id\":\"u\",\"total_amount\":1,\"item_ids\":[1";
    for (int i = 1; i < 1000; i++) {
        strcat(body, ",12");
    }
    strcat(body, "]}");
    expect_created(http_post_order(client, body));
    cr_assert_eq(ask_database("SELECT length(item_ids) FROM orders"),
                 (int64_t)strlen("[1]") + 999 * (int64_t)strlen(",12"));
}

Test(http_contract, an_order_is_shown_with_its_id_and_status)
{
    uint64_t id = post_good_order();
    cr_assert(wait_until(any_is_processing, NULL, LIMIT_MS));
    expect_order(get_order(client, id), id, "Processing");
}

Test(http_contract, a_query_behind_the_path_changes_nothing)
{
    uint64_t id = post_good_order();
    char path[64];
    cr_assert(wait_until(any_is_processing, NULL, LIMIT_MS));
    snprintf(path, sizeof path, "/order/ORD%" PRIu64 "?x=/y", id);
    expect_order(http_get(client, path), id, "Processing");
}

/* Bodies of the wrong size, kind and content; test_bad_bodies.c goes deeper */

/* A good order with blanks behind it, `len` bytes in all. free() it. */
static char *make_padded_order(size_t len)
{
    char *body = malloc(len);
    cr_assert_not_null(body);
    memset(body, ' ', len);
    memcpy(body, EXPECT_GOOD_ORDER, strlen(EXPECT_GOOD_ORDER));
    return body;
}

Test(http_contract, a_body_of_64_kib_is_taken)
{
    char *body = make_padded_order(BODY_MAX);
    expect_created(http_call(client, "POST", "/order", NULL, body, BODY_MAX));
    free(body);
}

Test(http_contract, a_longer_body_is_too_large)
{
    char *body = make_padded_order(BODY_MAX + 1);
    expect_problem(http_call(client, "POST", "/order", NULL, body, BODY_MAX + 1), 413, "/order");
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 0);
    free(body);
}

Test(http_contract, a_longer_body_in_chunks_is_too_large)
{
    static const char *const headers[] = {"Transfer-Encoding: chunked", NULL};
    char *body = make_padded_order(BODY_MAX + 1);
    expect_problem(http_call(client, "POST", "/order", headers, body, BODY_MAX + 1), 413, "/order");
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 0);
    free(body);
}

Test(http_contract, a_body_in_chunks_is_taken)
{
    expect_created(post_with("Transfer-Encoding: chunked", EXPECT_GOOD_ORDER));
}

Test(http_contract, a_body_that_is_not_json_by_its_type_is_unsupported)
{
    static const char *const headers[] = {
        "Content-Type:",
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: application/jsonx",
        "Content-Type: application/json; charset=iso-8859-1",
        "Content-Type: application/jsoncharset=utf-8",
        "Content-Type: application/json; charset=\"utf-8",
        "Content-Encoding: gzip",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        expect_problem(post_with(headers[i], EXPECT_GOOD_ORDER), 415, "/order");
    }
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 0);
}

Test(http_contract, json_may_be_named_in_any_case_and_with_its_charset)
{
    expect_created(post_with("Content-Type: Application/JSON", EXPECT_GOOD_ORDER));
    expect_created(post_with("Content-Type: application/json; charset=UTF-8", EXPECT_GOOD_ORDER));
    expect_created(
        post_with("Content-Type: application/json;charset=\"utf-8\"", EXPECT_GOOD_ORDER));
    expect_created(post_with("Content-Type: application/json;", EXPECT_GOOD_ORDER));
}

Test(http_contract, wrong_content_is_reported_member_by_member)
{
    const struct http_response *response = http_post_order(
        client, "{\"user_id\":7,\"item_ids\":[1,null,\"x\",1.5],\"total_amount\":\"250.75\"}");
    expect_problem(response, 422, "/order");
    expect_field_error(response, "user_id", -1, "wrong_type");
    expect_field_error(response, "item_ids", 1, "wrong_type");
    expect_field_error(response, "item_ids", 3, "not_an_integer_in_range");
    expect_field_error(response, "total_amount", -1, "wrong_type");
}

Test(http_contract, broken_json_is_a_bad_request)
{
    expect_problem(http_post_order(client, "{\"user_id\":"), 400, "/order");
}

Test(http_contract, duplicate_keys_are_a_bad_request)
{
    expect_problem(http_post_order(client, "{\"user_id\":\"u\",\"item_ids\":[1],"
                                           "\"total_amount\":1,\"total_\\u0061mount\":2}"),
                   400, "/order");
    cr_assert_eq(ask_database("SELECT count(*) FROM orders"), 0);
}

Test(http_contract, an_instance_is_the_path_without_the_query)
{
    expect_problem(http_get(client, "/order/ORD77?secret=x"), 404, "/order/ORD77");
}
