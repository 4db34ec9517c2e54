/* SPDX-License-Identifier: MIT */
/*
 * Requests as bytes, clean and malformed: what a proxy, a scanner or an attacker sends. Whatever it
 * is, the connection ends soon, and what was stored was answered. What stands behind a clean
 * request is answered too; what stands behind a malformed one never is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"

#define HOST "Host: 127.0.0.1\r\n"
#define LIVEZ "GET /livez HTTP/1.1\r\n"
/* test-client:test-secret */
#define POST                                                                                       \
    "POST /order HTTP/1.1\r\n" HOST "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"    \
    "Content-Type: application/json\r\n"
#define ORDER EXPECT_GOOD_ORDER /* 64 bytes, 0x40 */
#define BEHIND LIVEZ HOST "\r\n"

/* Text with its length, since it may have NULs in it. */
#define BYTES(text) text, sizeof(text) - 1

enum { ENDS_MS = 10000, REQUEST_SIZE = 8 * 1024 };

/* What becomes of a request; else: the status of its answer. */
enum {
    REFUSED = 0, /* one problem or no answer, and the connection ends */
    EITHER = 1,  /* the versions of libmicrohttpd differ; both are safe */
};

struct raw_case {
    const char *text;
    size_t len;
    int verdict;
};

/* What stands before and behind the text of each case. */
struct raw_frame {
    const char *before;
    const char *after;
};

static struct temp_dir dir;
static struct service api;
static struct sql *sql;

static void start(void)
{
    char path[128];
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    sql = sql_open_sqlite(path);
}

static void finish(void)
{
    sql_close(sql);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_raw, .init = start, .fini = finish, .timeout = 120);

static size_t add(char *request, size_t len, const char *bytes, size_t count)
{
    cr_assert_leq(len + count, REQUEST_SIZE);
    memcpy(request + len, bytes, count);
    return len + count;
}

static size_t count_words(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static size_t count_good(const struct raw_http *raw)
{
    size_t count = 0;
    for (size_t i = 0; raw_http_status(raw, i) != 0; i++) {
        int status = raw_http_status(raw, i);
        count += status >= 200 && status < 400;
    }
    return count;
}

static void check_answers(const struct raw_http *raw, const struct raw_case *it)
{
    int status = raw_http_status(raw, 0);
    if (it->verdict == REFUSED) {
        cr_expect_eq(count_good(raw), 0, "\"%s\" is not refused:\n%s", it->text, raw->answer);
        cr_expect_eq(raw_http_status(raw, 1), 0, "\"%s\" is refused twice:\n%s", it->text,
                     raw->answer);
        cr_expect_eq(count_words(raw->answer, "application/problem+json"), status != 0,
                     "\"%s\" is not refused with a problem:\n%s", it->text, raw->answer);
    } else if (it->verdict != EITHER) {
        cr_expect_eq(status, it->verdict, "\"%s\" is answered with %d:\n%s", it->text, status,
                     raw->answer);
        cr_expect_eq(raw_http_status(raw, 1), 200, "behind \"%s\" nothing is answered:\n%s",
                     it->text, raw->answer);
    }
}

static void check_case(const struct raw_frame *frame, const struct raw_case *it)
{
    char request[REQUEST_SIZE];
    size_t len = add(request, 0, frame->before, strlen(frame->before));
    len = add(request, len, it->text, it->len);
    len = add(request, len, frame->after, strlen(frame->after));
    int64_t before = sql_integer(sql, "SELECT count(*) FROM orders");
    struct raw_http *raw = raw_http_open(api.port);
    raw_http_send(raw, request, len);
    shutdown(raw->fd, SHUT_WR);
    raw_http_read(raw, SIZE_MAX, ENDS_MS);
    int64_t stored = sql_integer(sql, "SELECT count(*) FROM orders") - before;
    cr_expect(raw->closed, "\"%s\" keeps its connection:\n%s", it->text, raw->answer);
    cr_expect_eq(stored, (int64_t)count_words(raw->answer, "\"order_id\""),
                 "\"%s\" has stored %" PRId64 ":\n%s", it->text, stored, raw->answer);
    check_answers(raw, it);
    raw_http_close(raw);
}

#define CHECK(before, after, cases)                                                                \
    for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) {                              \
        check_case(&(struct raw_frame){(before), (after)}, &(cases)[i]);                           \
    }

