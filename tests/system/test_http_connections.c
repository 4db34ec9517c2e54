/* SPDX-License-Identifier: MIT */
/* Connections in numbers: served all at once, refused past the limit, and let go when idle. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

#define REQUEST "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

enum {
    BURST_MIN = 120,
    BURST_MAX = 300,    /* each of two threads has 128 of these at some time */
    TURNOVER_MAX = 300, /* more than one thread takes before the other has some */
    TURNOVER_STEP = 15,
    MANY = 2200,
    IDLE_MAX = 2048, /* connections that may be idle for long */
    FEW_DESCRIPTORS = 128,
    SERVED_MIN = 32, /* of 128 descriptors, with what databases, logs and wake-ups need */
    CLIENTS = 100,
    TEN_THOUSAND = 10000,
    RESIDENT_MAX_KB = 64 * 1024,
    CONNECTIONS_MAX = TEN_THOUSAND,
    ANSWER_MS = 5000,
    BUSY_MS = 4000, /* they are looked at once a second */
    LET_GO_MIN_MS = 3000,
    LET_GO_MAX_MS = 20000, /* with fewer connections it would be 75 s */
};

static struct temp_dir dir;
static struct service api;
static int connections[CONNECTIONS_MAX];
static size_t connection_count;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
}

static void close_all(void)
{
    while (connection_count > 0) {
        close(connections[--connection_count]);
    }
}

static void finish(void)
{
    close_all();
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_connections, .init = start, .fini = finish, .timeout = 120);

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_geq(limit.rlim_max, count, "this test needs %lu descriptors: raise `ulimit -Hn`",
                  (unsigned long)count);
    limit.rlim_cur = count;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void open_up_to(size_t count)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(api.port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    while (connection_count < count) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(fd, 0, "%m");
        cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0, "%m");
        connections[connection_count++] = fd;
    }
}

static void send_on_all(void)
{
    for (size_t i = 0; i < connection_count; i++) {
        ssize_t sent = send(connections[i], REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL);
        cr_assert_eq(sent, (ssize_t)sizeof REQUEST - 1, "%m");
    }
}

static void expect_answers_on_all(void)
{
    for (size_t i = 0; i < connection_count; i++) {
        char answer[1024];
        struct pollfd fd = {.fd = connections[i], .events = POLLIN};
        cr_assert_eq(poll(&fd, 1, ANSWER_MS), 1, "%zu of %zu were not answered",
                     connection_count - i, connection_count);
        ssize_t len = recv(connections[i], answer, sizeof answer, 0);
        cr_assert(len > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0);
    }
}

/* The oldest, which at first are one thread's, so that the threads get uneven shares. */
static void close_oldest(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(connections[i]);
    }
    connection_count -= count;
    memmove(connections, connections + count, connection_count * sizeof connections[0]);
}

Test(http_connections, those_that_come_when_others_have_gone_are_served)
{
    for (size_t count = TURNOVER_STEP; count <= TURNOVER_MAX; count += TURNOVER_STEP) {
        open_up_to(TURNOVER_MAX);
        send_on_all();
        expect_answers_on_all();
        close_oldest(count);
    }
}

/* That the server stands still meanwhile makes them readable at once, when it goes on. */
Test(http_connections, requests_that_come_all_at_once_are_answered_whatever_their_number)
{
    for (size_t count = BURST_MIN; count <= BURST_MAX; count++) {
        open_up_to(count);
        process_signal(&api.process, SIGSTOP);
        send_on_all();
        process_signal(&api.process, SIGCONT);
        expect_answers_on_all();
    }
}

