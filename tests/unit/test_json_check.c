/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/json_checks.h"

struct refused {
    const char *text;
    size_t len;
    size_t offset; /* of the byte at fault */
};

/* The fault is at the first byte of `rest`; an empty `rest` is a text that ends too early. */
#define FAULT(good, rest)                                                                          \
    {                                                                                              \
        good rest, sizeof(good rest) - 1, sizeof(good) - 1                                         \
    }

static void check_all_refused(const struct refused cases[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct refused *c = &cases[i];
        struct json_error error = {0, NULL};
        cr_assert_eq(json_checks_bytes(c->text, c->len, &error), STATUS_INVALID,
                     "case %zu is accepted: %s", i, c->text);
        cr_assert_eq(error.offset, c->offset, "case %zu, %s: the fault is at %zu, not %zu", i,
                     c->text, c->offset, error.offset);
        cr_assert_not_null(error.reason);
        cr_assert_gt(strlen(error.reason), 0);
    }
}

#define CHECK_ALL_REFUSED(cases) check_all_refused((cases), sizeof(cases) / sizeof *(cases))

Test(json_check, values_that_are_none_are_refused)
{
    static const struct refused cases[] = {
        FAULT("", ""),
        FAULT(" \t\r\n", ""),
        FAULT("n", "ope"),
        FAULT("nul", ""),
        FAULT("nul", "L"),
        FAULT("tr", "eu"),
        FAULT("fals", ""),
        FAULT("", "True"),
        FAULT("", "NULL"),
        FAULT("", "undefined"),
        FAULT("", "NaN"),
        FAULT("", "Infinity"),
        FAULT("-", "Infinity"),
        FAULT("n", "an"),
        FAULT("", "'single'"),
        FAULT("", "]"),
        FAULT("", "}"),
        FAULT("", ","),
        FAULT("", ":"),
        FAULT("", "\\u0031"),
        FAULT("", "/* none */ 1"),
        FAULT("", "\0"),
        FAULT("", "\0001"),
        FAULT("", "\x80"),
        FAULT("", "\xe2\x82\xac"),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, numbers_outside_the_grammar_are_refused)
{
    static const struct refused cases[] = {
        FAULT("0", "1"),        FAULT("-0", "1"),   FAULT("0", "0"),    FAULT("1.", ""),
        FAULT("1.", "]"),       FAULT("2.", "e3"),  FAULT("-", ""),     FAULT("-", "-1"),
        FAULT("-", "a"),        FAULT("-", ".5"),   FAULT("", "+1"),    FAULT("", ".5"),
        FAULT("1e", ""),        FAULT("1e+", ""),   FAULT("1E-", ""),   FAULT("1e", ".5"),
        FAULT("1e1", ".5"),     FAULT("1.2", ".3"), FAULT("0", "x1f"),  FAULT("1", "_000"),
        FAULT("1", "f"),        FAULT("-", " 1"),   FAULT("1 ", "2"),   FAULT("[1", "a]"),
        FAULT("[0", "1]"),      FAULT("1", "\0"),   FAULT("1e5", "e5"), FAULT("0e", "]"),
        FAULT("1", "\xd9\xa1"),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, broken_strings_are_refused)
{
    static const struct refused cases[] = {
        FAULT("\"", ""),          FAULT("\"abc", ""),       FAULT("\"abc\\", ""),
        FAULT("\"abc\\\"", ""),   FAULT("\"a", "\nb\""),    FAULT("\"a", "\tb\""),
        FAULT("\"a", "\rb\""),    FAULT("\"", "\x01\""),    FAULT("\"", "\x1f\""),
        FAULT("\"a", "\0b\""),    FAULT("\"\\", "x41\""),   FAULT("\"\\", "a\""),
        FAULT("\"\\", "'\""),     FAULT("\"\\", "U0041\""), FAULT("\"\\", "0\""),
        FAULT("\"\\", "\n\""),    FAULT("\"\\", "\0\""),    FAULT("\"\\u", ""),
        FAULT("\"\\u00", ""),     FAULT("\"\\u00", "\""),   FAULT("\"\\u004", "g\""),
        FAULT("\"\\u", " 041\""), FAULT("\"\\u", "+041\""), FAULT("\"\\u", "{41}\""),
        FAULT("\"\\u00", "@0\""), FAULT("\"\\u00", "`0\""),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, surrogates_without_a_partner_are_refused)
{
    static const struct refused cases[] = {
        FAULT("\"", "\\ud800\""),
        FAULT("\"ab", "\\udbff\""),
        FAULT("\"", "\\udc00\""),
        FAULT("\"", "\\uDFFF\""),
        FAULT("\"", "\\ud800\\ud800\""),
        FAULT("\"", "\\ud83dx\""),
        FAULT("\"", "\\ud83d\\n\""),
        FAULT("\"", "\\ud83d\\u0041\""),
        FAULT("\"", "\\ude00\\ud83d\""),
        FAULT("\"", "\\udc00\\udc00\""),
        FAULT("\"\\ud83d\\ude00", "\\ude00\""),
        FAULT("\"\\ud83d\\u", "\""),
        FAULT("\"\\ud83d\\ude0", "x\""),
        FAULT("\"", "\\ud83d"),
        FAULT("{\"", "\\ud800\":1}"),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, text_that_is_not_utf8_is_refused)
{
    static const struct refused cases[] = {
        FAULT("\"", "\x80\""),
        FAULT("\"", "\xff\""),
        FAULT("\"a", "\xc3\""),
        FAULT("\"a", "\xc3"),
        FAULT("\"", "\xc0\xaf\""),
        FAULT("\"", "\xc0\x80\""),
        FAULT("\"", "\xe0\x80\xaf\""),
        FAULT("\"", "\xf0\x80\x80\xaf\""),
        FAULT("\"", "\xed\xa0\x80\""),
        FAULT("\"", "\xed\xbf\xbf\""),
        FAULT("\"", "\xed\xa0\xbd\xed\xb8\x80\""), /* a pair of surrogates, CESU-8 */
        FAULT("\"", "\xf4\x90\x80\x80\""),
        FAULT("\"", "\xf8\x88\x80\x80\x80\""),
        FAULT("\"", "\xe2\x82\""),
        FAULT("\"", "\xe9t\xe9\""), /* Latin-1 */
        FAULT("{\"", "\xff\":1}"),
        FAULT("", "\xef\xbb\xbf{}"), /* a byte order mark */
        FAULT("", "\xff\xfe{\0}\0"), /* UTF-16 */
        FAULT("[", "\xc2\xa0"
                   "1]"), /* a no-break space is no space here */
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, broken_arrays_and_objects_are_refused)
{
    static const struct refused cases[] = {
        FAULT("[", ""),
        FAULT("[1", ""),
        FAULT("[1,", ""),
        FAULT("[1,", "]"),
        FAULT("[", ",1]"),
        FAULT("[1,", ",2]"),
        FAULT("[", ",]"),
        FAULT("[1 ", "2]"),
        FAULT("[1", "}"),
        FAULT("[", "}"),
        FAULT("[1", ":2]"),
        FAULT("[\"a\"", ":1]"),
        FAULT("[\"a\" ", "\"b\"]"),
        FAULT("[[1]", ""),
        FAULT("[1", ";2]"),
        FAULT("[", "\f1]"),
        FAULT("[", "\v1]"),
        FAULT("[1", "\0]"),
        FAULT("{", ""),
        FAULT("{", "]"),
        FAULT("{\"a\"", ""),
        FAULT("{\"a\"", "}"),
        FAULT("{\"a\":", ""),
        FAULT("{\"a\":", "}"),
        FAULT("{\"a\":1", ""),
        FAULT("{\"a\":1,", ""),
        FAULT("{\"a\":1,", "}"),
        FAULT("{", ",\"a\":1}"),
        FAULT("{\"a\":1,", ",\"b\":2}"),
        FAULT("{\"a\":1", "]"),
        FAULT("{\"a\"", ",1}"),
        FAULT("{\"a\" ", "1}"),
        FAULT("{\"a\":", ":1}"),
        FAULT("{", "a:1}"),
        FAULT("{", "'a':1}"),
        FAULT("{", "1:1}"),
        FAULT("{", "null:1}"),
        FAULT("{", "[]:1}"),
        FAULT("{\"a\"", "=1}"),
        FAULT("{\"a\":1 ", "\"b\":2}"),
        FAULT("{\"a\":1,", "2}"),
        FAULT("{\"a\":[1", "}}"),
        FAULT("{\"a\":", "/**/1}"),
        FAULT("{\"a\":tru", "}"),
        FAULT("{\"a\":{\"b\":1}", ""),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, anything_behind_the_value_is_refused)
{
    static const struct refused cases[] = {
        FAULT("{}", "x"),     FAULT("{} ", "{}"),      FAULT("[]", "]"),   FAULT("{}", "}"),
        FAULT("1", ","),      FAULT("\"a\"", "\"b\""), FAULT("true", "r"), FAULT("null", "\0"),
        FAULT("{}", "\0"),    FAULT("{}\n", "\0"),     FAULT("{}", "\f"),  FAULT("{}", "#"),
        FAULT("{} ", "// x"), FAULT("[] ", "\xff"),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, duplicate_keys_are_refused)
{
    static const struct refused cases[] = {
        FAULT("{\"a\":1,", "\"a\":2}"),
        FAULT("{\"a\":1,", "\"a\":1}"),
        FAULT("{\"a\":1,", "\"\\u0061\":2}"),
        FAULT("{\"\\u0061\":1,", "\"a\":2}"),
        FAULT("{\"\":1,", "\"\":2}"),
        FAULT("{\"a\":1,\"b\":2,", "\"a\":3}"),
        FAULT("{\"a\":{},\"b\":2, ", "\"a\" :3}"),
        FAULT("[{\"x\":{\"a\":1,", "\"a\":1}}]"),
        FAULT("{\"a\":{\"b\":1,\"c\":[{}]},\"c\":2,", "\"c\":3}"),
        FAULT("{\"/\":1,", "\"\\/\":2}"),
        FAULT("{\"\\n\":1,", "\"\\u000a\":2}"),
        FAULT("{\"\\u000A\":1,", "\"\\u000a\":2}"),
        FAULT("{\"\\\"\":1,", "\"\\u0022\":2}"),
        FAULT("{\"\xc3\xa9\":1,", "\"\\u00e9\":2}"),
        FAULT("{\"\xf0\x9f\x98\x80\":1,", "\"\\ud83d\\uDE00\":2}"),
        FAULT("{\"a\\u0000b\":1,", "\"a\\u0000b\":2}"),
    };
    CHECK_ALL_REFUSED(cases);
}

Test(json_check, texts_of_the_grammar_are_accepted)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "-0.0",
        "0.5",
        "10",
        "-1",
        "1.0",
        "1e5",
        "1E+5",
        "1e-5",
        "0e0",
        "0e01",
        "1.5e300",
        "1e999",
        "9007199254740993",
        "123456789012345678901234567890",
        "-1.25e-7",
        "true",
        "false",
        "null",
        " \t\r\n1 \t\r\n",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0000\"",
        "\"\\u001f\"",
        "\"\\uABCD\\uabcd\"",
        "\"\\ud800\\udc00\"",
        "\"\\uDBFF\\uDFFF\"",
        "\"\x7f\"",
        "\"\xc2\x80\"",
        "\"\xc3\xa9\"",
        "\"\xe2\x80\xa8\"",
        "\"\xef\xbf\xbe\"",
        "\"\xf0\x9f\x98\x80\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "\"\xef\xbb\xbf\"",
        "\"//\"",
        "\"{[,:]}\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[]]",
        "[{}]",
        "[1]",
        "[1,2,3]",
        " [ 1 , \"a\" , null , true , [ ] , { } ] ",
        "{\"a\":1}",
        " { \"a\" : 1 , \"b\" : [ 2 ] } ",
        "{\"\":0}",
        "{\"a\":{\"a\":{\"a\":1}}}",
        "[{\"a\":1},{\"a\":2}]",
        "{\"a\":{\"b\":1},\"b\":{\"a\":2}}",
        "{\"a\":1,\"A\":2}",
        "{\"a\":1,\"\\u0041\":2}",
        "{\"a\":1,\"a \":2,\"aa\":3}",
        "{\"a\":1,\"a\\u0000\":2}",
        "{\"\xc3\xa9\":1,\"e\xcc\x81\":2}",
        "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_error error = {0, ""};
        cr_assert_eq(json_checks_bytes(texts[i], strlen(texts[i]), &error), STATUS_OK,
                     "%s is refused at %zu: %s", texts[i], error.offset, error.reason);
    }
}

Test(json_check, different_keys_of_equal_hash_are_accepted)
{
    /* FNV-1a gives both words the same 32 bits. */
    static const char text[] = "{\"costarring\":1,\"liquid\":2}";
    static const char twice[] = "{\"costarring\":1,\"liquid\":2,\"costarring\":3}";
    struct json_error error = {0, ""};
    cr_assert_eq(json_checks_bytes(text, sizeof text - 1, &error), STATUS_OK, "%s", error.reason);
    cr_assert_eq(json_checks_bytes(twice, sizeof twice - 1, &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 27);
}

Test(json_check, every_cut_of_a_text_is_refused_at_its_end)
{
    static const char text[] =
        "{\"a\":[1.5e3,true,null,{\"\\u00e9\\ud83d\\ude00\":\"\\n\"}],\"b\":-0}";
    struct json_error error;
    cr_assert_eq(json_checks_bytes(text, sizeof text - 1, &error), STATUS_OK);
    for (size_t len = 0; len < sizeof text - 1; len++) {
        cr_assert_eq(json_checks_bytes(text, len, &error), STATUS_INVALID, "cut at %zu", len);
        cr_assert_leq(error.offset, len);
    }
}

Test(json_check, any_changed_byte_is_survived)
{
    static const char text[] =
        "{\"a\":[1.5e3,true],\"b\":{\"\\ud83d\\ude00\":\"\xc3\xa9\"},\"c\":\"x\"}";
    char changed[sizeof text];
    size_t accepted = 0;
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            struct json_error error = {0, "x"};
            memcpy(changed, text, sizeof text);
            changed[at] = (char)byte;
            enum status status = json_checks_bytes(changed, sizeof text - 1, &error);
            accepted += status == STATUS_OK;
            cr_assert(status == STATUS_OK || error.offset <= sizeof text - 1);
        }
    }
    cr_assert_gt(accepted, sizeof text - 1, "at least the text itself, once for each byte");
}
