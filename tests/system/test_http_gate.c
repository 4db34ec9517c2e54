/* SPDX-License-Identifier: MIT */
/*
 * Requests that two programs could read in two ways, which is how requests are smuggled past a
 * proxy: refused, and the connection closed, so that what stands behind them is never answered.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* test-client:test-secret */
#define AUTHORIZATION "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"
#define HOST "Host: 127.0.0.1\r\n"
#define JSON "Content-Type: application/json\r\n"
#define POST_HEAD "POST /order HTTP/1.1\r\n" HOST AUTHORIZATION JSON

/* Exactly 64 bytes of a good order. */
#define ORDER EXPECT_GOOD_ORDER
#define ORDER_LENGTH "64"

/* What an attacker hides behind a malformed request. */
#define SMUGGLED "GET /livez HTTP/1.1\r\n" HOST "\r\n"

enum {
    ANSWER_MS = 5000,
    PIPELINED = 50,
    BYTE_INTERVAL_MS = 50,
    CUT_OFF_MIN_MS = 8000, /* the limit for a header is 10 s, looked at every second */
    CUT_OFF_MAX_MS = 16000,
    REQUEST_SIZE = 64 * 1024,
    GONE_LIMIT_MS = 5000,
    STOP_WITH_CLIENT_MS = 5000,
};

_Static_assert(sizeof ORDER - 1 == 64, "ORDER_LENGTH says how long ORDER is");

static struct temp_dir dir;
static struct service api;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
}

static int64_t count_orders(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    struct sql *sql = sql_open_sqlite(path);
    int64_t count = sql_integer(sql, "SELECT count(*) FROM orders");
    sql_close(sql);
    return count;
}

static void finish(void)
{
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_gate, .init = start, .fini = finish, .timeout = 60);

static bool is_refusal(int status)
{
    return status == 400 || status == 413 || status == 431 || status == 505;
}

/* Refused, or cut off at once; either way nothing behind it is answered or stored. */
static void refuse(const char *request, size_t len)
{
    struct raw_http *raw = raw_http_open(api.port);
    raw_http_send(raw, request, len);
    size_t answers = raw_http_read(raw, 3, ANSWER_MS);
    for (size_t i = 0; i < answers; i++) {
        cr_expect(is_refusal(raw_http_status(raw, i)), "%s\nwas answered:\n%s", request,
                  raw->answer);
    }
    cr_expect_leq(answers, 1, "%s\nwas answered more than once:\n%s", request, raw->answer);
    cr_expect(raw->closed, "%s\ndid not end the connection:\n%s", request, raw->answer);
    raw_http_close(raw);
    cr_assert_eq(count_orders(), 0, "%s\nwas stored", request);
}

#define REFUSE(request) refuse((request), sizeof(request) - 1)

Test(http_gate, two_content_lengths)
{
    REFUSE(POST_HEAD "Content-Length: " ORDER_LENGTH
                     "\r\nContent-Length: 5\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 5\r\nContent-Length: " ORDER_LENGTH
                     "\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 64\r\nContent-Length: 64\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 64, 64\r\n\r\n" ORDER SMUGGLED);
}

Test(http_gate, a_content_length_that_is_no_number)
{
    REFUSE(POST_HEAD "Content-Length: -1\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: +64\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 0x40\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 64a\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 6 4\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length:\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 99999999999999999999999999\r\n\r\n" ORDER SMUGGLED);
}

Test(http_gate, a_content_length_with_a_transfer_encoding)
{
    REFUSE(POST_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "0\r\n\r\n" SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
                     "40\r\n" ORDER "\r\n0\r\n\r\n" SMUGGLED);
}

Test(http_gate, a_blank_before_the_colon)
{
    REFUSE(POST_HEAD "Content-Length : " ORDER_LENGTH "\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding : chunked\r\n\r\n40\r\n" ORDER "\r\n0\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n" SMUGGLED);
}

/* libmicrohttpd joins a folded line to the name of its header, where it no longer counts. */
Test(http_gate, a_length_or_encoding_on_a_folded_line)
{
    REFUSE(POST_HEAD "Content-Length:\r\n " ORDER_LENGTH "\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: 6\r\n 4\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n40\r\n" ORDER "\r\n0\r\n\r\n" SMUGGLED);
    REFUSE(POST_HEAD "Content-Length: " ORDER_LENGTH
                     "\r\nTransfer-Encoding:\r\n chunked\r\n\r\n" ORDER SMUGGLED);
}

Test(http_gate, a_transfer_encoding_that_is_not_chunked)
{
    REFUSE(POST_HEAD "Transfer-Encoding: gzip\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding: identity\r\n\r\n" ORDER SMUGGLED);
    REFUSE(POST_HEAD "Transfer-Encoding:\r\n\r\n0\r\n\r\n" SMUGGLED);
}