static size_t count_closed(void)
{
    size_t closed = 0;
    for (size_t i = 0; i < connection_count; i++) {
        char byte;
        closed += recv(connections[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }
    return closed;
}

static bool as_many_are_closed(void *arg)
{
    return count_closed() >= *(size_t *)arg;
}

/* What it may have at most is inherited, and it takes all it may have. */
static void restart_with_few_descriptors(void)
{
    struct rlimit few = {.rlim_cur = FEW_DESCRIPTORS, .rlim_max = FEW_DESCRIPTORS};
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
}

/* Who comes before the server has seen the others go is closed like them. */
static bool is_served(void *client)
{
    return http_get(client, "/livez")->status == 200;
}

Test(http_connections, connections_past_the_limit_are_closed_and_the_others_served)
{
    size_t closed = CLIENTS - (FEW_DESCRIPTORS / 2);
    restart_with_few_descriptors();
    open_up_to(CLIENTS);
    cr_assert(wait_until(as_many_are_closed, &closed, ANSWER_MS), "only %zu of %d were closed",
              count_closed(), CLIENTS);
    cr_assert_leq(count_closed(), CLIENTS - SERVED_MIN);
    close_all();
    struct http_client *client = http_client_create(api.port, NULL, NULL);
    cr_assert(wait_until(is_served, client, ANSWER_MS));
    http_client_destroy(client);
}

Test(http_connections, of_very_many_idle_ones_those_too_many_are_let_go_soon)
{
    size_t closed = MANY - IDLE_MAX;
    limit_descriptors(MANY + FEW_DESCRIPTORS);
    open_up_to(MANY);
    send_on_all();
    expect_answers_on_all();
    uint64_t answered_ms = wait_now_ms();
    cr_assert(wait_until(as_many_are_closed, &closed, LET_GO_MAX_MS), "only %zu of %d are closed",
              count_closed(), MANY);
    cr_assert_geq(wait_now_ms() - answered_ms, LET_GO_MIN_MS);
    cr_assert_eq(count_closed(), closed);
}

/* Requests end while the server walks over all connections to see which are idle. */
Test(http_connections, of_very_many_busy_ones_none_is_let_go)
{
    limit_descriptors(MANY + FEW_DESCRIPTORS);
    open_up_to(MANY);
    for (uint64_t end_ms = wait_now_ms() + BUSY_MS; wait_now_ms() < end_ms;) {
        send_on_all();
        expect_answers_on_all();
    }
    cr_assert_eq(count_closed(), 0);
}

static bool memory_is_little(void *arg)
{
    size_t *kb = arg;
    *kb = process_resident_kb(&api.process);
    return *kb <= RESIDENT_MAX_KB;
}

/* A sanitizer's own memory says nothing about the API's. */
static void expect_little_memory(uint32_t limit_ms)
{
    size_t kb = 0;
    cr_assert(service_is_sanitized() || wait_until(memory_is_little, &kb, limit_ms),
              "%zu KB are resident with %zu connections", kb, connection_count - count_closed());
}

/* That the last of them is served shows that the server has them all. Once each has been used, they
 * would be more than it keeps. */
Test(http_connections, ten_thousand_take_little_memory_and_those_let_go_give_theirs_back)
{
    size_t closed = TEN_THOUSAND - IDLE_MAX;
    limit_descriptors(TEN_THOUSAND + FEW_DESCRIPTORS);
    open_up_to(TEN_THOUSAND);
    struct http_client *client = http_client_create(api.port, NULL, NULL);
    cr_assert_eq(http_get(client, "/livez")->status, 200);
    http_client_destroy(client);
    cr_assert_eq(count_closed(), 0);
    expect_little_memory(0);
    send_on_all();
    expect_answers_on_all();
    cr_assert(wait_until(as_many_are_closed, &closed, LET_GO_MAX_MS), "only %zu are closed",
              count_closed());
    expect_little_memory(ANSWER_MS);
}

Test(http_connections, memory_of_ten_thousand_that_hang_up_is_given_back)
{
    limit_descriptors(TEN_THOUSAND + FEW_DESCRIPTORS);
    open_up_to(TEN_THOUSAND);
    send_on_all();
    expect_answers_on_all();
    close_all();
    expect_little_memory(ANSWER_MS);
}
