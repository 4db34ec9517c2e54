/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-service/routes/order_json.h"

enum {
    REPEATED_SIZE = 64 * 1024,
    BODY_SIZE = REPEATED_SIZE + 128,
};

#define AMOUNT ",\"total_amount\":1}"
#define USER_AND_ITEMS "{\"user_id\":\"u\",\"item_ids\":[1]"

static struct order order;
static struct order_json_errors errors;
static char body[BODY_SIZE];

/* Reads a copy of exactly the text's size, so that AddressSanitizer sees a read beyond it. It is
 * kept, since the order borrows from it. */
static enum order_json_result read_text(const char *text)
{
    static char *copy;
    size_t len = strlen(text);
    free(copy);
    copy = malloc(len > 0 ? len : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, len);
    order = (struct order){0};
    return order_json_read(copy, len, &order, &errors);
}

static void check_accepted(const char *text)
{
    enum order_json_result status = read_text(text);
    cr_assert_eq(status, ORDER_JSON_OK, "refused: %.200s (%s %d %s)", text,
                 errors.field_count > 0 ? errors.fields[0].member : "-",
                 errors.field_count > 0 ? errors.fields[0].index : 0,
                 errors.field_count > 0 ? errors.fields[0].type : "-");
}

/* The one thing that is wrong with the text; `member` NULL is the body itself. */
static void check_refused(const char *text, const char *member, int index, const char *type)
{
    cr_assert_eq(read_text(text), ORDER_JSON_NOT_AN_ORDER, "not refused: %.200s", text);
    cr_assert_eq(errors.field_count, 1, "%zu errors: %.200s", errors.field_count, text);
    const struct field_error *error = &errors.fields[0];
    if (member == NULL) {
        cr_assert_null(error->member);
    } else {
        cr_assert_str_eq(error->member, member, "%.200s", text);
    }
    cr_assert_eq(error->index, index, "index %d: %.200s", error->index, text);
    cr_assert_str_eq(error->type, type, "%s: %.200s", error->type, text);
    cr_assert_gt(strlen(error->message), 0);
}

static const char *with_user(const char *user_json)
{
    snprintf(body, sizeof body, "{\"user_id\":%s,\"item_ids\":[1]" AMOUNT, user_json);
    return body;
}

static const char *with_items(const char *items_json)
{
    snprintf(body, sizeof body, "{\"user_id\":\"u\",\"item_ids\":%s" AMOUNT, items_json);
    return body;
}

static const char *with_amount(const char *amount_json)
{
    snprintf(body, sizeof body, USER_AND_ITEMS ",\"total_amount\":%s}", amount_json);
    return body;
}

/* `piece` so many times, between `before` and `after`. */
static const char *repeat(const char *before, const char *piece, size_t times, const char *after)
{
    static char text[REPEATED_SIZE];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", before);
    for (size_t i = 0; i < times; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", piece);
    }
    snprintf(text + len, sizeof text - len, "%s", after);
    return text;
}

Test(order_json, the_example_of_the_contract_is_an_order)
{
    check_accepted("{\"user_id\":\"user123\",\"item_ids\":[101,102],\"total_amount\":250.75}");
    cr_assert_str_eq(order.user_id, "user123");
    cr_assert_eq(order.user_id_len, 7);
    cr_assert_eq(order.items_json_len, strlen("[101,102]"));
    cr_assert_arr_eq(order.items_json, "[101,102]", order.items_json_len);
    cr_assert_eq(order.total_cents, 25075);
}

Test(order_json, what_the_body_does_not_say_stays_as_it_is)
{
    const char *text = USER_AND_ITEMS AMOUNT;
    order = (struct order){.id = 7, .client_id = "client", .idempotency_key = "key"};
    cr_assert_eq(order_json_read(text, strlen(text), &order, &errors), ORDER_JSON_OK);
    cr_assert_eq(order.id, 7);
    cr_assert_str_eq(order.client_id, "client");
    cr_assert_str_eq(order.idempotency_key, "key");
}

