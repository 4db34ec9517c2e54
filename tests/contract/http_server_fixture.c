/* SPDX-License-Identifier: MIT */
#include "tests/contract/http_server_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/http/http_listener.h"
#include "tests/support/wait_until.h"

struct http_server *http_server;
uint16_t http_port;

static atomic_int wait_count;
static _Atomic(struct http_exchange *) waiter;

void http_server_fixture_start(const struct http_application *application)
{
    thread_prepare_signals();
    int listener = http_listener_bind("127.0.0.1", 0);
    int bytes = HTTP_SOCKET_BYTES;
    cr_assert_eq(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    http_server = http_server_start(listener, application);
    cr_assert_not_null(http_server);
    http_port = http_server_port(http_server);
}

void http_server_fixture_stop(void)
{
    http_server_stop(http_server);
    http_server = NULL;
}

void note_waiter(struct http_exchange *exchange)
{
    atomic_store(&waiter, exchange);
    atomic_fetch_add(&wait_count, 1);
}

static bool has_waited(void *arg)
{
    return atomic_load(&wait_count) >= *(const int *)arg;
}

void expect_waits(int count)
{
    cr_assert(wait_until(has_waited, &count, HTTP_LIMIT_MS), "nothing waits");
}

void resume_waiter(int count)
{
    expect_waits(count);
    http_exchange_resume(atomic_load(&waiter));
}

struct raw_http *ask(const char *request)
{
    struct raw_http *raw = raw_http_open(http_port);
    cr_assert(raw_http_send(raw, request, strlen(request)));
    return raw;
}

struct raw_http *get(const char *target)
{
    char request[200];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    return ask(request);
}

void expect_answer(struct raw_http *raw, int status, const char *text)
{
    cr_assert_eq(raw_http_read(raw, 1, HTTP_LIMIT_MS), 1);
    cr_assert_eq(raw_http_status(raw, 0), status, "%s", raw->answer);
    cr_assert_not_null(strstr(raw->answer, text), "no %s in %s", text, raw->answer);
    raw_http_close(raw);
}

static bool has_text(void *arg)
{
    const struct {
        struct raw_http *raw;
        const char *text;
    } *wanted = arg;
    raw_http_read(wanted->raw, 1, 1);
    return strstr(wanted->raw->answer, wanted->text) != NULL;
}

void expect_text(struct raw_http *raw, const char *text)
{
    struct {
        struct raw_http *raw;
        const char *text;
    } wanted = {raw, text};
    cr_assert(wait_until(has_text, &wanted, HTTP_LIMIT_MS), "no %s in %s", text, raw->answer);
}
