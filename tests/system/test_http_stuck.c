/* SPDX-License-Identifier: MIT */
/*
 * Requests of which the HTTP library can make nothing and goes on trying: a line of a chunked body
 * that is longer than its buffer (until the body's 20 s were over 0.9.75 looked at it, and 1.0.1
 * forgot it, or its request: LeakSanitizer reports that). Each is ended soon, and the others are
 * served meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "tests/support/http_client.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum {
    LINE_SIZE = 60000,
    CONNECTIONS = 300,
    ENDED_MS = 10000, /* all of them; half of what a body may take */
};

static const char head[] =
    "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n";

static struct temp_dir dir;
static struct service api;
static struct http_client *client;
static struct raw_http *connections[CONNECTIONS];

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static void finish(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        raw_http_close(connections[i]);
    }
    http_client_destroy(client);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_stuck, .init = start, .fini = finish, .timeout = 60);

/* The end of the stream, or a reset; what was answered before that does not matter. */
static bool ends_until(const struct raw_http *raw, uint64_t until_ms)
{
    char answer[4096];
    for (;;) {
        uint64_t now_ms = wait_now_ms();
        struct pollfd socket = {.fd = raw->fd, .events = POLLIN};
        if (now_ms >= until_ms || poll(&socket, 1, (int)(until_ms - now_ms)) != 1) {
            return false;
        }
        if (recv(raw->fd, answer, sizeof answer, MSG_DONTWAIT) <= 0) {
            return true;
        }
    }
}

/* `start` and then the same character again and again. */
static void send_endless_lines(size_t count, const char *start, char character)
{
    static char line[LINE_SIZE];
    memset(line, character, sizeof line);
    memcpy(line, start, strlen(start));
    for (size_t i = 0; i < count; i++) {
        connections[i] = raw_http_open(api.port);
        raw_http_send(connections[i], head, sizeof head - 1);
        raw_http_send(connections[i], line, sizeof line); /* may fail: it is ended already */
        if (i % 10 == 0) {
            cr_assert_eq(http_get(client, "/livez")->status, 200);
        }
    }
    uint64_t until_ms = wait_now_ms() + ENDED_MS;
    for (size_t i = 0; i < count; i++) {
        cr_assert(ends_until(connections[i], until_ms), "connection %zu is still there", i);
    }
}

Test(http_stuck, an_endless_size_of_a_chunk_is_ended)
{
    send_endless_lines(CONNECTIONS, "0", '0');
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(http_stuck, an_endless_extension_of_a_chunk_is_ended)
{
    send_endless_lines(CONNECTIONS, "1;", 'a');
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(http_stuck, endless_blanks_behind_the_size_of_a_chunk_are_ended)
{
    send_endless_lines(CONNECTIONS, "1", ' ');
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* Nothing else happens that could have the server look at it. */
Test(http_stuck, one_alone_is_ended)
{
    send_endless_lines(1, "1;", 'a');
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* It is slow, and not stuck: nothing lies in the server's buffer that could be used. */
Test(http_stuck, a_slow_body_beside_them_is_left_alone)
{
    static const char order[] = "POST /order HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"
                                "Content-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n"
                                "40\r\n{\"user_id\":\"user123\",";
    static const char rest[] = "\"item_ids\":[101,102],\"total_amount\":250.75}\r\n0\r\n\r\n";
    struct raw_http *slow = raw_http_open(api.port);
    raw_http_send(slow, order, sizeof order - 1);
    send_endless_lines(CONNECTIONS, "0", '0');
    raw_http_send(slow, rest, sizeof rest - 1);
    cr_assert_eq(raw_http_read(slow, 1, ENDED_MS), 1);
    cr_assert_eq(raw_http_status(slow, 0), 200, "%s", slow->answer);
    raw_http_close(slow);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