Test(order_json, unknown_members_are_ignored_wherever_they_stand)
{
    check_accepted("{\"note\":null,\"user_id\":\"u\",\"x\":{\"user_id\":\"other\",\"item_ids\":1},"
                   "\"item_ids\":[1],\"User_Id\":5,\"total_amount\":1,\"\":[[]]}");
    cr_assert_str_eq(order.user_id, "u");
}

Test(order_json, names_of_members_may_be_escaped)
{
    check_accepted("{\"\\u0075ser_id\":\"u\",\"item_ids\":[1],\"total_amount\":1}");
    cr_assert_str_eq(order.user_id, "u");
}

Test(order_json, names_of_members_have_their_case)
{
    check_refused("{\"USER_ID\":\"u\",\"item_ids\":[1]" AMOUNT, "user_id", -1, "missing");
}

Test(order_json, what_is_not_json_says_where_it_stops_being_it)
{
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {{"", 0},
                 {"{", 1},
                 {"{\"user_id\":\"u\",}", 15},
                 {USER_AND_ITEMS AMOUNT "x", 47},
                 {"{\"user_id\":\"u\",\"user_id\":\"u\"}", 15}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(read_text(cases[i].text), ORDER_JSON_NOT_JSON, "%s", cases[i].text);
        cr_assert_eq(errors.json.offset, cases[i].offset, "%zu: %s", errors.json.offset,
                     cases[i].text);
        cr_assert_gt(strlen(errors.json.reason), 0);
    }
}

Test(order_json, a_body_that_is_no_object_is_the_bodys_fault)
{
    static const char *const texts[] = {"null", "true", "1", "\"u\"", "[]", "[{}]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_refused(texts[i], NULL, -1, "wrong_type");
    }
}

Test(order_json, each_member_is_required)
{
    check_refused("{\"item_ids\":[1]" AMOUNT, "user_id", -1, "missing");
    check_refused("{\"user_id\":\"u\"" AMOUNT, "item_ids", -1, "missing");
    check_refused(USER_AND_ITEMS "}", "total_amount", -1, "missing");
}

Test(order_json, all_errors_are_reported_at_once)
{
    cr_assert_eq(read_text("{}"), ORDER_JSON_NOT_AN_ORDER);
    cr_assert_eq(errors.field_count, 3);
    cr_assert_str_eq(errors.fields[0].member, "user_id");
    cr_assert_str_eq(errors.fields[1].member, "item_ids");
    cr_assert_str_eq(errors.fields[2].member, "total_amount");
}

Test(order_json, null_is_not_the_same_as_missing)
{
    check_refused(with_user("null"), "user_id", -1, "wrong_type");
    check_refused(with_items("null"), "item_ids", -1, "wrong_type");
    check_refused(with_amount("null"), "total_amount", -1, "wrong_type");
}

Test(order_json, a_user_id_is_a_string)
{
    static const char *const texts[] = {"1", "true", "false", "[]", "[\"u\"]", "{}", "1.5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_refused(with_user(texts[i]), "user_id", -1, "wrong_type");
    }
}

Test(order_json, a_user_id_is_1_to_64_characters_long)
{
    check_refused(with_user("\"\""), "user_id", -1, "too_short");
    check_accepted(with_user("\"u\""));
    check_accepted(with_user(repeat("\"", "u", 64, "\"")));
    cr_assert_eq(order.user_id_len, 64);
    check_refused(with_user(repeat("\"", "u", 65, "\"")), "user_id", -1, "too_long");
}

Test(order_json, characters_of_four_bytes_count_as_one_each)
{
    check_accepted(with_user(repeat("\"", "\xf0\x9f\x98\x80", 64, "\"")));
    cr_assert_eq(order.user_id_len, 256);
    cr_assert_eq(strlen(order.user_id), 256);
    cr_assert_arr_eq(order.user_id + 252, "\xf0\x9f\x98\x80", 5, "the NUL included");
    check_refused(with_user(repeat("\"", "\xf0\x9f\x98\x80", 65, "\"")), "user_id", -1, "too_long");
}