Test(http_raw, request_lines)
{
    static const struct raw_case cases[] = {
        {BYTES("GET /livez HTTP/1.1"), 200},
        {BYTES("GET /livez? HTTP/1.1"), 200},
        {BYTES("GET /nothing HTTP/1.1"), 404},
        {BYTES("GET //livez HTTP/1.1"), 404},
        {BYTES("DELETE /livez HTTP/1.1"), 405},
        {BYTES("GET  /livez HTTP/1.1"), REFUSED},
        {BYTES("GET /livez  HTTP/1.1"), REFUSED},
        {BYTES("GET /livez HTTP/1.1 "), REFUSED},
        {BYTES(" GET /livez HTTP/1.1"), REFUSED},
        {BYTES("\tGET /livez HTTP/1.1"), REFUSED},
        {BYTES("GET\t/livez HTTP/1.1"), REFUSED},
        {BYTES("GET /livez\tHTTP/1.1"), REFUSED},
        {BYTES("GET /liv ez HTTP/1.1"), REFUSED},
        {BYTES("GET /livez HTTP/1.1\0"), REFUSED},
        {BYTES("GET /livez HTTP/1.1\0x"), REFUSED},
        {BYTES("GET\0 /livez HTTP/1.1"), REFUSED},
        {BYTES("GET\0X /livez HTTP/1.1"), REFUSED},
        {BYTES("GET /livez\0 HTTP/1.1"), REFUSED},
        {BYTES("GET /livez\0x HTTP/1.1"), REFUSED},
        {BYTES("GET /livez?a=\0b HTTP/1.1"), REFUSED},
        {BYTES("GET /livez HTTP/1.1\nX: y"), REFUSED},
        {BYTES("GET /livez HTTP/1.1\rX: y"), REFUSED},
        {BYTES("GET /livez"), REFUSED},
        {BYTES("GET"), REFUSED},
        {BYTES("/livez HTTP/1.1"), REFUSED},
        {BYTES("GET livez HTTP/1.1"), REFUSED},
        {BYTES("GET * HTTP/1.1"), REFUSED},
        {BYTES("GET http://127.0.0.1/livez HTTP/1.1"), REFUSED},
        {BYTES("GET /livez HTTP/2.0"), REFUSED},
        {BYTES("GET /livez HTTP/1.2"), REFUSED},
        {BYTES("GET /livez HTTP/0.9"), REFUSED},
        {BYTES("GET /livez HTTP/1.1.1"), REFUSED},
        {BYTES("GET /livez HTTP/1.10"), REFUSED},
        {BYTES("GET /livez HTTP/ 1.1"), REFUSED},
        {BYTES("GET /livez HTTP/11"), REFUSED},
        {BYTES("GET /livez http/1.1"), REFUSED},
        {BYTES("get /livez HTTP/1.1"), REFUSED},
        {BYTES("G(T /livez HTTP/1.1"), REFUSED},
        {BYTES("G\xc3\xa9T /livez HTTP/1.1"), REFUSED},
        {BYTES("GET /liv\xc3\xa9z HTTP/1.1"), REFUSED},
        {BYTES("GET /livez\x7f HTTP/1.1"), REFUSED},
        {BYTES("GET /livez\x1b HTTP/1.1"), REFUSED},
        {BYTES("\0x\r\nGET /livez HTTP/1.1"), EITHER}, /* 0.9 takes it for an empty line */
        {BYTES("garbage"), REFUSED},
        {BYTES("\x16\x03\x01\x02\x01"), REFUSED}, /* TLS */
        {BYTES("PRI * HTTP/2.0\r\n\r\nSM"), REFUSED},
    };
    CHECK("", "\r\n" HOST "\r\n" BEHIND, cases);
}

Test(http_raw, hosts)
{
    static const struct raw_case cases[] = {
        {BYTES("Host: a"), 200},
        {BYTES("Host:"), 200},
        {BYTES("Host:a.example:80"), 200},
        {BYTES("HOST: [::1]:80"), 200},
        {BYTES("Host: a "), 200},
        {BYTES("Host: a b"), REFUSED},
        {BYTES("Host: a@b/c"), REFUSED},
        {BYTES("Host: a/b"), REFUSED},
        {BYTES("Host: a?b"), REFUSED},
        {BYTES("Host: a:b"), REFUSED},
        {BYTES("Host: [::1"), REFUSED},
        {BYTES("Host: ::1"), REFUSED},
        {BYTES("Host: a\0b"), REFUSED},
        {BYTES("Host: a\0"), REFUSED},
        {BYTES("Host : a"), REFUSED},
        {BYTES("Host\0: a"), REFUSED},
        {BYTES(" Host: a"), REFUSED},
        {BYTES("X: y"), REFUSED},
        {BYTES("Host: a\r\nHost: a"), REFUSED},
        {BYTES("Host: a\r\n b"), REFUSED},
        {BYTES("Host: a\nX: y"), REFUSED},
    };
    CHECK(LIVEZ, "\r\n\r\n" BEHIND, cases);
}

