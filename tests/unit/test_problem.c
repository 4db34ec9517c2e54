/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/problem.h"

static struct http_exchange exchange;
static struct http_response *const response = &exchange.response;

static struct http_exchange *at(const char *target)
{
    exchange.target = target;
    return &exchange;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    cr_assert(cJSON_IsString(member), "%s is no string", name);
    return member->valuestring;
}

/* Checks what all problems have in common; the caller deletes the answer. */
static cJSON *parse(unsigned status, const char *title, const char *instance)
{
    cr_assert_eq(response->status, status);
    cr_assert_str_eq(response->content_type, "application/problem+json");
    cJSON *problem = cJSON_ParseWithLength(http_response_body(response), response->body_len);
    cr_assert_not_null(problem, "%.*s", (int)response->body_len, http_response_body(response));
    cr_assert_str_eq(text_of(problem, "type"), "about:blank");
    cr_assert_str_eq(text_of(problem, "title"), title);
    cr_assert_eq(cJSON_GetObjectItemCaseSensitive(problem, "status")->valueint, (int)status);
    cr_assert_gt(strlen(text_of(problem, "detail")), 0);
    cr_assert_str_eq(text_of(problem, "instance"), instance);
    return problem;
}

static void check(unsigned status, const char *title, const char *detail)
{
    cJSON *problem = parse(status, title, "/here");
    if (detail != NULL) {
        cr_assert_str_eq(text_of(problem, "detail"), detail);
    }
    cr_assert_eq(cJSON_GetArraySize(problem), 5, "there is more than the five members");
    cJSON_Delete(problem);
}

static void check_no_header_behind(size_t walk)
{
    const char *name;
    const char *value;
    cr_assert_not(http_response_next_header(response, &walk, &name, &value), "%s", name);
}

static void check_header(const char *name, const char *value)
{
    size_t walk = 0;
    const char *found_name;
    const char *found_value;
    cr_assert(http_response_next_header(response, &walk, &found_name, &found_value));
    cr_assert_str_eq(found_name, name);
    cr_assert_str_eq(found_value, value);
    check_no_header_behind(walk);
}

static void finish(void)
{
    http_response_finish(response);
    cr_assert_eq(response->status, 0);
}

TestSuite(problem, .fini = finish);

Test(problem, a_bad_request_is_400)
{
    problem_bad_request(at("/here"), "the detail");
    check(400, "Bad Request", "the detail");
    check_no_header_behind(0);
}

Test(problem, unauthorized_is_401_with_a_challenge)
{
    problem_unauthorized(at("/here"), "the detail");
    check(401, "Unauthorized", "the detail");
    check_header("WWW-Authenticate", "Basic realm=\"orders\", charset=\"UTF-8\"");
}

Test(problem, not_found_is_404)
{
    problem_not_found(at("/here"), "the detail");
    check(404, "Not Found", "the detail");
    check_no_header_behind(0);
}

Test(problem, method_not_allowed_is_405_with_the_methods)
{
    problem_method_not_allowed(at("/here"), "GET, HEAD");
    check(405, "Method Not Allowed", NULL);
    check_header("Allow", "GET, HEAD");
}

Test(problem, too_large_is_413)
{
    problem_too_large(at("/here"), "the detail");
    check(413, "Content Too Large", NULL);
}

Test(problem, unsupported_media_type_is_415)
{
    problem_unsupported_media_type(at("/here"), "the detail");
    check(415, "Unsupported Media Type", "the detail");
}

Test(problem, unavailable_is_503_with_retry_after)
{
    problem_unavailable(at("/here"), "the detail");
    check(503, "Service Unavailable", "the detail");
    check_header("Retry-After", "1");
}

