/* SPDX-License-Identifier: MIT */
#include "tests/support/redis_faults.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>

#include "tests/support/wait_until.h"

#define SECRET "redis-secret"

enum { LIMIT_MS = 10000 };

static redisContext *loader; /* the connection that waits for the load */

void redis_faults_options(struct redis_server *server)
{
    static const char *const options[] = {"--enable-debug-command",
                                          "local",
                                          "--key-load-delay",
                                          "1000",
                                          "--loading-process-events-interval-bytes",
                                          "1024"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        server->options[i] = options[i];
    }
}

static void run(const struct redis_server *server, const char *command)
{
    redis_server_command(server, command);
}

static void begin_oom(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "CONFIG SET maxmemory 1");
}

static void end_oom(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "CONFIG SET maxmemory 0");
}

/* As after a failover: the old primary is made a replica of another server, which is not there. */
static void begin_readonly(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "REPLICAOF 127.0.0.1 1");
}

static void end_readonly(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "REPLICAOF NO ONE");
}

/* Connections that are there would stay authenticated. */
static void begin_noauth(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "CONFIG SET requirepass " SECRET);
    redisContext *redis = redisConnect("127.0.0.1", server->port);
    cr_assert(redis != NULL && redis->err == 0);
    freeReplyObject(redisCommand(redis, "AUTH " SECRET));
    redisReply *reply = redisCommand(redis, "CLIENT KILL TYPE normal SKIPME yes");
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    redisFree(redis);
}

static void end_noauth(const struct redis_server *server, const char *key)
{
    (void)key;
    redisContext *redis = redisConnect("127.0.0.1", server->port);
    cr_assert(redis != NULL && redis->err == 0);
    freeReplyObject(redisCommand(redis, "AUTH " SECRET));
    redisReply *reply = redisCommand(redis, "CONFIG SET requirepass %s", "");
    cr_assert(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    redisFree(redis);
}

static bool writes_are_refused(void *arg)
{
    const struct redis_server *server = arg;
    redisContext *redis = redisConnect("127.0.0.1", server->port);
    cr_assert(redis != NULL && redis->err == 0);
    redisReply *reply = redisCommand(redis, "SET probe 1");
    bool refused = reply != NULL && reply->type == REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    redisFree(redis);
    return refused;
}

/* Where the snapshot is to be there is a folder, so it cannot be saved. */
static void begin_misconf(const struct redis_server *server, const char *key)
{
    char path[128];
    struct redis_server seen = *server;
    (void)key;
    snprintf(path, sizeof path, "%s/dump.rdb", server->dir.path);
    cr_assert_eq(mkdir(path, 0700), 0, "%m");
    redis_server_command(server, "CONFIG SET save %s", "3600 1000000");
    run(server, "BGSAVE");
    cr_assert(wait_until(writes_are_refused, &seen, LIMIT_MS), "Redis could save");
}

static void end_misconf(const struct redis_server *server, const char *key)
{
    char path[128];
    (void)key;
    snprintf(path, sizeof path, "%s/dump.rdb", server->dir.path);
    cr_assert_eq(rmdir(path), 0, "%m");
    run(server, "CONFIG SET stop-writes-on-bgsave-error no");
}

static void begin_noreplicas(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "CONFIG SET min-replicas-to-write 1");
}

static void end_noreplicas(const struct redis_server *server, const char *key)
{
    (void)key;
    run(server, "CONFIG SET min-replicas-to-write 0");
}

static void begin_wrongtype(const struct redis_server *server, const char *key)
{
    redis_server_command(server, "SET %s text", key);
}

static void end_wrongtype(const struct redis_server *server, const char *key)
{
    redis_server_command(server, "DEL %s", key);
}

/* Reads back what it has saved, a millisecond a key, answering others meanwhile. */
static void begin_loading(const struct redis_server *server, const char *key)
{
    struct redis_server seen = *server;
    (void)key;
    run(server, "DEBUG POPULATE 60000 filler 200");
    loader = redisConnect("127.0.0.1", server->port);
    cr_assert(loader != NULL && loader->err == 0);
    int sent = 0;
    redisAppendCommand(loader, "DEBUG RELOAD");
    while (!sent && redisBufferWrite(loader, &sent) == REDIS_OK) {
    }
    cr_assert(wait_until(writes_are_refused, &seen, LIMIT_MS), "Redis does not load");
}

static void end_loading(const struct redis_server *server, const char *key)
{
    void *reply = NULL;
    (void)key;
    run(server, "CONFIG SET key-load-delay 0");
    cr_assert_eq(redisGetReply(loader, &reply), REDIS_OK, "%s", loader->errstr);
    freeReplyObject(reply);
    redisFree(loader);
    loader = NULL;
}

const struct redis_fault redis_faults[REDIS_FAULTS] = {
    [REDIS_OOM] = {"oom", begin_oom, end_oom, false},
    [REDIS_READONLY] = {"readonly", begin_readonly, end_readonly, true},
    [REDIS_NOAUTH] = {"noauth", begin_noauth, end_noauth, true},
    [REDIS_MISCONF] = {"misconf", begin_misconf, end_misconf, true},
    [REDIS_NOREPLICAS] = {"noreplicas", begin_noreplicas, end_noreplicas, true},
    [REDIS_WRONGTYPE] = {"wrongtype", begin_wrongtype, end_wrongtype, true},
    [REDIS_LOADING] = {"loading", begin_loading, end_loading, true},
};
