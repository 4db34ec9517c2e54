/* SPDX-License-Identifier: MIT */
/*
 * The queue of hints: ids of orders that may be waiting. Losing a hint costs latency, doubling one
 * costs a no-op; the database row is the job.
 *
 * Blocks: queue_pop for `wait_ms`, queue_push on Redis for at most the socket timeout.
 * Threads: queue_wake and queue_failures may be called from any thread. The memory queue may be
 * pushed and popped from several threads; a Redis queue is one connection, used by one thread at a
 * time for everything else. Owns: its connection or its ring.
 */
#ifndef COMMON_QUEUE_QUEUE_H
#define COMMON_QUEUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/order/order.h"
#include "common/queue/redis_failure.h"

enum {
    QUEUE_BATCH_MAX = 1000, /* ids in one push or pop */
};

struct queue;
struct redis_url;

/* A list at `key` of a Redis server. Does not connect. Never NULL: no memory ends the process. */
struct queue *queue_open_redis(const struct redis_url *url, const char *key);

/* A ring of at most `capacity` ids in this process. */
struct queue *queue_open_memory(size_t capacity);

/* No thread may use it any more. Takes NULL. */
void queue_close(struct queue *queue);

/*
 * Adds `count` (1 to QUEUE_BATCH_MAX) ids after the others.
 * STATUS_UNAVAILABLE: they were not added, as far as is known (Redis is away or refuses, or the
 * ring is full: then as many as fitted were added).
 */
MUST_CHECK enum status queue_push(struct queue *queue, const order_id ids[], size_t count);

/*
 * Takes up to `max` (1 to QUEUE_BATCH_MAX) ids from the front, waiting up to `wait_ms` for the
 * first. Foreign values in a Redis list are dropped and counted; ids may come twice. STATUS_OK:
 * `*count` >= 1. STATUS_TIMEOUT: there was none, or queue_wake was called. STATUS_UNAVAILABLE:
 * Redis is away or refuses; the call has not waited `wait_ms`.
 */
MUST_CHECK enum status queue_pop(struct queue *queue, order_id ids[], size_t max, uint32_t wait_ms,
                                 size_t *count);

/* How often calls have failed so since the queue was opened; 0 for one that is no Redis queue. */
uint64_t queue_failures(struct queue *queue, enum redis_failure failure);

/* Ends a queue_pop that is waiting, or the next one, early. */
void queue_wake(struct queue *queue);

#endif