Test(http_raw, fields_that_are_clean)
{
    static const struct raw_case cases[] = {
        {BYTES("X: a"), 200},
        {BYTES("X:a"), 200},
        {BYTES("X:\ta"), 200},
        {BYTES("X:  \t a"), 200},
        {BYTES("X: a "), 200},
        {BYTES("X: a\t "), 200},
        {BYTES("X:"), 200},
        {BYTES("X: "), 200},
        {BYTES("x: a:b"), 200},
        {BYTES("X: \"a, b\"; c=d"), 200},
        {BYTES("X: caf\xc3\xa9"), 200},
        {BYTES("!#$%&'*+-.^_`|~: a"), 200},
        {BYTES("X: a\r\nX: b"), 200},
        {BYTES("Cookie: a=b; c=d"), 200},
        {BYTES("Connection: keep-alive"), 200},
        {BYTES("TE: trailers"), 200},
        {BYTES("Upgrade: h2c"), 200},
        {BYTES("X-Forwarded-For: ::1"), 200},
        {BYTES("Idempotency-Key: with-a-blank-behind "), 200},
    };
    CHECK(POST, "\r\nContent-Length: 64\r\n\r\n" ORDER BEHIND, cases);
}

Test(http_raw, fields_that_are_malformed)
{
    static const struct raw_case cases[] = {
        {BYTES(":x: y"), REFUSED},
        {BYTES(":"), REFUSED},
        {BYTES(": y"), REFUSED},
        {BYTES(":\n"), EITHER}, /* 0.9 makes two NULs of these three, as of CR LF */
        {BYTES("\0\n"), EITHER},
        {BYTES("X: a\0\nY: b"), EITHER},
        {BYTES("\0"), REFUSED},
        {BYTES("\0x: y"), REFUSED},
        {BYTES("\0\r\n"), REFUSED},
        {BYTES("x\0y: z"), REFUSED},
        {BYTES("X\0: a"), REFUSED},
        {BYTES("X: a\0b"), REFUSED},
        {BYTES("X: a\0"), REFUSED},
        {BYTES("X: \0"), REFUSED},
        {BYTES("X:\0"), REFUSED},
        {BYTES("X: a\r\n b"), REFUSED},
        {BYTES("X:\r\n b"), REFUSED},
        {BYTES("X: a\r\n\tb"), REFUSED},
        {BYTES("X: a\r\n "), REFUSED},
        {BYTES(" X: a"), REFUSED},
        {BYTES("\tX: a"), REFUSED},
        {BYTES("Content: 47\r\n -Length"), REFUSED},
        {BYTES("Transfer: chunked\r\n -Encoding"), REFUSED},
        {BYTES("X: a\nY: b"), REFUSED},
        {BYTES("X: a\n"), REFUSED},
        {BYTES("\nX: a"), REFUSED},
        {BYTES("X: a\rb"), REFUSED},
        {BYTES("X: a\r"), REFUSED},
        {BYTES("\rX: a"), REFUSED},
        {BYTES("X\r: a"), REFUSED},
        {BYTES("X Y: a"), REFUSED},
        {BYTES("X : a"), REFUSED},
        {BYTES("X\t: a"), REFUSED},
        {BYTES("(X): a"), REFUSED},
        {BYTES("X@: a"), REFUSED},
        {BYTES("\xc3\xa9: a"), REFUSED},
        {BYTES("X\x7f: a"), REFUSED},
        {BYTES("X\x01: a"), REFUSED},
        {BYTES("\"X\": a"), REFUSED},
        {BYTES("X,Y: a"), REFUSED},
        {BYTES("X/Y: a"), REFUSED},
        {BYTES("{X}: a"), REFUSED},
        {BYTES("X"), REFUSED},
        {BYTES("GET /livez HTTP/1.1"), REFUSED},
        {BYTES("X: \x01"), REFUSED},
        {BYTES("X: \x1b[2J"), REFUSED},
        {BYTES("X: a\x0b"), REFUSED},
        {BYTES("X: \x7f"), REFUSED},
        {BYTES("X: \xff"), REFUSED},
        {BYTES("X: \xc0\xaf"), REFUSED},
        {BYTES("Host: 127.0.0.1"), REFUSED},
        {BYTES("Authorization: Basic eDp5"), REFUSED},
        {BYTES("content-type: application/json"), REFUSED},
        {BYTES("Content-Length: 64"), REFUSED},
        {BYTES("content-length: 5"), REFUSED},
        {BYTES("Transfer-Encoding: chunked"), REFUSED},
        {BYTES("Transfer-Encoding: identity"), REFUSED},
        {BYTES("Idempotency-Key: a\r\nIdempotency-Key: b"), REFUSED},
    };
    CHECK(POST, "\r\nContent-Length: 64\r\n\r\n" ORDER BEHIND, cases);
}