Test(problem, each_error_says_where_what_and_which)
{
    static const struct field_error errors[] = {
        {NULL, -1, "must be a JSON object", "wrong_type", false},
        {"user_id", -1, "is required", "missing", false},
        {"item_ids", 12, "must not be empty", "too_short", false},
        {"item_ids", 0, "must be \"this\"", "too_long", false},
        {"Idempotency-Key", -1, "was used", "key_reused", true},
    };
    problem_unprocessable(at("/order"), "the detail", errors, 5);
    cJSON *problem = parse(422, "Unprocessable Content", "/order");
    char *list = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(problem, "errors"));
    cr_assert_str_eq(
        list,
        "[{\"loc\":[\"body\"],\"msg\":\"must be a JSON object\",\"type\":\"wrong_type\"},"
        "{\"loc\":[\"body\",\"user_id\"],\"msg\":\"is required\",\"type\":\"missing\"},"
        "{\"loc\":[\"body\",\"item_ids\",12],\"msg\":\"must not be empty\",\"type\":\"too_short\"},"
        "{\"loc\":[\"body\",\"item_ids\",0],\"msg\":\"must be "
        "\\\"this\\\"\",\"type\":\"too_long\"},"
        "{\"loc\":[\"header\",\"Idempotency-Key\"],\"msg\":\"was used\",\"type\":\"key_reused\"}]");
    free(list);
    cJSON_Delete(problem);
}

Test(problem, the_instance_is_the_path_without_the_query)
{
    problem_not_found(at("/order/ORD1?secret=1#x"), "the detail");
    cJSON_Delete(parse(404, "Not Found", "/order/ORD1"));
}

Test(problem, a_path_that_is_not_plain_ascii_does_not_get_back_out)
{
    static const char *const targets[] = {"/a b",         "/a\nb", "/\x7f",
                                          "/caf\xc3\xa9", "/\xff", "/\x1b[31m"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        problem_not_found(at(targets[i]), "the detail");
        cJSON_Delete(parse(404, "Not Found", "/"));
        http_response_finish(response);
    }
}

Test(problem, quotes_in_a_path_are_escaped)
{
    problem_not_found(at("/a\"b\\c"), "the detail");
    cJSON_Delete(parse(404, "Not Found", "/a\"b\\c"));
}

Test(problem, a_long_path_is_cut)
{
    char target[5000];
    memset(target, 'x', sizeof target);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    problem_not_found(at(target), "the detail");
    target[199] = '\0';
    cJSON_Delete(parse(404, "Not Found", target));
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

Test(problem, without_memory_the_problem_is_short_but_whole)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = no_memory, .free_fn = free});
    static const struct field_error error = {"user_id", 3, "is required", "missing", false};
    problem_unprocessable(at("/order"), "the detail", &error, 1);
    cJSON_InitHooks(NULL);
    cr_assert_eq(response->status, 422);
    cr_assert_str_eq(response->content_type, "application/problem+json");
    cr_assert_str_eq(http_response_body(response),
                     "{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\","
                     "\"status\":422,\"detail\":\"Unprocessable Content\",\"instance\":\"/\"}");
    cr_assert_eq(response->body_len, strlen(http_response_body(response)));
}

static size_t allocations_left;

static void *little_memory(size_t size)
{
    if (allocations_left == 0) {
        return NULL;
    }
    allocations_left--;
    return malloc(size);
}

/* It leaked what it had made by then, and left members out. */
Test(problem, wherever_memory_ends_the_problem_has_all_its_members)
{
    static const struct field_error error = {"user_id", 3, "is required", "missing", false};
    bool short_one = true;
    for (size_t count = 0; short_one; count++) {
        cr_assert_lt(count, 1000);
        allocations_left = count;
        cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = little_memory, .free_fn = free});
        problem_unprocessable(at("/order"), "the detail", &error, 1);
        cJSON_InitHooks(NULL);
        cJSON *problem = cJSON_Parse(http_response_body(response));
        cr_assert_not_null(problem, "%s", http_response_body(response));
        cr_assert_geq(cJSON_GetArraySize(problem), 5, "%s", http_response_body(response));
        const cJSON *errors = cJSON_GetObjectItemCaseSensitive(problem, "errors");
        const cJSON *only = cJSON_GetArrayItem(errors, 0);
        short_one = errors == NULL;
        cr_assert(short_one || cJSON_GetArraySize(only) == 3, "%s", http_response_body(response));
        cr_assert(short_one || cJSON_GetArraySize(cJSON_GetObjectItem(only, "loc")) == 3);
        cJSON_Delete(problem);
        http_response_finish(response);
    }
}
