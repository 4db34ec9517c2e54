/* SPDX-License-Identifier: MIT */
#include "tests/support/raw_http.h"

#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"

enum { SILENCE_MS = 50 };

struct raw_http *raw_http_open(uint16_t port)
{
    struct raw_http *raw = calloc(1, sizeof *raw);
    cr_assert_not_null(raw);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(raw->fd, 0);
    cr_assert_eq(connect(raw->fd, (struct sockaddr *)&address, sizeof address), 0, "port %u: %m",
                 (unsigned)port);
    return raw;
}

void raw_http_close(struct raw_http *raw)
{
    if (raw != NULL) {
        close(raw->fd);
        free(raw);
    }
}

bool raw_http_send(struct raw_http *raw, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(raw->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The start of answer number `index`, or NULL. */
static const char *find_answer(const struct raw_http *raw, size_t index)
{
    static const char version[] = "HTTP/1.1 ";
    const char *at = raw->answer;
    while ((at = strstr(at, version)) != NULL) {
        at += sizeof version - 1;
        /* A page that talks of HTTP/1.1 is no status line. */
        if (isdigit((unsigned char)*at) && index-- == 0) {
            return at - (sizeof version - 1);
        }
    }
    return NULL;
}

static size_t count_answers(const struct raw_http *raw)
{
    size_t count = 0;
    while (find_answer(raw, count) != NULL) {
        count++;
    }
    return count;
}

/* Waits at most `wait_ms` for bytes and takes them. False: none came. */
static bool take_bytes(struct raw_http *raw, int wait_ms)
{
    struct pollfd ready = {.fd = raw->fd, .events = POLLIN};
    if (poll(&ready, 1, wait_ms) <= 0) {
        return false;
    }
    ssize_t got = recv(raw->fd, raw->answer + raw->len, sizeof raw->answer - 1 - raw->len, 0);
    if (got <= 0) {
        raw->closed = true;
        return false;
    }
    raw->len += (size_t)got;
    raw->answer[raw->len] = '\0';
    return true;
}

size_t raw_http_read(struct raw_http *raw, size_t answers, uint32_t limit_ms)
{
    uint64_t limit = wait_now_ms() + limit_ms;
    while (!raw->closed && wait_now_ms() < limit && raw->len < sizeof raw->answer - 1) {
        bool came = take_bytes(raw, SILENCE_MS);
        if (!came && count_answers(raw) >= answers) {
            break;
        }
    }
    return count_answers(raw);
}

int raw_http_status(const struct raw_http *raw, size_t index)
{
    const char *at = find_answer(raw, index);
    return at == NULL ? 0 : (int)strtol(at + strlen("HTTP/1.1 "), NULL, 10);
}
