/* SPDX-License-Identifier: MIT */
/*
 * Clients that close their own side behind a whole request and wait for its answer (RFC 9112,
 * section 9.6, knows them; `nc -N` and many scripts are such). They are not gone: each gets its
 * answer, and is not one of those whose order is stored and who never hear of it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

/* The credentials of support/service.h. */
#define AUTHORIZATION "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"
#define POST_ORDER                                                                                 \
    "POST /order HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"                \
    "Content-Length: 64\r\n" AUTHORIZATION "\r\n" EXPECT_GOOD_ORDER
#define GET_ORDER "GET /order/ORD1 HTTP/1.1\r\nHost: 127.0.0.1\r\n" AUTHORIZATION "\r\n"
_Static_assert(sizeof EXPECT_GOOD_ORDER - 1 == 64, "POST_ORDER's Content-Length");

enum {
    AT_ONCE = 24, /* with one at a time none was ever lost */
    CLIENTS = 10000,
    ANSWER_MS = 20000,
};

static struct temp_dir dir;
static struct service api;
static struct http_client *client;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static void finish(void)
{
    http_client_destroy(client);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_half_closed, .init = start, .fini = finish, .timeout = 240);

static int ask(const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(api.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0, "%m");
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0, "%m");
    cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request), "%m");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0, "%m");
    return fd;
}

/* Reads to the end of the stream. */
static bool is_answered(int fd)
{
    char answer[2048];
    size_t len = 0;
    ssize_t more = 1;
    while (more > 0 && len < sizeof answer - 1) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        cr_assert_eq(poll(&waiting, 1, ANSWER_MS), 1, "neither an answer nor an end");
        more = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        len += more > 0 ? (size_t)more : 0;
    }
    answer[len] = '\0';
    close(fd);
    return strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
}

static size_t count_answered(const char *request, size_t clients)
{
    int fds[AT_ONCE];
    size_t answered = 0;
    for (size_t asked = 0; asked < clients + AT_ONCE; asked++) {
        size_t place = asked % AT_ONCE;
        if (asked >= AT_ONCE) {
            answered += is_answered(fds[place]) ? 1 : 0;
        }
        if (asked < clients) {
            fds[place] = ask(request);
        }
    }
    return answered;
}

Test(http_half_closed, each_of_10000_posts_is_answered_and_stored_once)
{
    size_t answered = count_answered(POST_ORDER, CLIENTS);
    cr_assert_eq(answered, CLIENTS, "%zu of %d are answered", answered, CLIENTS);
    struct shown_metrics shown = expect_metrics(http_get(client, "/metrics"));
    cr_assert_eq(shown.total, CLIENTS);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(http_half_closed, each_get_is_answered)
{
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    size_t answered = count_answered(GET_ORDER, CLIENTS / 10);
    cr_assert_eq(answered, CLIENTS / 10, "%zu of %d are answered", answered, CLIENTS / 10);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
