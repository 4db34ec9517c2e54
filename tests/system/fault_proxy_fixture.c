/* SPDX-License-Identifier: MIT */
#include "tests/system/fault_proxy_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

int listener = -1;
uint16_t server_port;
struct fault_proxy *proxy;
int client = -1;
int server = -1;

static void listen_on_any_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 &&
                  listen(listener, 8) == 0 &&
                  getsockname(listener, (struct sockaddr *)&address, &len) == 0,
              "%m");
    server_port = ntohs(address.sin_port);
}

int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fault_proxy_port(proxy)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool is_readable(int fd, int limit_ms)
{
    struct pollfd socket = {.fd = fd, .events = POLLIN};
    return poll(&socket, 1, limit_ms) > 0;
}

void connect_through(void)
{
    client = dial();
    cr_assert_geq(client, 0, "%m");
    cr_assert(is_readable(listener, LIMIT_MS));
    server = accept(listener, NULL, NULL);
    cr_assert_geq(server, 0, "%m");
}

void begin(enum fault_protocol protocol)
{
    fault_proxy_stop(proxy);
    proxy = fault_proxy_start(server_port, protocol);
    connect_through();
}

void start(void)
{
    listen_on_any_port();
    begin(FAULT_PLAIN);
}

void finish(void)
{
    fault_proxy_stop(proxy);
    close(client);
    close(server);
    close(listener);
}

void say(int fd, const char *bytes, size_t len)
{
    cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len, "%m");
}

void expect_bytes(int fd, const char *bytes, size_t len)
{
    char got[256];
    size_t have = 0;
    cr_assert_leq(len, sizeof got);
    while (have < len) {
        cr_assert(is_readable(fd, LIMIT_MS), "%zu of %zu bytes came", have, len);
        ssize_t more = recv(fd, got + have, len - have, 0);
        cr_assert_gt(more, 0, "%zu of %zu bytes came, then %zd", have, len, more);
        have += (size_t)more;
    }
    cr_assert_arr_eq(got, bytes, len);
}

void expect_text(int fd, const char *text)
{
    expect_bytes(fd, text, strlen(text));
}

void expect_end(int fd)
{
    char byte;
    cr_assert(is_readable(fd, LIMIT_MS), "no end");
    cr_assert_eq(recv(fd, &byte, 1, 0), 0, "no end of the stream");
}

void expect_reset(int fd)
{
    char byte;
    cr_assert(is_readable(fd, LIMIT_MS), "no reset");
    cr_assert_eq(recv(fd, &byte, 1, 0), -1);
    cr_assert_eq(errno, ECONNRESET, "%m");
}

void expect_quiet(int fd)
{
    cr_assert_not(is_readable(fd, QUIET_MS), "something came through");
}