Test(order_json, an_escape_counts_as_the_character_it_stands_for)
{
    static const char *const escapes[] = {"\\u0041", "\\u00e9", "\\u20ac", "\\ud83d\\ude00",
                                          "\\\"",    "\\\\",    "\\/"};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        check_accepted(with_user(repeat("\"", escapes[i], 64, "\"")));
        check_refused(with_user(repeat("\"", escapes[i], 65, "\"")), "user_id", -1, "too_long");
    }
}

Test(order_json, a_user_id_is_decoded_from_its_escapes)
{
    check_accepted(with_user("\"a\\\"b\\\\c\\/d\\u0041\\u00e9\\u20AC\\ud83d\\uDE00z\""));
    cr_assert_str_eq(order.user_id, "a\"b\\c/dA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    cr_assert_eq(order.user_id_len, strlen(order.user_id));
}

Test(order_json, the_longest_user_id_of_escapes_fits)
{
    check_accepted(with_user(repeat("\"", "\\ud83d\\ude00", 64, "\"")));
    cr_assert_eq(order.user_id_len, 256);
    cr_assert_arr_eq(order.user_id + 252, "\xf0\x9f\x98\x80", 5);
}

Test(order_json, control_characters_are_refused_however_they_are_spelt)
{
    static const char *const spellings[] = {"\\u0000",  "\\u0001",  "\\u001f",  "\\u007f",
                                            "\\u007F",  "\x7f",     "\\u0080",  "\\u0085",
                                            "\xc2\x85", "\xc2\x80", "\xc2\x9f", "\\u009F",
                                            "\\b",      "\\f",      "\\n",      "\\r",
                                            "\\t"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        check_refused(with_user(repeat("\"ab", spellings[i], 1, "c\"")), "user_id", -1,
                      "control_character");
        check_refused(with_items(repeat("[1,\"", spellings[i], 1, "\"]")), "item_ids", 1,
                      "control_character");
    }
}

Test(order_json, the_neighbours_of_control_characters_are_taken)
{
    static const char *const spellings[] = {" ", "\\u0020", "~", "\\u007e", "\\u00a0", "\xc2\xa0"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        check_accepted(with_user(repeat("\"", spellings[i], 1, "\"")));
    }
}

Test(order_json, item_ids_are_an_array)
{
    static const char *const texts[] = {"1", "\"1\"", "true", "{}", "{\"0\":1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_refused(with_items(texts[i]), "item_ids", -1, "wrong_type");
    }
}

Test(order_json, there_are_1_to_1000_items)
{
    check_refused(with_items("[]"), "item_ids", -1, "too_short");
    check_refused(with_items("[ \n ]"), "item_ids", -1, "too_short");
    check_accepted(with_items("[7]"));
    check_accepted(with_items(repeat("[", "1,", 999, "2]")));
    check_refused(with_items(repeat("[", "1,", 1000, "2]")), "item_ids", -1, "too_long");
}

Test(order_json, an_integer_is_at_most_2_to_the_53_minus_1)
{
    check_accepted(with_items("[0]"));
    check_accepted(with_items("[9007199254740991]"));
    static const char *const texts[] = {"[9007199254740992]", "[9999999999999999]",
                                        "[10000000000000000]", "[18446744073709551616]",
                                        "[18446744073709551617]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_refused(with_items(texts[i]), "item_ids", 0, "not_an_integer_in_range");
    }
}

Test(order_json, a_number_that_is_not_plain_digits_is_no_integer)
{
    static const char *const texts[] = {"-1", "-0", "1.0", "0.5", "1e2", "1E2", "0e0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char items[32];
        snprintf(items, sizeof items, "[5,%s]", texts[i]);
        check_refused(with_items(items), "item_ids", 1, "not_an_integer_in_range");
    }
}

Test(order_json, an_item_is_an_integer_or_a_string)
{
    static const char *const texts[] = {"[true]", "[false]", "[null]",         "[[]]",
                                        "[[1]]",  "[{}]",    "[{\"a\":[1,2]}]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_refused(with_items(texts[i]), "item_ids", 0, "wrong_type");
    }
}

Test(order_json, a_string_item_is_1_to_64_characters_long)
{
    check_refused(with_items("[\"a\",\"\"]"), "item_ids", 1, "too_short");
    check_accepted(with_items(repeat("[\"", "x", 64, "\"]")));
    check_refused(with_items(repeat("[\"", "x", 65, "\"]")), "item_ids", 0, "too_long");
    check_accepted(with_items(repeat("[\"", "\xf0\x9f\x98\x80", 64, "\"]")));
    check_refused(with_items(repeat("[\"", "\xf0\x9f\x98\x80", 65, "\"]")), "item_ids", 0,
                  "too_long");
    check_accepted(with_items(repeat("[\"", "\\ud83d\\ude00", 64, "\"]")));
}

Test(order_json, items_are_kept_byte_for_byte)
{
    static const char items[] = "[ 1 ,\n\t\"a\\u0041,]\\\"\" , \"\xc3\xa9\",1,1 ]";
    check_accepted(with_items(items));
    cr_assert_eq(order.items_json_len, strlen(items));
    cr_assert_arr_eq(order.items_json, items, strlen(items));
}

Test(order_json, every_bad_item_is_reported_with_its_index)
{
    cr_assert_eq(read_text(with_items("[1,-1,\"a\",null,\"\",2,1.5]")), ORDER_JSON_NOT_AN_ORDER);
    static const struct {
        int index;
        const char *type;
    } expected[] = {{1, "not_an_integer_in_range"},
                    {3, "wrong_type"},
                    {4, "too_short"},
                    {6, "not_an_integer_in_range"}};
    cr_assert_eq(errors.field_count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(errors.fields[i].member, "item_ids");
        cr_assert_eq(errors.fields[i].index, expected[i].index);
        cr_assert_str_eq(errors.fields[i].type, expected[i].type);
    }
}

Test(order_json, there_are_16_errors_at_most)
{
    cr_assert_eq(read_text(with_items(repeat("[", "null,", 15, "1]"))), ORDER_JSON_NOT_AN_ORDER);
    cr_assert_eq(errors.field_count, 15);
    cr_assert_eq(read_text(with_items(repeat("[", "null,", 2000, "null]"))),
                 ORDER_JSON_NOT_AN_ORDER);
    cr_assert_eq(errors.field_count, 16);
    cr_assert_eq(errors.fields[15].index, 15);
}

Test(order_json, errors_of_one_body_are_not_those_of_the_next)
{
    cr_assert_eq(read_text("{}"), ORDER_JSON_NOT_AN_ORDER);
    check_accepted(USER_AND_ITEMS AMOUNT);
    cr_assert_eq(errors.field_count, 0);
}

Test(order_json, a_total_amount_is_a_number)
{
    static const char *const texts[] = {"\"1\"", "true", "[]", "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_refused(with_amount(texts[i]), "total_amount", -1, "wrong_type");
    }
}

Test(order_json, a_total_amount_is_taken_by_its_value)
{
    static const struct {
        const char *text;
        int64_t cents;
    } cases[] = {{"0", 0},           {"-0", 0},           {"0.01", 1},
                 {"250.750", 25075}, {"2.5075e2", 25075}, {"9999999999.99", INT64_C(999999999999)}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_accepted(with_amount(cases[i].text));
        cr_assert_eq(order.total_cents, cases[i].cents, "%s: %" PRId64, cases[i].text,
                     order.total_cents);
    }
}

Test(order_json, a_total_amount_out_of_its_range_is_refused)
{
    check_refused(with_amount("-0.01"), "total_amount", -1, "too_small");
    check_refused(with_amount("10000000000"), "total_amount", -1, "too_large");
    check_refused(with_amount("1e400"), "total_amount", -1, "too_large");
    check_refused(with_amount("250.755"), "total_amount", -1, "too_precise");
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

Test(order_json, without_memory_an_escaped_user_id_is_unavailable)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = no_memory, .free_fn = free});
    cr_assert_eq(read_text(with_user("\"\\u0041\"")), ORDER_JSON_NO_MEMORY);
    check_accepted(with_user("\"plain\""));
    cJSON_InitHooks(NULL);
}
