/* SPDX-License-Identifier: MIT */
/*
 * Behind nginx and HAProxy, each configured with no more than where order-api is: what order-api
 * cannot see or cannot answer, they refuse, and bodies they frame anew, so that both sides see the
 * same requests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

#define HOST "Host: a\r\n"
#define BEHIND "GET /livez HTTP/1.1\r\n" HOST "\r\n"
/* test-client:test-secret */
#define POST                                                                                       \
    "POST /order HTTP/1.1\r\n" HOST "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"    \
    "Content-Type: application/json\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define ORDER EXPECT_GOOD_ORDER /* 64 bytes, 0x40 */

/* Text with its length, since it may have NULs in it. */
#define BYTES(text) text, sizeof(text) - 1

enum { START_MS = 10000, ANSWER_MS = 10000, CONFIGURATION_SIZE = 1024 };

struct request {
    const char *text;
    size_t len;
};

static struct temp_dir dir;
static struct service api;
static struct process proxy;
static struct sockaddr_un proxy_address;
static struct sql *sql;

static void start(void)
{
    char path[128];
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    sql = sql_open_sqlite(path);
    proxy_address.sun_family = AF_UNIX;
    snprintf(proxy_address.sun_path, sizeof proxy_address.sun_path, "%s/proxy", dir.path);
}

static void finish(void)
{
    sql_close(sql);
    process_kill(&proxy);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&proxy);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(behind_proxy, .init = start, .fini = finish, .timeout = 60);

static int try_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (connect(fd, (struct sockaddr *)&proxy_address, sizeof proxy_address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool listens(void *arg)
{
    (void)arg;
    int fd = try_connect();
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static void start_nginx(void)
{
    char text[CONFIGURATION_SIZE];
    snprintf(text, sizeof text,
             "daemon off; master_process off; pid pid; error_log stderr; events {}\n"
             "http { access_log off; client_body_temp_path b; proxy_temp_path p;\n"
             "fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"
             "server { listen unix:%s; location / { proxy_pass http://127.0.0.1:%u; } } }\n",
             proxy_address.sun_path, (unsigned)api.port);
    temp_dir_write(&dir, "nginx.conf", text);
    process_start(&proxy,
                  (const char *[]){NGINX_PATH, "-e", "stderr", "-p", dir.path, "-c", "nginx.conf",
                                   NULL},
                  NULL, dir.path);
    cr_assert(wait_until(listens, NULL, START_MS), "nginx does not start");
}

static void start_haproxy(void)
{
    char text[CONFIGURATION_SIZE];
    snprintf(text, sizeof text,
             "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n"
             " timeout server 30s\n"
             "listen orders\n bind %s\n server api 127.0.0.1:%u\n",
             proxy_address.sun_path, (unsigned)api.port);
    temp_dir_write(&dir, "haproxy.cfg", text);
    process_start(&proxy, (const char *[]){HAPROXY_PATH, "-f", "haproxy.cfg", NULL}, NULL,
                  dir.path);
    cr_assert(wait_until(listens, NULL, START_MS), "haproxy does not start");
}

static int64_t count_orders(void)
{
    return sql_integer(sql, "SELECT count(*) FROM orders");
}

/* Sends it, and waits until `answers` have come, or the end. */
static struct raw_http *send_through(const struct request *request, size_t answers)
{
    struct raw_http *raw = calloc(1, sizeof *raw);
    cr_assert_not_null(raw);
    raw->fd = try_connect();
    raw_http_send(raw, request->text, request->len);
    raw_http_read(raw, answers, ANSWER_MS);
    return raw;
}

/* Two answers, and the order is stored; or the proxy has refused it. */
static void check_body(const struct request *request, size_t number)
{
    int64_t before = count_orders();
    struct raw_http *raw = send_through(request, 2);
    int64_t stored = count_orders() - before;
    if (raw_http_status(raw, 0) == 400) {
        cr_expect_null(strstr(raw->answer, "problem+json"), "number %zu:\n%s", number, raw->answer);
        cr_expect_eq(raw_http_status(raw, 1), 0, "number %zu:\n%s", number, raw->answer);
        cr_expect_eq(stored, 0, "number %zu", number);
    } else {
        cr_expect_eq(raw_http_status(raw, 0), 200, "number %zu:\n%s", number, raw->answer);
        cr_expect_eq(raw_http_status(raw, 1), 200, "number %zu:\n%s", number, raw->answer);
        cr_expect_eq(raw_http_status(raw, 2), 0, "number %zu:\n%s", number, raw->answer);
        cr_expect_eq(stored, 1, "number %zu", number);
    }
    raw_http_close(raw);
}

/*
 * Bodies that others might end elsewhere, and one more request. Without a proxy order-api refuses
 * the first (0.9) or the second (1.0), and takes the rest.
 */
static void check_bodies_framed_anew(void)
{
    static const struct request requests[] = {
        {BYTES(CHUNKED "40 \r\n" ORDER "\r\n0\r\n\r\n" BEHIND)},
        {BYTES(CHUNKED "40;a=b\r\n" ORDER "\r\n0\r\n\r\n" BEHIND)},
        {BYTES(CHUNKED "40\n" ORDER "\r\n0\r\n\r\n" BEHIND)},
        {BYTES(CHUNKED "40\r\n" ORDER "\n0\r\n\r\n" BEHIND)},
        {BYTES(CHUNKED "40\r\n" ORDER "\r\n0\r\nX: y\r\n\r\n" BEHIND)},
        {BYTES(CHUNKED "40\r\n" ORDER "\r\n0\r\n\0: y\r\n\r\n" BEHIND)},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        check_body(&requests[i], i);
    }
    cr_expect_gt(count_orders(), 0, "the proxy lets nothing through");
}

/* What order-api cannot see (the first three, on 0.9), and what it closes without an answer. */
static void check_refusals(void)
{
    static const struct request requests[] = {
        {BYTES(POST ":\n\r\nContent-Length: 64\r\n\r\n" ORDER)},
        {BYTES(POST "\0\n\r\nContent-Length: 64\r\n\r\n" ORDER)},
        {BYTES("\0x\r\n" BEHIND)},
        {BYTES(" " BEHIND)},
        {BYTES("garbage\r\n\r\n")},
        {BYTES("GET\r\n\r\n")},
        {BYTES("\x16\x03\x01\x02\xfc\x03\x03\n")}, /* TLS */
        {BYTES(POST "Content-Length: x\r\n\r\n")},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct raw_http *raw = send_through(&requests[i], SIZE_MAX);
        cr_expect_eq(raw_http_status(raw, 0), 400, "number %zu:\n%s", i, raw->answer);
        cr_expect_eq(raw_http_status(raw, 1), 0, "number %zu:\n%s", i, raw->answer);
        cr_expect(raw->closed, "number %zu:\n%s", i, raw->answer);
        raw_http_close(raw);
    }
    cr_expect_eq(count_orders(), 0);
}

Test(behind_proxy, nginx_frames_bodies_anew)
{
    start_nginx();
    check_bodies_framed_anew();
}

Test(behind_proxy, haproxy_frames_bodies_anew)
{
    start_haproxy();
    check_bodies_framed_anew();
}

Test(behind_proxy, nginx_refuses_what_the_library_cannot)
{
    start_nginx();
    check_refusals();
}

Test(behind_proxy, haproxy_refuses_what_the_library_cannot)
{
    start_haproxy();
    check_refusals();
}
