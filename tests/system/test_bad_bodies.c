/* SPDX-License-Identifier: MIT */
/*
 * Bodies no order can be made of. Each is refused with a problem that names the member at fault,
 * never with a 5xx; nothing of them is stored, and the service goes on taking good orders.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { MEGABYTE = 1000 * 1000, BODY_MAX = 64 * 1024, TEXT_SIZE = 16 * 1024 };

static struct temp_dir dir;
static struct service api;
static struct http_client *client;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

/* Whatever was sent: nothing of it was stored, and a good order still is. */
static void finish(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    struct sql *sql = sql_open_sqlite(path);
    int64_t stored = sql_integer(sql, "SELECT count(*) FROM orders");
    sql_close(sql);
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    http_client_destroy(client);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&api.process);
    temp_dir_remove(&dir);
    cr_assert_eq(stored, 0, "of bad bodies, %d orders were stored", (int)stored);
}

TestSuite(bad_bodies, .init = start, .fini = finish, .timeout = 60);

static const struct http_response *post(const char *body, size_t len)
{
    return http_call(client, "POST", "/order", NULL, body, len);
}

static void refuse_as_not_json(const char *body, size_t len)
{
    expect_problem(post(body, len), 400, "/order");
}

/* Puts `value` in the place of the member's good one. NULL: leaves the member out. */
static const struct http_response *post_with(const char *member, const char *value)
{
    static const char *const good[][2] = {{"user_id", "\"u\""},
                                          {"item_ids", "[1]"},
                                          {"total_amount", "1"}};
    char body[TEXT_SIZE] = "{";
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *own = strcmp(good[i][0], member) == 0 ? value : good[i][1];
        size_t len = strlen(body);
        if (own != NULL) {
            snprintf(body + len, sizeof body - len, "%s\"%s\":%s", len > 1 ? "," : "", good[i][0],
                     own);
        }
    }
    strcat(body, "}");
    return http_post_order(client, body);
}

static void refuse(const char *member, const char *value, int index, const char *type)
{
    const struct http_response *response = post_with(member, value);
    expect_problem(response, 422, "/order");
    expect_field_error(response, member, index, type);
}

static void refuse_each(const char *member, const char *const values[], size_t count,
                        const char *type)
{
    for (size_t i = 0; i < count; i++) {
        refuse(member, values[i], -1, type);
    }
}

/* Not JSON */

Test(bad_bodies, text_that_is_not_json)
{
    static const char *const bodies[] = {
        "",
        " ",
        "{",
        "}",
        "{}}",
        "{} x",
        "nul",
        "True",
        "user_id=u&item_ids=1",
        "<order/>",
        "{'user_id':'u'}",
        "{user_id:\"u\"}",
        "{\"user_id\":\"u\",}",
        "{\"user_id\" \"u\"}",
        "{\"user_id\":\"u}",
        "[1,]",
        "{\"a\":1 \"b\":2}",
        "\xef\xbb\xbf{}",
        "{\"user_id\":\"u\"} // comment",
        EXPECT_GOOD_ORDER EXPECT_GOOD_ORDER,
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        refuse_as_not_json(bodies[i], strlen(bodies[i]));
    }
}

Test(bad_bodies, numbers_json_does_not_know)
{
    static const char *const numbers[] = {"NaN",   "Infinity", "-Infinity", "+1",     "01",
                                          "1.",    ".5",       "0x10",      "1e",     "1_0",
                                          "1.2.3", "-",        "1,5",       "250.75f"};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        expect_problem(post_with("total_amount", numbers[i]), 400, "/order");
        char items[32];
        snprintf(items, sizeof items, "[%s]", numbers[i]);
        if (strcmp(numbers[i], "1,5") != 0) {
            expect_problem(post_with("item_ids", items), 400, "/order");
        }
    }
}

Test(bad_bodies, a_raw_nul)
{
    static const char in_string[] = "{\"user_id\":\"u\0v\",\"item_ids\":[1],\"total_amount\":1}";
    static const char behind[] = "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1}\0";
    static const char before[] = "\0{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1}";
    refuse_as_not_json(in_string, sizeof in_string - 1);
    refuse_as_not_json(behind, sizeof behind - 1);
    refuse_as_not_json(before, sizeof before - 1);
}

