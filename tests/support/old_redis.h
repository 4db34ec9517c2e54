/* SPDX-License-Identifier: MIT */
/*
 * A proxy before a real redis-server, on a thread of its own, that answers RPOP with a count as
 * servers before 6.2 do. Failing to start fails the test. Threads: the test's main thread.
 */
#ifndef TESTS_SUPPORT_OLD_REDIS_H
#define TESTS_SUPPORT_OLD_REDIS_H

#include <stddef.h>
#include <stdint.h>

struct old_redis;

struct old_redis *old_redis_start(uint16_t server_port);
uint16_t old_redis_port(const struct old_redis *old);

/* How many RPOPs it has refused. */
size_t old_redis_refusals(struct old_redis *old);

/* Takes NULL. */
void old_redis_stop(struct old_redis *old);

#endif
