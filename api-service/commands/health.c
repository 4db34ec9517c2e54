/* SPDX-License-Identifier: MIT */
#include "api-service/commands/health.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

enum {
    DEADLINE_MS = 4000, /* for the whole command, so that a hung server does not hang it too */
    ANSWER_SIZE = 4096,
    WORDS_SIZE = 256,
};

static const char request[] = "GET /readyz HTTP/1.1\r\n"
                              "Host: localhost\r\n"
                              "Connection: close\r\n\r\n";

/* Waits until the socket can be read from or written to. False: the deadline came first. */
static bool wait_for(int fd, short events, uint64_t until_ms)
{
    struct pollfd ready = {.fd = fd, .events = events};
    int count;
    do {
        uint64_t now_ms = clock_monotonic_ms();
        count = poll(&ready, 1, now_ms < until_ms ? (int)(until_ms - now_ms) : 0);
    } while (count < 0 && errno == EINTR);
    if (count == 0) {
        errno = ETIMEDOUT;
    }
    return count > 0;
}

static bool finish_connecting(int fd, uint64_t until_ms)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (!wait_for(fd, POLLOUT, until_ms) ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return false;
    }
    errno = error;
    return error == 0;
}

/* A connected socket; -1: errno says why. */
static int connect_to(const struct addrinfo *address, uint64_t until_ms)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && finish_connecting(fd, until_ms))) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int connect_to_any(const struct addrinfo *addresses, uint64_t until_ms)
{
    int fd = -1;
    for (const struct addrinfo *at = addresses; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_to(at, until_ms);
    }
    return fd;
}

/* The whole answer, to the end of the connection. False: errno says why. */
static bool exchange(int fd, char answer[ANSWER_SIZE], uint64_t until_ms)
{
    size_t len = 0;
    ssize_t got;
    /* So short a request fits into the empty buffer of a new connection. */
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1) {
        return false;
    }
    do {
        if (!wait_for(fd, POLLIN, until_ms)) {
            return false;
        }
        got = recv(fd, answer + len, ANSWER_SIZE - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0 && len < ANSWER_SIZE - 1);
    answer[len] = '\0';
    return got >= 0;
}

/*
 * Copies the text that is called `name` in the answer's JSON, as one line; without one, copies
 * `otherwise`.
 */
static void read_words(const char *answer, const char *name, const char *otherwise,
                       char words[WORDS_SIZE])
{
    const char *body = strstr(answer, "\r\n\r\n");
    cJSON *json = body != NULL ? cJSON_Parse(body + 4) : NULL;
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    snprintf(words, WORDS_SIZE, "%s", text != NULL ? text : otherwise);
    for (char *at = words; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7f') {
            *at = '?'; /* another program may listen there */
        }
    }
    cJSON_Delete(json);
}

/* Returns the exit code. */
static int judge(const char *where, const char *answer)
{
    int status = 0;
    char words[WORDS_SIZE];
    const char *name = config_program_name(CONFIG_API);
    if (sscanf(answer, "HTTP/1.%*1[01] %3d", &status) != 1) {
        fprintf(stderr, "%s: what listens at %s does not answer as order-api does\n", name, where);
        return EXIT_FAILURE;
    }
    if (status != 200) {
        read_words(answer, "detail", "no reason is given", words);
        fprintf(stderr, "%s: %s answers %d: %s\n", name, where, status, words);
        return EXIT_FAILURE;
    }
    read_words(answer, "status", "200", words);
    puts(words);
    return EXIT_SUCCESS;
}

static int ask(const struct addrinfo *addresses, const char *where)
{
    const char *name = config_program_name(CONFIG_API);
    char answer[ANSWER_SIZE];
    uint64_t until_ms = clock_monotonic_ms() + DEADLINE_MS;
    int fd = connect_to_any(addresses, until_ms);
    if (fd < 0) {
        fprintf(stderr, "%s: no connection to %s: %s\n", name, where, strerror(errno));
        return EXIT_FAILURE;
    }
    bool answered = exchange(fd, answer, until_ms);
    int error = errno;
    close(fd);
    if (!answered) {
        fprintf(stderr, "%s: no answer from %s: %s\n", name, where,
                error == ETIMEDOUT ? "it hangs, or its database does" : strerror(error));
        return EXIT_FAILURE;
    }
    return judge(where, answer);
}

/*
 * A server that listens on every address is asked on this host's own. NULL stands for those of both
 * families: "::" takes IPv4 too, and many a container has nothing else.
 */
static const char *host_to_ask(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0) {
        return "127.0.0.1";
    }
    return strcmp(host, "::") == 0 ? NULL : host;
}

int health_run(struct config *config, const struct command_call *call)
{
    (void)call;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    const char *name = config_program_name(CONFIG_API);
    char service[8];
    char where[URL_PART_SIZE + 32];
    if (config->port == 0) {
        fprintf(stderr, "%s: PORT: must be the port order-api listens on, not 0\n", name);
        return EXIT_USAGE;
    }
    snprintf(service, sizeof service, "%u", config->port);
    snprintf(where, sizeof where, "HOST=%s PORT=%s", config->host, service);
    int error = getaddrinfo(host_to_ask(config->host), service, &hints, &addresses);
    if (error != 0) {
        fprintf(stderr, "%s: HOST: %s: %s\n", name, config->host, gai_strerror(error));
        return EXIT_FAILURE;
    }
    int code = ask(addresses, where);
    freeaddrinfo(addresses);
    return code;
}
