/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json_check.h"

enum { LARGE_SIZE = 64 * 1024 };

static enum status check_bytes(const char *text, size_t len, struct json_error *error)
{
    struct json_span root;
    /* A copy of exactly the text's size, so that AddressSanitizer sees a read beyond it. */
    char *copy = malloc(len > 0 ? len : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, len);
    enum status status = json_check(copy, len, NULL, NULL, 0, &root, error);
    free(copy);
    return status;
}

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
        cr_assert_eq(check_bytes(c->text, c->len, &error), STATUS_INVALID,
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
        cr_assert_eq(check_bytes(texts[i], strlen(texts[i]), &error), STATUS_OK,
                     "%s is refused at %zu: %s", texts[i], error.offset, error.reason);
    }
}

Test(json_check, different_keys_of_equal_hash_are_accepted)
{
    /* FNV-1a gives both words the same 32 bits. */
    static const char text[] = "{\"costarring\":1,\"liquid\":2}";
    static const char twice[] = "{\"costarring\":1,\"liquid\":2,\"costarring\":3}";
    struct json_error error = {0, ""};
    cr_assert_eq(check_bytes(text, sizeof text - 1, &error), STATUS_OK, "%s", error.reason);
    cr_assert_eq(check_bytes(twice, sizeof twice - 1, &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 27);
}

Test(json_check, every_cut_of_a_text_is_refused_at_its_end)
{
    static const char text[] =
        "{\"a\":[1.5e3,true,null,{\"\\u00e9\\ud83d\\ude00\":\"\\n\"}],\"b\":-0}";
    struct json_error error;
    cr_assert_eq(check_bytes(text, sizeof text - 1, &error), STATUS_OK);
    for (size_t len = 0; len < sizeof text - 1; len++) {
        cr_assert_eq(check_bytes(text, len, &error), STATUS_INVALID, "cut at %zu", len);
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
            enum status status = check_bytes(changed, sizeof text - 1, &error);
            accepted += status == STATUS_OK;
            cr_assert(status == STATUS_OK || error.offset <= sizeof text - 1);
        }
    }
    cr_assert_gt(accepted, sizeof text - 1, "at least the text itself, once for each byte");
}

static char large[LARGE_SIZE + 64];

static size_t fill_nested(const char *open, const char *inside, const char *close, size_t depth)
{
    size_t len = 0;
    large[0] = '\0';
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)sprintf(large + len, "%s", open);
    }
    len += (size_t)sprintf(large + len, "%s", inside);
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)sprintf(large + len, "%s", close);
    }
    return len;
}

