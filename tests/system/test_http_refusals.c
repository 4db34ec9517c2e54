/* SPDX-License-Identifier: MIT */
/*
 * Requests that the HTTP library refuses by itself, on both of its versions: each gets one problem
 * (RFC 9457) in a message that is well-formed, and the connection ends. The library would send HTML
 * pages, 0.9 some of them with the head twice. What does not even begin like a request gets no
 * answer.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

#define HOST "Host: a\r\n"
#define CHUNKED                                                                                    \
    "POST /order HTTP/1.1\r\n" HOST "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"    \
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

/* A request without a part that is repeated. */
#define WHOLE(text) (text), NULL, 0, NULL

enum { ENDS_MS = 10000, NONE = 0 };

struct refusal {
    int status_0_9; /* NONE: no answer */
    int status_1_0;
    const char *text;
    const char *repeated; /* behind the text, so many times; then the end */
    size_t count;
    const char *end;
};

static struct temp_dir dir;
static struct service api;
static bool is_0_9;

/* The tests have the program's library beside them, and use nothing of it but this. */
static void find_version(void)
{
    void *library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(library, "%s", dlerror());
    const char *(*version)(void);
    void *found = dlsym(library, "MHD_get_version");
    memcpy(&version, &found, sizeof version);
    is_0_9 = strncmp(version(), "0.9", 3) == 0;
    dlclose(library);
}

static void start(void)
{
    find_version();
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
}

static void finish(void)
{
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_refusals, .init = start, .fini = finish, .timeout = 60);

static struct raw_http *send_refusal(const struct refusal *it)
{
    struct raw_http *raw = raw_http_open(api.port);
    raw_http_send(raw, it->text, strlen(it->text));
    if (it->repeated != NULL) {
        size_t len = strlen(it->repeated);
        char *text = malloc(it->count * len);
        cr_assert_not_null(text);
        for (size_t i = 0; i < it->count; i++) {
            memcpy(text + i * len, it->repeated, len);
        }
        raw_http_send(raw, text, it->count * len);
        raw_http_send(raw, it->end, strlen(it->end));
        free(text);
    }
    raw_http_read(raw, SIZE_MAX, ENDS_MS);
    cr_assert(raw->closed, "\"%s\" keeps its connection:\n%s", it->text, raw->answer);
    return raw;
}

/* The one answer, as a client understands it. */
static struct http_response understand(const struct raw_http *raw)
{
    const char *end = strstr(raw->answer, "\r\n\r\n");
    cr_assert_not_null(end, "there is no answer, or no end of its head:\n%s", raw->answer);
    const char *body = end + strlen("\r\n\r\n");
    return (struct http_response){.status = raw_http_status(raw, 0),
                                  .headers = raw->answer,
                                  .body = body,
                                  .body_len = raw->len - (size_t)(body - raw->answer)};
}

/* Nothing behind the content either, such as a second head. */
static void check_refusal(const struct refusal *it)
{
    struct raw_http *raw = send_refusal(it);
    int status = is_0_9 ? it->status_0_9 : it->status_1_0;
    if (status == NONE) {
        cr_expect_eq(raw->len, 0, "\"%s\" is answered:\n%s", it->text, raw->answer);
    } else {
        char value[100];
        struct http_response answer = understand(raw);
        expect_problem(&answer, status, "/");
        expect_header(&answer, "Connection", "close");
        cr_expect(http_header(&answer, "Date", value, sizeof value), "%s", raw->answer);
        cr_expect(http_header(&answer, "Content-Length", value, sizeof value));
        cr_expect_eq(strtoul(value, NULL, 10), answer.body_len, "%s", raw->answer);
        cr_expect_null(strstr(answer.body, "HTTP/1.1 4"), "%s", raw->answer);
    }
    raw_http_close(raw);
}

static void check_all(const struct refusal refusals[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_refusal(&refusals[i]);
    }
}

#define CHECK(refusals) check_all(refusals, sizeof(refusals) / sizeof((refusals)[0]))