Test(http_raw, what_says_how_long_a_body_is)
{
    static const struct raw_case cases[] = {
        {BYTES("Content-Length: 64"), 200},
        {BYTES("content-length:64"), 200},
        {BYTES("CONTENT-LENGTH:\t64"), 200},
        {BYTES("Content-Length: 64 "), EITHER},
        {BYTES("Content-Length: 64\t"), EITHER},
        {BYTES("Content-Length: 64\0junk"), REFUSED},
        {BYTES("Content-Length: 64\0"), REFUSED},
        {BYTES("Content-Length: \0"
               "64"),
         REFUSED},
        {BYTES("Content-Length: +64"), REFUSED},
        {BYTES("Content-Length: -64"), REFUSED},
        {BYTES("Content-Length: 0x40"), REFUSED},
        {BYTES("Content-Length: 64.0"), REFUSED},
        {BYTES("Content-Length: 6 4"), REFUSED},
        {BYTES("Content-Length: 64,"), REFUSED},
        {BYTES("Content-Length: 64, 64"), REFUSED},
        {BYTES("Content-Length: 64;"), REFUSED},
        {BYTES("Content-Length: 1e2"), REFUSED},
        {BYTES("Content-Length:"), REFUSED},
        {BYTES("Content-Length: 99999999999999999999"), REFUSED},
        {BYTES("Content-Length: 18446744073709551680"), REFUSED},
        {BYTES("Content-Length : 64"), REFUSED},
        {BYTES("Content-Length\t: 64"), REFUSED},
        {BYTES(" Content-Length: 64"), REFUSED},
        {BYTES("Content-Length:\r\n 64"), REFUSED},
        {BYTES("Content-Length: 6\r\n 4"), REFUSED},
        {BYTES("Content: 64\r\n -Length"), REFUSED},
        {BYTES("Content-Length: 64\nX: y"), REFUSED},
        {BYTES("Content-Length: 64\rX: y"), REFUSED},
        {BYTES("Transfer-Encoding: chunked\0"), REFUSED},
        {BYTES("Transfer-Encoding : chunked"), REFUSED},
        {BYTES("Transfer-Encoding: chunked, chunked"), REFUSED},
        {BYTES("Transfer-Encoding: \"chunked\""), REFUSED},
        {BYTES("Transfer-Encoding: xchunked"), REFUSED},
        {BYTES("Transfer-Encoding: gzip"), REFUSED},
        {BYTES("Transfer-Encoding:\r\n chunked"), REFUSED},
        {BYTES("Transfer-Encoding: chunked\r\nContent-Length: 64"), REFUSED},
    };
    CHECK(POST, "\r\n\r\n" ORDER BEHIND, cases);
}

Test(http_raw, bodies_in_chunks)
{
    static const struct raw_case cases[] = {
        {BYTES("40\r\n" ORDER "\r\n0\r\n\r\n"), 200},
        {BYTES("040\r\n" ORDER "\r\n0\r\n\r\n"), 200},
        {BYTES("40;a=b\r\n" ORDER "\r\n0\r\n\r\n"), EITHER}, /* 1.0.1 refuses extensions */
        {BYTES("40\r\n" ORDER "\r\n0\r\nX: y\r\n\r\n"), 200},
        {BYTES("1\r\n{\r\n3f\r\n\"user_id\":\"user123\",\"item_ids\":[101,102],"
               "\"total_amount\":250.75}\r\n0\r\n\r\n"),
         200},
        {BYTES("40\n" ORDER "\r\n0\r\n\r\n"), EITHER},
        {BYTES("40\r\n" ORDER "\n0\r\n\r\n"), EITHER},
        {BYTES("41\r\n" ORDER "\r\n0\r\n\r\n"), EITHER}, /* with its CR, and a bare LF */
        {BYTES("40 \r\n" ORDER "\r\n0\r\n\r\n"), EITHER},
        {BYTES("x40\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("-40\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("+40\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("0x40\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("4\0\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("\r\n40\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("40\r\n" ORDER "0\r\n\r\n"), REFUSED},
        {BYTES("3f\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("40\r\n" ORDER "\r\n"), REFUSED},
        {BYTES("ffffffffffffffffff\r\n" ORDER "\r\n0\r\n\r\n"), REFUSED},
        {BYTES("40\r\n" ORDER "\r\n0\r\nX y\r\n\r\n"), REFUSED},
        {BYTES("40\r\n" ORDER "\r\n0\r\nX : y\r\n\r\n"), REFUSED},
        {BYTES("40\r\n" ORDER "\r\n0\r\n\0: y\r\n\r\n"), EITHER}, /* a NUL ends 0.9's trailers */
        {BYTES("40\r\n" ORDER "\r\n0\r\n: y\r\n\r\n"), REFUSED},
    };
    CHECK(POST "Transfer-Encoding: chunked\r\n\r\n", BEHIND, cases);
}