Test(http_gate, two_transfer_encodings)
{
    REFUSE(POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "0\r\n\r\n" SMUGGLED);
}

Test(http_gate, a_transfer_encoding_in_http_1_0)
{
    REFUSE("POST /order HTTP/1.0\r\n" HOST AUTHORIZATION JSON
           "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
           "40\r\n" ORDER "\r\n0\r\n\r\n" SMUGGLED);
}

Test(http_gate, control_characters_in_header_values)
{
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X: \x1b[2J\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X: a\x01z\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X: a\x7fz\r\n\r\n" SMUGGLED);
}

Test(http_gate, bytes_that_are_not_utf8_in_header_values)
{
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X: \xff\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X: \xc0\xaf\r\n\r\n" SMUGGLED);
}

Test(http_gate, header_names_that_are_no_tokens)
{
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X(y): a\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X\xc3\xa9: a\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n" HOST "X Y: a\r\n\r\n" SMUGGLED);
}

Test(http_gate, two_hosts_or_none)
{
    REFUSE("GET /livez HTTP/1.1\r\n" HOST HOST "\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\nX: y\r\n\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/1.1\r\n\r\n" SMUGGLED);
}

Test(http_gate, two_authorizations)
{
    REFUSE("GET /metrics HTTP/1.1\r\n" HOST AUTHORIZATION AUTHORIZATION "\r\n" SMUGGLED);
}

Test(http_gate, a_method_in_small_letters)
{
    REFUSE("get /livez HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("Post /order HTTP/1.1\r\n" HOST AUTHORIZATION JSON "Content-Length: " ORDER_LENGTH
           "\r\n\r\n" ORDER SMUGGLED);
}

Test(http_gate, a_target_that_is_no_path)
{
    REFUSE("GET http://127.0.0.1/livez HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("GET http://elsewhere/livez HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("GET livez HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("OPTIONS * HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("CONNECT 127.0.0.1:80 HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
}

Test(http_gate, a_target_that_is_not_plain_ascii)
{
    REFUSE("GET /livez\xff HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("GET /livez\x1b HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("GET /livez\t HTTP/1.1\r\n" HOST "\r\n" SMUGGLED);
}

Test(http_gate, a_version_that_is_not_1_0_or_1_1)
{
    REFUSE("GET /livez HTTP/1.2\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("GET /livez HTTP/0.9\r\n" HOST "\r\n" SMUGGLED);
    REFUSE("GET /livez HTTX/1.1\r\n" HOST "\r\n" SMUGGLED);
}

Test(http_gate, more_than_64_header_fields)
{
    char request[REQUEST_SIZE] = "GET /livez HTTP/1.1\r\n" HOST;
    for (int i = 0; i < 64; i++) {
        strcat(request, "X: y\r\n");
    }
    strcat(request, "\r\n" SMUGGLED);
    refuse(request, strlen(request));
}

/* libmicrohttpd would cut the path at the NUL and find a route. */
Test(http_gate, a_nul_in_the_path_finds_nothing)
{
    static const char *const paths[] = {"/livez%00", "/livez%00/x", "/metrics%00", "/%00"};
    struct http_client *client =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        expect_problem(http_get(client, paths[i]), 404, paths[i]);
    }
    http_client_destroy(client);
}

static size_t write_with_trailer(char *request, size_t size, const char *name, size_t value_len)
{
    return (size_t)snprintf(request, size,
                            POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                      "40\r\n" EXPECT_GOOD_ORDER "\r\n0\r\n%s: %0*d\r\n\r\n",
                            name, (int)value_len, 0);
}

/* They share the memory of the answer's head: what was stored could not be answered any more. */
Test(http_gate, trailers_without_room_for_the_answer, .timeout = 120)
{
    static char request[32 * 1024];
    for (size_t len = 1100; len < 17000; len += len < 15500 ? 800 : 8) {
        refuse(request, write_with_trailer(request, sizeof request, "X-Trailer", len));
    }
}

Test(http_gate, trailers_with_a_blank_in_the_name)
{
    static char request[1024];
    refuse(request, write_with_trailer(request, sizeof request, "X Trailer", 1));
}

Test(http_gate, trailers_that_are_small_change_nothing)
{
    static char request[1024];
    struct raw_http *raw = raw_http_open(api.port);
    raw_http_send(raw, request, write_with_trailer(request, sizeof request, "X-Trailer", 100));
    cr_assert_eq(raw_http_read(raw, 1, ANSWER_MS), 1);
    cr_assert_eq(raw_http_status(raw, 0), 200, "%s", raw->answer);
    raw_http_close(raw);
    cr_assert_eq(count_orders(), 1);
}

Test(http_gate, a_refusal_is_a_problem)
{
    static const char *const headers[] = {"X: \xff", NULL};
    struct http_client *client = http_client_create(api.port, NULL, NULL);
    const struct http_response *response = http_call(client, "GET", "/livez", headers, NULL, 0);
    expect_problem(response, 400, "/livez");
    expect_header(response, "Connection", "close");
    http_client_destroy(client);
}

/* The requests alternate between one that waits for the database and one that does not. */
Test(http_gate, pipelined_requests_are_answered_in_their_order)
{
    char requests[REQUEST_SIZE] = "";
    struct raw_http *raw = raw_http_open(api.port);
    for (int i = 0; i < PIPELINED; i += 2) {
        size_t len = strlen(requests);
        snprintf(requests + len, sizeof requests - len,
                 POST_HEAD "Content-Length: " ORDER_LENGTH "\r\n\r\n" ORDER
                           "GET /none/%d HTTP/1.1\r\n" HOST AUTHORIZATION "\r\n",
                 i + 1);
    }
    cr_assert(raw_http_send(raw, requests, strlen(requests)));
    cr_assert_eq(raw_http_read(raw, PIPELINED, ANSWER_MS), PIPELINED);
    const char *at = raw->answer;
    uint64_t last = 0;
    for (int i = 0; i < PIPELINED; i += 2) {
        char instance[32];
        uint64_t id = 0;
        cr_assert_eq(raw_http_status(raw, (size_t)i), 200);
        cr_assert_eq(raw_http_status(raw, (size_t)i + 1), 404);
        at = strstr(at, "{\"order_id\"");
        cr_assert(at != NULL && sscanf(at, "{\"order_id\":\"ORD%" SCNu64, &id) == 1 && id > last);
        last = id;
        snprintf(instance, sizeof instance, "\"/none/%d\"", i + 1);
        at = strstr(at, instance);
        cr_assert_not_null(at, "answer %d came at another place", i + 1);
    }
    raw_http_close(raw);
    cr_assert_eq(count_orders(), PIPELINED / 2);
}

struct slow_client {
    struct raw_http *raw;
    uint64_t next_ms;
};

static bool sent_byte_and_was_cut_off(void *arg)
{
    struct slow_client *slow = arg;
    if (wait_now_ms() >= slow->next_ms) {
        slow->next_ms += BYTE_INTERVAL_MS;
        return !raw_http_send(slow->raw, "x", 1);
    }
    return false;
}

Test(http_gate, a_client_that_sends_its_header_byte_by_byte_is_cut_off)
{
    static const char head[] = "GET /livez HTTP/1.1\r\n" HOST "X: ";
    struct slow_client slow = {.raw = raw_http_open(api.port), .next_ms = wait_now_ms()};
    uint64_t start_ms = wait_now_ms();
    cr_assert(raw_http_send(slow.raw, head, sizeof head - 1));
    cr_assert(wait_until(sent_byte_and_was_cut_off, &slow, CUT_OFF_MAX_MS), "it goes on for ever");
    cr_assert_geq(wait_now_ms() - start_ms, CUT_OFF_MIN_MS, "an honest slow client has 10 s");
    cr_assert_eq(raw_http_read(slow.raw, 1, 0), 0);
    raw_http_close(slow.raw);
}

static size_t count_sockets(void)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)api.process.pid);
    DIR *descriptors = opendir(path);
    cr_assert_not_null(descriptors);
    for (struct dirent *entry; (entry = readdir(descriptors)) != NULL;) {
        char target[16] = "";
        ssize_t len = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof target - 1);
        count += len > 0 && strncmp(target, "socket:", strlen("socket:")) == 0;
    }
    closedir(descriptors);
    return count;
}