Test(json_check, sixteen_levels_are_accepted_and_seventeen_refused)
{
    struct json_error error = {0, ""};
    cr_assert_eq(check_bytes(large, fill_nested("[", "", "]", 16), &error), STATUS_OK);
    cr_assert_eq(check_bytes(large, fill_nested("[", "", "]", 17), &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 16);
    cr_assert_eq(check_bytes(large, fill_nested("{\"a\":", "1", "}", 16), &error), STATUS_OK);
    cr_assert_eq(check_bytes(large, fill_nested("{\"a\":", "{}", "}", 16), &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 16 * 5);
    cr_assert_eq(check_bytes(large, fill_nested("[{\"a\":", "1", "}]", 8), &error), STATUS_OK);
    cr_assert_eq(check_bytes(large, fill_nested("[{\"a\":", "[]", "}]", 8), &error),
                 STATUS_INVALID);
}

Test(json_check, a_text_full_of_brackets_is_refused_at_the_seventeenth)
{
    struct json_error error;
    memset(large, '[', LARGE_SIZE);
    cr_assert_eq(check_bytes(large, LARGE_SIZE, &error), STATUS_INVALID);
    cr_assert_eq(error.offset, JSON_DEPTH_MAX);
}

/* An object with the keys "first" .. "first + count - 1" in hexadecimal, appended to `large`. */
static size_t append_object(size_t len, unsigned first, unsigned count)
{
    large[len++] = '{';
    for (unsigned i = first; i < first + count; i++) {
        len += (size_t)sprintf(large + len, "%s\"%x\":%u", i > first ? "," : "", i, i % 10);
    }
    large[len++] = '}';
    return len;
}

Test(json_check, an_object_of_1024_keys_is_accepted_and_of_1025_refused)
{
    struct json_error error = {0, ""};
    cr_assert_eq(check_bytes(large, append_object(0, 0x1000, 1024), &error), STATUS_OK, "%s",
                 error.reason);
    cr_assert_eq(check_bytes(large, append_object(0, 0x1000, 1025), &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 1 + 1024 * 9, "the fault is at the last key");
}

Test(json_check, keys_of_open_objects_add_up_and_of_closed_ones_do_not)
{
    struct json_error error = {0, ""};
    large[0] = '[';
    size_t len = append_object(1, 0x1000, 1024);
    large[len++] = ',';
    len = append_object(len, 0x1000, 1024);
    large[len++] = ']';
    cr_assert_eq(check_bytes(large, len, &error), STATUS_OK, "%s", error.reason);

    memcpy(large, "{\"outer\":", 9);
    len = append_object(9, 0x1000, 1024);
    large[len++] = '}';
    cr_assert_eq(check_bytes(large, len, &error), STATUS_INVALID);
    len = append_object(9, 0x1000, 1023);
    large[len++] = '}';
    cr_assert_eq(check_bytes(large, len, &error), STATUS_OK, "%s", error.reason);
}

Test(json_check, a_large_text_of_full_objects_is_done_in_time, .timeout = 20)
{
    struct json_error error = {0, ""};
    size_t len = 1;
    large[0] = '[';
    while (len + 9 * 1024 < LARGE_SIZE) {
        len = append_object(len, 0x1000, 1024);
        large[len++] = ',';
    }
    large[len - 1] = ']';
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(check_bytes(large, len, &error), STATUS_OK, "%s", error.reason);
    }
}

Test(json_check, a_large_text_of_small_objects_is_done_in_time, .timeout = 20)
{
    struct json_error error = {0, ""};
    size_t len = 1;
    large[0] = '[';
    for (unsigned i = 0; len + 32 < LARGE_SIZE; i++) {
        len = append_object(len, i, 2);
        large[len++] = ',';
    }
    large[len - 1] = ']';
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(check_bytes(large, len, &error), STATUS_OK, "%s", error.reason);
    }
}

static void check_span(const struct json_span *span, enum json_kind kind, const char *text)
{
    cr_assert_eq(span->kind, kind, "%s has kind %d", text, (int)span->kind);
    cr_assert_eq(span->len, strlen(text), "%s is %zu bytes long", text, span->len);
    cr_assert_eq(memcmp(span->text, text, span->len), 0, "%s is %.*s", text, (int)span->len,
                 span->text);
}

static struct json_span check_root(const char *text)
{
    struct json_span root;
    struct json_error error;
    cr_assert_eq(json_check(text, strlen(text), NULL, NULL, 0, &root, &error), STATUS_OK);
    return root;
}

Test(json_check, the_root_span_leaves_the_space_around_it_out)
{
    static const struct {
        const char *text;
        enum json_kind kind;
        const char *value;
    } cases[] = {
        {" {\"a\" : 1 } \n", JSON_OBJECT, "{\"a\" : 1 }"},
        {"\t[ ]", JSON_ARRAY, "[ ]"},
        {"\"a\\\"\" ", JSON_STRING, "\"a\\\"\""},
        {" -1.50e2 ", JSON_NUMBER, "-1.50e2"},
        {"true", JSON_BOOLEAN, "true"},
        {"\r\nfalse ", JSON_BOOLEAN, "false"},
        {"null", JSON_NULL, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_span root = check_root(cases[i].text);
        check_span(&root, cases[i].kind, cases[i].value);
    }
}

Test(json_check, members_are_found_whole_and_of_every_kind)
{
    static const char text[] = " { \"other\" : [ {\"a\":9} ] , \"a\" : 2.50e1 ,\"b\":\"x\\\"}\" ,"
                               "\"c\": [1, [2], {\"a\":3}] ,\"d\" :{ \"b\" : {} } , \"e\":null,"
                               "\"f\":true,\"g\":{}\n}";
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "missing"};
    struct json_span found[8];
    struct json_span root;
    struct json_error error;
    cr_assert_eq(json_check(text, sizeof text - 1, names, found, 8, &root, &error), STATUS_OK);
    check_span(&root, JSON_OBJECT, text + 1);
    check_span(&found[0], JSON_NUMBER, "2.50e1");
    check_span(&found[1], JSON_STRING, "\"x\\\"}\"");
    check_span(&found[2], JSON_ARRAY, "[1, [2], {\"a\":3}]");
    check_span(&found[3], JSON_OBJECT, "{ \"b\" : {} }");
    check_span(&found[4], JSON_NULL, "null");
    check_span(&found[5], JSON_BOOLEAN, "true");
    check_span(&found[6], JSON_OBJECT, "{}");
    cr_assert_eq(found[7].kind, JSON_ABSENT);
}

static enum json_kind find_kind(const char *text, const char *name)
{
    const char *const names[] = {name};
    struct json_span found[1];
    struct json_span root;
    struct json_error error;
    cr_assert_eq(json_check(text, strlen(text), names, found, 1, &root, &error), STATUS_OK);
    return found[0].kind;
}

Test(json_check, a_name_is_compared_with_the_unescaped_key)
{
    cr_assert_eq(find_kind("{\"\\u0061b\":1}", "ab"), JSON_NUMBER);
    cr_assert_eq(find_kind("{\"a\\/b\":1}", "a/b"), JSON_NUMBER);
    cr_assert_eq(find_kind("{\"AB\":1}", "ab"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"a\":1}", "ab"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"abc\":1}", "ab"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"ab\\u0000\":1}", "ab"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"ab\\u0000c\":1}", "ab"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"\\u0161b\":1}", "ab"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"\":1}", "ab"), JSON_ABSENT);
}

Test(json_check, members_of_inner_objects_are_not_found)
{
    cr_assert_eq(find_kind("{\"x\":{\"a\":1}}", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("[{\"a\":1}]", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("[\"a\",1]", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("\"a\"", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"x\":{\"a\":1},\"a\":\"\"}", "a"), JSON_STRING);
    cr_assert_eq(find_kind("{\"a\":[],\"x\":{\"a\":1}}", "a"), JSON_ARRAY);
}

Test(json_check, a_text_of_no_bytes_may_be_null)
{
    struct json_span root;
    struct json_error error = {7, NULL};
    cr_assert_eq(json_check(NULL, 0, NULL, NULL, 0, &root, &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 0);
    cr_assert_not_null(error.reason);
}

Test(json_check, the_elements_of_an_array_come_one_by_one)
{
    static const struct {
        enum json_kind kind;
        const char *text;
    } expected[] = {
        {JSON_NUMBER, "-1.5e3"},
        {JSON_STRING, "\"a,]\\\"\""},
        {JSON_STRING, "\"\\\\\""},
        {JSON_ARRAY, "[ 2, [\"]\"] ]"},
        {JSON_OBJECT, "{ \"k\" : [1 , 2], \"}\" : \"{\" }"},
        {JSON_BOOLEAN, "true"},
        {JSON_NULL, "null"},
        {JSON_ARRAY, "[]"},
        {JSON_STRING, "\"\""},
        {JSON_NUMBER, "0"},
    };
    struct json_span array =
        check_root(" [ -1.5e3 , \"a,]\\\"\",\"\\\\\",[ 2, [\"]\"] ] ,"
                   "{ \"k\" : [1 , 2], \"}\" : \"{\" },true\n,null,[],\"\",0] ");
    struct json_span element;
    size_t position = 0;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_assert(json_array_next(&array, &position, &element), "element %zu is missing", i);
        check_span(&element, expected[i].kind, expected[i].text);
    }
    cr_assert_not(json_array_next(&array, &position, &element));
    cr_assert_not(json_array_next(&array, &position, &element), "the end stays the end");
}

Test(json_check, an_empty_array_has_no_elements)
{
    static const char *const texts[] = {"[]", "[ ]", " [\n\t] "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_span array = check_root(texts[i]);
        struct json_span element;
        size_t position = 0;
        cr_assert_not(json_array_next(&array, &position, &element), "%s", texts[i]);
    }
}

Test(json_check, a_thousand_elements_are_a_thousand)
{
    size_t len = 0;
    large[len++] = '[';
    for (int i = 0; i < 1000; i++) {
        len += (size_t)sprintf(large + len, "%s%d", i > 0 ? "," : "", i);
    }
    large[len++] = ']';
    large[len] = '\0';
    struct json_span array = check_root(large);
    struct json_span element;
    size_t count = 0;
    for (size_t position = 0; json_array_next(&array, &position, &element);) {
        cr_assert_eq(atoi(element.text), (int)count);
        count++;
    }
    cr_assert_eq(count, 1000);
}

/* The checker's hash of a key's characters: a test of its weakness has to know it. */
static uint32_t hash_on(uint32_t hash, uint32_t character)
{
    return (hash ^ character) * 16777619U;
}

static size_t append_character(size_t len, uint32_t character)
{
    large[len] = (char)(0xf0 | character >> 18);
    large[len + 1] = (char)(0x80 | (character >> 12 & 0x3f));
    large[len + 2] = (char)(0x80 | (character >> 6 & 0x3f));
    large[len + 3] = (char)(0x80 | (character & 0x3f));
    return len + 4;
}

/* An object of keys that differ only in their last three characters and all have one hash. */
static size_t fill_with_colliding_keys(unsigned count)
{
    enum { PREFIX = 40, FIRST = 0x10000, LAST = 0xfffff };
    uint32_t start = 2166136261U;
    size_t len = 0;
    unsigned found = 0;
    for (int i = 0; i < PREFIX; i++) {
        start = hash_on(start, 'a');
    }
    for (uint32_t first = FIRST; found < count; first++) {
        for (uint32_t second = FIRST; second < FIRST + 0x8000 && found < count; second++) {
            uint32_t third = hash_on(hash_on(start, first), second) ^ 0x12345678U;
            if (third < FIRST || third > LAST) {
                continue;
            }
            len += (size_t)sprintf(large + len, "%s\"%.*s", found > 0 ? "," : "{", PREFIX,
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            len = append_character(append_character(append_character(len, first), second), third);
            len += (size_t)sprintf(large + len, "\":0");
            found++;
        }
    }
    large[len++] = '}';
    return len;
}

Test(json_check, keys_made_to_collide_are_refused_before_they_cost_much)
{
    struct json_error error = {0, ""};
    cr_assert_eq(check_bytes(large, fill_with_colliding_keys(900), &error), STATUS_INVALID);
    cr_assert_str_eq(error.reason, "the keys are too much alike");
    cr_assert_eq(check_bytes(large, fill_with_colliding_keys(30), &error), STATUS_OK, "%s",
                 error.reason);
}