Test(bad_bodies, bytes_that_are_not_utf8)
{
    static const char *const strings[] = {
        "\"\xff\"",
        "\"\x80\"",
        "\"\xc3\"",             /* cut off */
        "\"\xc0\xaf\"",         /* overlong */
        "\"\xed\xa0\x80\"",     /* a surrogate */
        "\"\xf4\x90\x80\x80\"", /* past U+10FFFF */
        "\"\xe2\x82\"",
    };
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        char items[32];
        snprintf(items, sizeof items, "[%s]", strings[i]);
        expect_problem(post_with("user_id", strings[i]), 400, "/order");
        expect_problem(post_with("item_ids", items), 400, "/order");
    }
}

Test(bad_bodies, raw_control_characters_and_bad_escapes)
{
    static const char *const strings[] = {"\"a\nb\"",    "\"\t\"",       "\"\x1b\"",
                                          "\"\\x41\"",   "\"\\u12\"",    "\"\\\"",
                                          "\"\\ud800\"", "\"\\udc00x\"", "\"\\U0041\""};
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        expect_problem(post_with("user_id", strings[i]), 400, "/order");
    }
}

Test(bad_bodies, duplicate_keys)
{
    static const char *const bodies[] = {
        "{\"user_id\":\"u\",\"user_id\":\"v\",\"item_ids\":[1],\"total_amount\":1}",
        "{\"user_id\":\"u\",\"item_ids\":[1],\"item_ids\":[1],\"total_amount\":1}",
        "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1,\"total_amount\":1}",
        "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1,\"\\u0075ser_id\":\"v\"}",
        "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1,\"x\":{\"a\":1,\"a\":1}}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        refuse_as_not_json(bodies[i], strlen(bodies[i]));
    }
}

Test(bad_bodies, brackets_by_the_thousand)
{
    char *body = malloc(BODY_MAX);
    cr_assert_not_null(body);
    memset(body, '[', BODY_MAX);
    refuse_as_not_json(body, BODY_MAX);
    memset(body + BODY_MAX / 2, ']', BODY_MAX / 2);
    refuse_as_not_json(body, BODY_MAX);
    for (size_t i = 0; i + 5 <= BODY_MAX; i += 5) {
        memcpy(body + i, "{\"a\":", 5);
    }
    refuse_as_not_json(body, BODY_MAX);
    free(body);
}

/* Too much of it */

Test(bad_bodies, a_megabyte_of_a_good_order)
{
    char *body = malloc(MEGABYTE);
    cr_assert_not_null(body);
    memset(body, ' ', MEGABYTE);
    memcpy(body, EXPECT_GOOD_ORDER, strlen(EXPECT_GOOD_ORDER));
    expect_problem(post(body, MEGABYTE), 413, "/order");
    free(body);
}

Test(bad_bodies, a_million_brackets)
{
    char *body = malloc(MEGABYTE);
    cr_assert_not_null(body);
    memset(body, '[', MEGABYTE);
    expect_problem(post(body, MEGABYTE), 413, "/order");
    free(body);
}

Test(bad_bodies, a_user_id_of_a_megabyte)
{
    static const char head[] = "{\"item_ids\":[1],\"total_amount\":1,\"user_id\":\"";
    char *body = malloc(MEGABYTE);
    cr_assert_not_null(body);
    memset(body, 'u', MEGABYTE);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + MEGABYTE - 2, "\"}", 2);
    expect_problem(post(body, MEGABYTE), 413, "/order");
    free(body);
}

/* JSON, but not an order */

Test(bad_bodies, values_that_are_not_an_object)
{
    static const char *const bodies[] = {
        "[]",     "[" EXPECT_GOOD_ORDER "]",         "null", "true", "\"u\"",
        "250.75", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const struct http_response *response = http_post_order(client, bodies[i]);
        expect_problem(response, 422, "/order");
        expect_field_error(response, NULL, -1, "wrong_type");
    }
}

Test(bad_bodies, missing_members)
{
    const struct http_response *response = http_post_order(client, "{}");
    expect_problem(response, 422, "/order");
    expect_field_error(response, "user_id", -1, "missing");
    expect_field_error(response, "item_ids", -1, "missing");
    expect_field_error(response, "total_amount", -1, "missing");
    refuse("user_id", NULL, -1, "missing");
    refuse("item_ids", NULL, -1, "missing");
    refuse("total_amount", NULL, -1, "missing");
}

Test(bad_bodies, members_in_another_case_are_other_members)
{
    const struct http_response *response =
        http_post_order(client, "{\"User_id\":\"u\",\"ITEM_IDS\":[1],\"total_amount \":1}");
    expect_problem(response, 422, "/order");
    expect_field_error(response, "user_id", -1, "missing");
    expect_field_error(response, "item_ids", -1, "missing");
    expect_field_error(response, "total_amount", -1, "missing");
}