Test(http_refusals, of_request_lines)
{
    static const struct refusal refusals[] = {
        {505, 505, WHOLE("GET / HTTP/2.0\r\n" HOST "\r\n")},
        {505, 505, WHOLE("GET / HTTP/0.9\r\n" HOST "\r\n")},
        {505, 505, WHOLE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
        {400, 400, WHOLE("GET / HTTP/11\r\n" HOST "\r\n")},
        {400, 400, WHOLE("GET / http/1.1\r\n" HOST "\r\n")},
        {400, 400, WHOLE("GET /\r\n" HOST "\r\n")}, /* HTTP/0.9 */
        {400, 400, WHOLE("GET \r\n" HOST "\r\n")},
        {400, 400, WHOLE("GET / HTTP/1.1\rX: y\r\n" HOST "\r\n")},
        {414, 414, "GET /?", "a", 17000, " HTTP/1.1\r\n" HOST "\r\n"},
        {414, 414, "GET /?", "a", 300000, " HTTP/1.1\r\n" HOST "\r\n"},
        {414, NONE, "G", "G", 40000, " / HTTP/1.1\r\n" HOST "\r\n"},
    };
    CHECK(refusals);
}

Test(http_refusals, of_header_fields)
{
    static const struct refusal refusals[] = {
        {400, 400, WHOLE("GET / HTTP/1.1\r\n\r\n")},
        {400, 400, WHOLE("GET / HTTP/1.1\r\n" HOST "X\r\n\r\n")},
        {400, 400, WHOLE("GET / HTTP/1.1\r\nX\r\n" HOST "\r\n")},
        {400, 400, WHOLE("GET / HTTP/1.1\r\n a\r\n" HOST "\r\n")},
        {400, 400, WHOLE("POST / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n")},
        {413, 413,
         WHOLE("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n")},
        {431, 431, "GET / HTTP/1.1\r\n" HOST "X: ", "a", 17500, "\r\n\r\n"},
        {431, 431, "GET / HTTP/1.1\r\n" HOST "X: ", "a", 300000, "\r\n\r\n"},
        {431, 431, "GET / HTTP/1.1\r\n" HOST, "X: a\r\n", 4000, "\r\n"},
        {431, 431, "GET / HTTP/1.1\r\n" HOST "Cookie: ", "a=b; ", 3000, "\r\n\r\n"},
    };
    CHECK(refusals);
}

Test(http_refusals, of_bodies_in_chunks)
{
    static const struct refusal refusals[] = {
        {400, 400, WHOLE(CHUNKED "x40\r\n")},
        {413, 413, WHOLE(CHUNKED "fffffffffffffffffffff\r\n")},
        {400, 413, CHUNKED "1;", "a", 40000, "\r\n{\r\n0\r\n\r\n"},
        {400, 400, WHOLE(CHUNKED "1\r\n{\r\n0\r\nX y\r\n\r\n")},
        {431, 431, CHUNKED "1\r\n{\r\n0\r\nX: ", "a", 40000, "\r\n\r\n"},
        {413, 413, CHUNKED "600000\r\n", "a", 0x600000, "\r\n0\r\n\r\n"}, /* past what is read on */
    };
    CHECK(refusals);
}

/* A blank first, no blank at all, or TLS on this port. */
Test(http_refusals, what_is_no_request_is_not_answered)
{
    static const struct refusal refusals[] = {
        {NONE, NONE, WHOLE(" GET / HTTP/1.1\r\n" HOST "\r\n")},
        {NONE, NONE, WHOLE("garbage\r\n\r\n")},
        {NONE, NONE, WHOLE("GET\r\n\r\n")},
        {NONE, NONE, WHOLE("\x16\x03\x01\x02\xfc\x03\x03\n")},
    };
    CHECK(refusals);
}

Test(http_refusals, behind_an_answer)
{
    static const struct refusal second = {0, 0,
                                          WHOLE("GET /livez HTTP/1.1\r\n" HOST "\r\n"
                                                "POST / HTTP/1.1\r\n" HOST
                                                "Content-Length: x\r\n\r\n")};
    struct raw_http *raw = send_refusal(&second);
    cr_expect_eq(raw_http_status(raw, 0), 200);
    cr_expect_eq(raw_http_status(raw, 1), 400);
    cr_expect_eq(raw_http_status(raw, 2), 0, "%s", raw->answer);
    cr_expect_not_null(strstr(raw->answer, "application/problem+json"), "%s", raw->answer);
    raw_http_close(raw);
}

/* RFC 9110, section 9.3.2: it has no content. */
Test(http_refusals, of_a_head)
{
    static const struct refusal head = {0, 0, WHOLE("HEAD / HTTP/2.0\r\n" HOST "\r\n")};
    struct raw_http *raw = send_refusal(&head);
    struct http_response answer = understand(raw);
    expect_status(&answer, 505);
    expect_header(&answer, "Content-Type", "application/problem+json");
    cr_expect_eq(answer.body_len, 0, "%s", raw->answer);
    raw_http_close(raw);
}
