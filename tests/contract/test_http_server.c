/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server as an application meets it: waits at each stage, and header fields without a
 * small limit.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/http_server_fixture.h"

enum { HEADERS = 12, VALUE_BYTES = 300 };

static enum http_next answer_done(void *context, struct http_exchange *exchange)
{
    (void)context;
    http_response_print(&exchange->response, 200, "text/plain", "done %zu", exchange->body_len);
    return HTTP_ANSWER;
}

static enum http_next wait_again(void *context, struct http_exchange *exchange)
{
    (void)context;
    note_waiter(exchange);
    return http_exchange_wait(exchange, answer_done);
}

static enum http_next read_body(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return HTTP_READ_BODY;
}

static enum http_next refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    http_response_print(&exchange->response, 403, "text/plain", "refused");
    return HTTP_ANSWER;
}

static enum http_next on_head(void *context, struct http_exchange *exchange,
                              const struct http_head *head)
{
    (void)context;
    if (strcmp(head->target, "/head/early") == 0) {
        http_exchange_resume(exchange);
        return http_exchange_wait(exchange, read_body);
    }
    if (strncmp(head->target, "/head/", 6) == 0) {
        note_waiter(exchange);
        return http_exchange_wait(exchange,
                                  strcmp(head->target, "/head/refused") == 0 ? refuse : read_body);
    }
    return HTTP_READ_BODY;
}

static void fill_value(char value[VALUE_BYTES + 1], int field)
{
    memset(value, 'a' + field, VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
}

static enum http_next answer_with_fields(struct http_exchange *exchange)
{
    char name[32];
    char value[VALUE_BYTES + 1];
    for (int i = 0; i < HEADERS; i++) {
        snprintf(name, sizeof name, "X-Field-%d", i);
        fill_value(value, i);
        http_response_add_header(&exchange->response, name, value);
    }
    http_response_print(&exchange->response, 200, "text/plain", "fields");
    return HTTP_ANSWER;
}

static enum http_next on_request(void *context, struct http_exchange *exchange)
{
    (void)context;
    const char *target = exchange->target;
    if (strcmp(target, "/fields") == 0) {
        return answer_with_fields(exchange);
    }
    if (strcmp(target, "/twice") == 0) {
        note_waiter(exchange);
        return http_exchange_wait(exchange, wait_again);
    }
    if (strcmp(target, "/early") == 0) {
        http_exchange_resume(exchange);
        return http_exchange_wait(exchange, answer_done);
    }
    return answer_done(context, exchange);
}

static void start(void)
{
    http_server_fixture_start(
        &(struct http_application){.on_head = on_head, .on_request = on_request});
}

TestSuite(http_server, .init = start, .fini = http_server_fixture_stop, .timeout = 120);

Test(http_server, an_answer_has_as_many_header_fields_as_it_takes)
{
    struct raw_http *raw = get("/fields");
    char line[VALUE_BYTES + 64];
    char value[VALUE_BYTES + 1];
    cr_assert_eq(raw_http_read(raw, 1, HTTP_LIMIT_MS), 1);
    for (int i = 0; i < HEADERS; i++) {
        fill_value(value, i);
        snprintf(line, sizeof line, "\r\nX-Field-%d: %s\r\n", i, value);
        cr_assert_not_null(strstr(raw->answer, line), "no %s in %s", line, raw->answer);
    }
    raw_http_close(raw);
}

Test(http_server, a_request_may_wait_twice)
{
    struct raw_http *raw = get("/twice");
    resume_waiter(1);
    resume_waiter(2);
    expect_answer(raw, 200, "done 0");
}

Test(http_server, a_request_that_is_resumed_before_it_waits_goes_on)
{
    expect_answer(get("/early"), 200, "done 0");
    expect_answer(get("/head/early"), 200, "done 0");
}

Test(http_server, a_request_may_wait_before_its_body_is_read)
{
    struct raw_http *raw =
        ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    resume_waiter(1);
    expect_answer(raw, 200, "done 5");
}

Test(http_server, a_body_that_comes_in_parts_after_a_wait_is_read)
{
    struct raw_http *raw =
        ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    resume_waiter(1);
    static const char *const parts[] = {"3\r\nhel\r\n", "2\r\nlo\r\n0\r\n", "\r\n"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(raw_http_send(raw, parts[i], strlen(parts[i])));
    }
    expect_answer(raw, 200, "done 5");
}

Test(http_server, a_client_that_waits_for_100_continue_gets_it_after_the_wait)
{
    struct raw_http *raw = ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                               "Expect: 100-continue\r\n\r\n");
    resume_waiter(1);
    expect_text(raw, "HTTP/1.1 100 ");
    cr_assert(raw_http_send(raw, "hello", 5));
    expect_text(raw, "done 5");
    raw_http_close(raw);
}

Test(http_server, a_request_may_be_refused_after_a_wait_at_its_head)
{
    struct raw_http *raw =
        ask("POST /head/refused HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    resume_waiter(1);
    expect_answer(raw, 403, "refused");
}

Test(http_server, what_follows_a_request_that_waits_is_answered_after_it)
{
    struct raw_http *raw = ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
                               "helloGET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    resume_waiter(1);
    cr_assert_eq(raw_http_read(raw, 2, HTTP_LIMIT_MS), 2);
    const char *first = strstr(raw->answer, "done 5");
    cr_assert_not_null(first, "%s", raw->answer);
    cr_assert_not_null(strstr(first, "done 0"), "%s", raw->answer);
    raw_http_close(raw);
}