static bool sockets_are_back(void *arg)
{
    return count_sockets() <= *(const size_t *)arg;
}

/* The library's epoll overlooks an end of stream that comes together with data. */
Test(http_gate, clients_that_have_gone_are_forgotten)
{
    static const char *const parts[] = {"GET /li", "GET /livez HTTP/1.1\r\nHost:",
                                        POST_HEAD "Content-Length: 64\r\n\r\n{\"user_id\""};
    size_t before = count_sockets();
    for (size_t i = 0; i < 60; i++) {
        struct raw_http *raw = raw_http_open(api.port);
        cr_assert(raw_http_send(raw, parts[i % 3], strlen(parts[i % 3])));
        raw_http_close(raw);
    }
    cr_assert(wait_until(sockets_are_back, &before, GONE_LIMIT_MS), "%zu are left of %zu",
              count_sockets(), before);
}

Test(http_gate, clients_in_the_middle_of_a_request_do_not_hold_up_the_stop)
{
    static const char part[] = POST_HEAD "Content-Length: 64\r\n\r\n{\"user_id\"";
    struct raw_http *raw = raw_http_open(api.port);
    cr_assert(raw_http_send(raw, part, sizeof part - 1));
    process_stop_cleanly(&api.process, STOP_WITH_CLIENT_MS);
    raw_http_close(raw);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
}