Test(bad_bodies, members_of_the_wrong_type)
{
    static const char *const not_strings[] = {"7", "null", "true", "[]", "[\"u\"]", "{}", "0.5"};
    static const char *const not_arrays[] = {"7", "null", "false", "\"101\"", "{\"0\":1}", "\"\""};
    static const char *const not_numbers[] = {"\"250.75\"", "\"\"",          "null",    "true",
                                              "[1]",        "{\"value\":1}", "\"NaN\"", "\"1e2\""};
    refuse_each("user_id", not_strings, COUNT_OF(not_strings), "wrong_type");
    refuse_each("item_ids", not_arrays, COUNT_OF(not_arrays), "wrong_type");
    refuse_each("total_amount", not_numbers, COUNT_OF(not_numbers), "wrong_type");
}

Test(bad_bodies, items_of_the_wrong_type)
{
    static const char *const items[] = {"[1,null]", "[1,true]", "[1,[2]]", "[1,{}]", "[\"a\",[]]"};
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        refuse("item_ids", items[i], 1, "wrong_type");
    }
}

Test(bad_bodies, items_that_are_no_integers_in_range)
{
    static const char *const items[] = {"[1,-1]",    "[1,1.5]",
                                        "[1,1.0]",   "[1,1e3]",
                                        "[1,1e999]", "[1,9007199254740992]",
                                        "[1,-0]",    "[1,99999999999999999999999999999999]"};
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        refuse("item_ids", items[i], 1, "not_an_integer_in_range");
    }
}

Test(bad_bodies, amounts_that_are_negative)
{
    static const char *const amounts[] = {"-0.01", "-1", "-1e2", "-9999999999.99", "-1e999"};
    refuse_each("total_amount", amounts, COUNT_OF(amounts), "too_small");
}

Test(bad_bodies, amounts_with_more_than_two_decimals)
{
    static const char *const amounts[] = {"250.755",
                                          "0.001",
                                          "1e-3",
                                          "0.1234567890123456789",
                                          "25075.5e-2",
                                          "1e-999",
                                          "9999999999.990000000001"};
    refuse_each("total_amount", amounts, COUNT_OF(amounts), "too_precise");
}

Test(bad_bodies, amounts_that_are_too_large)
{
    static const char *const amounts[] = {
        "10000000000",          "1e10", "1e999", "9999999999999.99", "1e99999999999999999999999999",
        "184467440737095516.17"};
    refuse_each("total_amount", amounts, COUNT_OF(amounts), "too_large");
}

Test(bad_bodies, empty_strings_and_arrays)
{
    refuse("user_id", "\"\"", -1, "too_short");
    refuse("item_ids", "[]", -1, "too_short");
    refuse("item_ids", "[ ]", -1, "too_short");
    refuse("item_ids", "[1,\"\"]", 1, "too_short");
}

Test(bad_bodies, strings_of_65_characters)
{
    char string[65 * 2 + 3] = "\"";
    char items[160];
    for (int i = 0; i < 65; i++) {
        strcat(string, "\xc3\xa9");
    }
    strcat(string, "\"");
    snprintf(items, sizeof items, "[%s]", string);
    refuse("user_id", string, -1, "too_long");
    refuse("item_ids", items, 0, "too_long");
}

Test(bad_bodies, more_than_1000_items)
{
    char items[TEXT_SIZE / 2] = "[0";
    for (int i = 1; i <= 1000; i++) {
        strcat(items, ",1");
    }
    strcat(items, "]");
    refuse("item_ids", items, -1, "too_long");
}

Test(bad_bodies, control_characters_in_strings)
{
    static const char *const strings[] = {"\"\\u0000\"",    "\"a\\u0000b\"", "\"\\n\"",
                                          "\"\\u001b[0m\"", "\"\\u007f\"",   "\"\\u0085\"",
                                          "\"\xc2\x85\"",   "\"\x7f\"",      "\"\\t\""};
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        char items[32];
        snprintf(items, sizeof items, "[0,%s]", strings[i]);
        refuse("user_id", strings[i], -1, "control_character");
        refuse("item_ids", items, 1, "control_character");
    }
}

Test(bad_bodies, every_wrong_item_of_many_still_makes_an_answer)
{
    char items[TEXT_SIZE / 2] = "[null";
    for (int i = 1; i < 1000; i++) {
        strcat(items, ",null");
    }
    strcat(items, "]");
    refuse("item_ids", items, 0, "wrong_type");
}
