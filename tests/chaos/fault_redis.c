/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/chaos/faults.h"
#include "tests/support/redis_faults.h"
#include "tests/support/wait_until.h"

#define LIST "orders:pending"

enum { DUPLICATES = 500, DUPLICATES_BACK = 3000, HUGE_SIZE = 100000, HINTS_LIMIT_MS = 500 };

static struct redis_server *redis_of(struct victims *victims)
{
    return &victims->topology.redis;
}

/* How many commands it has refused with this error since its start; `kind` in lower case. */
static uint64_t count_refusals(struct victims *victims, const char *kind)
{
    return (uint64_t)
        redis_server_command(redis_of(victims), "EVAL %s 0 %s",
                             "return tonumber(string.match(redis.call('info', 'errorstats'), "
                             "'errorstat_' .. string.upper(ARGV[1]) .. ':count=(%d+)')) or 0",
                             kind);
}

/* For faults that happen at one moment. */
static void end_nothing(struct victims *victims, struct fault *fault)
{
    (void)victims;
    (void)fault;
}

void fault_begin_redis_kill(struct victims *victims, struct fault *fault)
{
    (void)fault;
    redis_server_kill(redis_of(victims));
}

void fault_end_redis_kill(struct victims *victims, struct fault *fault)
{
    (void)fault;
    redis_server_restart(redis_of(victims));
}

void fault_begin_redis_pause(struct victims *victims, struct fault *fault)
{
    (void)fault;
    process_signal(&redis_of(victims)->process, SIGSTOP);
}

void fault_end_redis_pause(struct victims *victims, struct fault *fault)
{
    (void)fault;
    process_signal(&redis_of(victims)->process, SIGCONT);
}

void fault_begin_redis_stop(struct victims *victims, struct fault *fault)
{
    (void)fault;
    redis_server_stop(redis_of(victims));
}

void fault_end_redis_stop(struct victims *victims, struct fault *fault)
{
    (void)fault;
    redis_server_restart(redis_of(victims));
}

/*
 * It is killed with a dump of many keys, and loads each one for half a millisecond when it starts.
 * It loads a dump as small as this without answering clients in between.
 */
void fault_begin_redis_loading(struct victims *victims, struct fault *fault)
{
    static const char *const options[] = {"--key-load-delay", "500",
                                          "--loading-process-events-interval-bytes", "1024"};
    struct redis_server *redis = redis_of(victims);
    redis_server_command(redis, "EVAL %s 0",
                         "redis.call('select', 3) for i = 1, 1000 do "
                         "redis.call('set', 'filler:' .. i, i) end");
    redis_server_command(redis, "SAVE");
    redis_server_kill(redis);
    memcpy(redis->options, options, sizeof options);
    redis_server_restart(redis);
    fault->took_effect = count_refusals(victims, "loading") > 0;
}

void fault_end_redis_loading(struct victims *victims, struct fault *fault)
{
    char path[128];
    struct redis_server *redis = redis_of(victims);
    (void)fault;
    snprintf(path, sizeof path, "%s/dump.rdb", redis->dir.path);
    unlink(path);
    memset(redis->options, 0, sizeof redis->options);
    redis_server_command(redis, "CONFIG SET key-load-delay 0");
}

struct loss {
    struct redis_server *redis;
    const char *command;
};

static bool hints_are_lost(void *arg)
{
    const struct loss *loss = arg;
    return redis_server_command(loss->redis, "EVAL %s 1 " LIST " %s",
                                "local count = redis.call('llen', KEYS[1]) if count > 0 then "
                                "if ARGV[1] == 'del' then redis.call('del', KEYS[1]) else "
                                "redis.call('flushall') end end return count",
                                loss->command) > 0;
}

/* The list is mostly empty, and then no hint can be lost: waits until it has one. */
static void lose_hints(struct victims *victims, struct fault *fault, const char *command)
{
    struct loss loss = {redis_of(victims), command};
    fault->took_effect = wait_until(hints_are_lost, &loss, HINTS_LIMIT_MS);
}

void fault_begin_redis_flush(struct victims *victims, struct fault *fault)
{
    lose_hints(victims, fault, "flushall");
}

void fault_end_redis_flush(struct victims *victims, struct fault *fault)
{
    end_nothing(victims, fault);
}

void fault_begin_redis_delete(struct victims *victims, struct fault *fault)
{
    lose_hints(victims, fault, "del");
}

void fault_end_redis_delete(struct victims *victims, struct fault *fault)
{
    end_nothing(victims, fault);
}

/* Redis refuses pushes, or pushes and pops, and counts what it has refused. */
void fault_begin_redis_refuses(struct victims *victims, struct fault *fault)
{
    const struct redis_fault *refusal = &redis_faults[fault->kind->refusal];
    fault_count_from(fault, count_refusals(victims, refusal->kind));
    refusal->begin(redis_of(victims), LIST);
}

void fault_end_redis_refuses(struct victims *victims, struct fault *fault)
{
    const struct redis_fault *refusal = &redis_faults[fault->kind->refusal];
    refusal->end(redis_of(victims), LIST);
    fault_count_to(fault, count_refusals(victims, refusal->kind));
}

/* At both ends, since hints are pushed at one and popped at the other. */
void fault_begin_redis_garbage(struct victims *victims, struct fault *fault)
{
    static const char *const garbage[] = {"",
                                          "0",
                                          "-1",
                                          "ORD1",
                                          "1 ",
                                          " 1",
                                          "18446744073709551616",
                                          "9223372036854775808",
                                          "1e3",
                                          "{\"order_id\":1}",
                                          "\xff\xfe",
                                          "999999999999"};
    static char huge[HUGE_SIZE + 1];
    struct redis_server *redis = redis_of(victims);
    (void)fault;
    memset(huge, '7', HUGE_SIZE);
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        redis_server_command(redis, "LPUSH " LIST " %s", garbage[i]);
        redis_server_command(redis, "RPUSH " LIST " %s", garbage[i]);
        victims->foreign_hints += 2;
    }
    redis_server_command(redis, "RPUSH " LIST " %b", huge, (size_t)HUGE_SIZE);
    victims->foreign_hints++;
}

void fault_end_redis_garbage(struct victims *victims, struct fault *fault)
{
    end_nothing(victims, fault);
}

/* Hints of the latest orders, in all states, some of them many times. */
void fault_begin_redis_duplicates(struct victims *victims, struct fault *fault)
{
    char last[32];
    uint64_t id = atomic_load(&victims->ledger->last_id);
    snprintf(last, sizeof last, "%" PRIu64, id);
    redis_server_command(redis_of(victims), "EVAL %s 1 " LIST " %s %d %d",
                         "for i = 1, tonumber(ARGV[3]) do redis.call('rpush', KEYS[1], "
                         "math.max(1, tonumber(ARGV[1]) - (i * i) % tonumber(ARGV[2]))) end",
                         last, DUPLICATES_BACK, DUPLICATES);
    victims->foreign_hints += DUPLICATES;
    (void)fault;
}

void fault_end_redis_duplicates(struct victims *victims, struct fault *fault)
{
    end_nothing(victims, fault);
}

void fault_begin_redis_clients(struct victims *victims, struct fault *fault)
{
    fault->took_effect = redis_server_command(redis_of(victims), "CLIENT KILL TYPE normal") > 0;
}

void fault_end_redis_clients(struct victims *victims, struct fault *fault)
{
    end_nothing(victims, fault);
}
