/* SPDX-License-Identifier: MIT */
#include "tests/support/old_redis.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

enum { CONNECTIONS_MAX = 16, CHUNK = 16384, ARGUMENTS_MAX = 1100, POLL_MS = 20 };

static const char refusal[] = "-ERR wrong number of arguments for 'rpop' command\r\n";

struct connection {
    int client;
    redisContext *server;
    redisReader *commands;
};

struct old_redis {
    pthread_t thread;
    int listener;
    uint16_t port;
    uint16_t server_port;
    atomic_bool stopping;
    atomic_size_t refusals;
    struct connection connections[CONNECTIONS_MAX];
    size_t count;
};

static bool write_all(int socket, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t sent = send(socket, bytes + done, len - done, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        done += (size_t)sent;
    }
    return true;
}

static bool pass_command(struct old_redis *old, const struct connection *connection,
                         const redisReply *command)
{
    const char *argv[ARGUMENTS_MAX];
    size_t lengths[ARGUMENTS_MAX];
    char *bytes = NULL;
    if (command->elements == 3 && strcasecmp(command->element[0]->str, "RPOP") == 0) {
        atomic_fetch_add(&old->refusals, 1);
        return write_all(connection->client, refusal, sizeof refusal - 1);
    }
    for (size_t i = 0; i < command->elements; i++) {
        argv[i] = command->element[i]->str;
        lengths[i] = command->element[i]->len;
    }
    long long len = redisFormatCommandArgv(&bytes, (int)command->elements, argv, lengths);
    bool passed = len > 0 && write_all(connection->server->fd, bytes, (size_t)len);
    redisFreeCommand(bytes);
    return passed;
}

static bool pass_commands(struct old_redis *old, const struct connection *connection)
{
    char chunk[CHUNK];
    void *command = NULL;
    bool passed = true;
    ssize_t len = recv(connection->client, chunk, sizeof chunk, 0);
    if (len <= 0 || redisReaderFeed(connection->commands, chunk, (size_t)len) != REDIS_OK) {
        return false;
    }
    while (passed && redisReaderGetReply(connection->commands, &command) == REDIS_OK &&
           command != NULL) {
        passed = pass_command(old, connection, command);
        freeReplyObject(command);
    }
    return passed;
}

static bool pass_answers(const struct connection *connection)
{
    char chunk[CHUNK];
    ssize_t len = recv(connection->server->fd, chunk, sizeof chunk, 0);
    return len > 0 && write_all(connection->client, chunk, (size_t)len);
}

static void end_connection(struct old_redis *old, size_t i)
{
    close(old->connections[i].client);
    redisFree(old->connections[i].server);
    redisReaderFree(old->connections[i].commands);
    old->connections[i] = old->connections[--old->count];
}

static void take_connection(struct old_redis *old)
{
    struct connection *connection = &old->connections[old->count];
    int client = accept(old->listener, NULL, NULL);
    redisContext *server = redisConnect("127.0.0.1", old->server_port);
    if (client < 0 || server == NULL || server->err != 0 || old->count == CONNECTIONS_MAX) {
        redisFree(server);
        close(client);
        return;
    }
    *connection = (struct connection){client, server, redisReaderCreate()};
    old->count++;
}

static void *run(void *arg)
{
    struct old_redis *old = arg;
    while (!atomic_load(&old->stopping)) {
        struct pollfd fds[1 + 2 * CONNECTIONS_MAX] = {{.fd = old->listener, .events = POLLIN}};
        size_t count = old->count;
        for (size_t i = 0; i < count; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = old->connections[i].client, .events = POLLIN};
            fds[2 + 2 * i] =
                (struct pollfd){.fd = old->connections[i].server->fd, .events = POLLIN};
        }
        poll(fds, 1 + 2 * count, POLL_MS);
        for (size_t i = count; i-- > 0;) {
            const struct connection *connection = &old->connections[i];
            bool passed = fds[2 + 2 * i].revents == 0 || pass_answers(connection);
            if (!passed || (fds[1 + 2 * i].revents != 0 && !pass_commands(old, connection))) {
                end_connection(old, i);
            }
        }
        if (fds[0].revents != 0) {
            take_connection(old);
        }
    }
    return NULL;
}

struct old_redis *old_redis_start(uint16_t server_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct old_redis *old = calloc(1, sizeof *old);
    cr_assert_not_null(old);
    old->server_port = server_port;
    old->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(old->listener >= 0 && bind(old->listener, (struct sockaddr *)&address, len) == 0 &&
                  listen(old->listener, CONNECTIONS_MAX) == 0 &&
                  getsockname(old->listener, (struct sockaddr *)&address, &len) == 0,
              "%m");
    old->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&old->thread, NULL, run, old), 0);
    return old;
}

uint16_t old_redis_port(const struct old_redis *old)
{
    return old->port;
}

size_t old_redis_refusals(struct old_redis *old)
{
    return atomic_load(&old->refusals);
}

void old_redis_stop(struct old_redis *old)
{
    if (old == NULL) {
        return;
    }
    atomic_store(&old->stopping, true);
    pthread_join(old->thread, NULL);
    while (old->count > 0) {
        end_connection(old, old->count - 1);
    }
    close(old->listener);
    free(old);
}
