/* SPDX-License-Identifier: MIT */
#include "tests/support/redis_server.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>

#include "tests/support/free_port.h"

enum { START_TRIES = 5, LIMIT_MS = 10000, ARGUMENTS = 11 };

static bool launch(struct redis_server *server)
{
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)server->port);
    const char *argv[ARGUMENTS + REDIS_OPTIONS_MAX + 1] = {
        "/usr/bin/redis-server", "--port", port,    "--bind",        "127.0.0.1", "--save", "",
        "--appendonly",          "no",     "--dir", server->dir.path};
    for (size_t i = 0; i < REDIS_OPTIONS_MAX && server->options[i] != NULL; i++) {
        argv[ARGUMENTS + i] = server->options[i];
    }
    process_start(&server->process, argv, NULL, server->dir.path);
    return process_wait_line(&server->process, "Ready to accept connections", LIMIT_MS);
}

void redis_server_start(struct redis_server *server)
{
    temp_dir_create(&server->dir);
    for (int i = 0; i < START_TRIES; i++) {
        server->port = free_port();
        snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%u/0", (unsigned)server->port);
        if (launch(server)) {
            return;
        }
        process_discard(&server->process);
    }
    cr_assert_fail("redis-server does not start");
}

void redis_server_kill(struct redis_server *server)
{
    process_kill(&server->process);
}

void redis_server_restart(struct redis_server *server)
{
    cr_assert(launch(server), "redis-server does not start again");
}

void redis_server_stop(struct redis_server *server)
{
    process_stop_cleanly(&server->process, LIMIT_MS);
}

int64_t redis_server_command(const struct redis_server *server, const char *format, ...)
{
    va_list arguments;
    redisContext *redis = redisConnect("127.0.0.1", server->port);
    cr_assert(redis != NULL && redis->err == 0, "Redis is away");
    va_start(arguments, format);
    redisReply *reply = redisvCommand(redis, format, arguments);
    va_end(arguments);
    cr_assert_not_null(reply, "%s: %s", format, redis->errstr);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    int64_t value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    freeReplyObject(reply);
    redisFree(redis);
    return value;
}

void redis_server_discard(struct redis_server *server)
{
    if (server->process.pid != 0) {
        process_signal(&server->process, SIGKILL);
        process_wait_exit(&server->process, LIMIT_MS);
    }
    process_discard(&server->process);
    temp_dir_remove(&server->dir);
}
