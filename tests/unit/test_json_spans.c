/* SPDX-License-Identifier: MIT */
/* Where the root, its members and the elements of an array stand in the text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/json_checks.h"

static void check_span(const struct json_span *span, enum json_kind kind, const char *text)
{
    cr_assert_eq(span->kind, kind, "%s has kind %d", text, (int)span->kind);
    cr_assert_eq(span->len, strlen(text), "%s is %zu bytes long", text, span->len);
    cr_assert_eq(memcmp(span->text, text, span->len), 0, "%s is %.*s", text, (int)span->len,
                 span->text);
}

static struct json_span check_root(const char *text)
{
    union json_result result;
    cr_assert_eq(json_check(text, strlen(text), NULL, 0, &result), STATUS_OK);
    return result.root;
}

Test(json_spans, the_root_span_leaves_the_space_around_it_out)
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

Test(json_spans, members_are_found_whole_and_of_every_kind)
{
    static const char text[] = " { \"other\" : [ {\"a\":9} ] , \"a\" : 2.50e1 ,\"b\":\"x\\\"}\" ,"
                               "\"c\": [1, [2], {\"a\":3}] ,\"d\" :{ \"b\" : {} } , \"e\":null,"
                               "\"f\":true,\"g\":{}\n}";
    struct json_member members[] = {
        {.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"},
        {.name = "e"}, {.name = "f"}, {.name = "g"}, {.name = "missing"},
    };
    union json_result result;
    cr_assert_eq(json_check(text, sizeof text - 1, members, 8, &result), STATUS_OK);
    check_span(&result.root, JSON_OBJECT, text + 1);
    check_span(&members[0].span, JSON_NUMBER, "2.50e1");
    check_span(&members[1].span, JSON_STRING, "\"x\\\"}\"");
    check_span(&members[2].span, JSON_ARRAY, "[1, [2], {\"a\":3}]");
    check_span(&members[3].span, JSON_OBJECT, "{ \"b\" : {} }");
    check_span(&members[4].span, JSON_NULL, "null");
    check_span(&members[5].span, JSON_BOOLEAN, "true");
    check_span(&members[6].span, JSON_OBJECT, "{}");
    cr_assert_eq(members[7].span.kind, JSON_ABSENT);
}

static enum json_kind find_kind(const char *text, const char *name)
{
    struct json_member member = {.name = name};
    union json_result result;
    cr_assert_eq(json_check(text, strlen(text), &member, 1, &result), STATUS_OK);
    return member.span.kind;
}

Test(json_spans, a_name_is_compared_with_the_unescaped_key)
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

Test(json_spans, members_of_inner_objects_are_not_found)
{
    cr_assert_eq(find_kind("{\"x\":{\"a\":1}}", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("[{\"a\":1}]", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("[\"a\",1]", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("\"a\"", "a"), JSON_ABSENT);
    cr_assert_eq(find_kind("{\"x\":{\"a\":1},\"a\":\"\"}", "a"), JSON_STRING);
    cr_assert_eq(find_kind("{\"a\":[],\"x\":{\"a\":1}}", "a"), JSON_ARRAY);
}

Test(json_spans, a_text_of_no_bytes_may_be_null)
{
    union json_result result = {.error = {7, NULL}};
    cr_assert_eq(json_check(NULL, 0, NULL, 0, &result), STATUS_INVALID);
    cr_assert_eq(result.error.offset, 0);
    cr_assert_not_null(result.error.reason);
}

Test(json_spans, the_elements_of_an_array_come_one_by_one)
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

Test(json_spans, an_empty_array_has_no_elements)
{
    static const char *const texts[] = {"[]", "[ ]", " [\n\t] "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_span array = check_root(texts[i]);
        struct json_span element;
        size_t position = 0;
        cr_assert_not(json_array_next(&array, &position, &element), "%s", texts[i]);
    }
}

Test(json_spans, a_thousand_elements_are_a_thousand)
{
    char large[16 * 1024];
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
