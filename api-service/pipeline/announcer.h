/* SPDX-License-Identifier: MIT */
/*
 * Announces stored orders to the workers, after their answers: the API never waits for Redis. Hints
 * go to the Redis list; while Redis is out of reach, or where there is none, to the in-process
 * queue, whose processor this process runs. A hint that finds no room is dropped and counted: the
 * order is found by query.
 */
#ifndef API_SERVICE_PIPELINE_ANNOUNCER_H
#define API_SERVICE_PIPELINE_ANNOUNCER_H

#include <stddef.h>

#include "common/order/order.h"
#include "common/queue/queue.h"

struct announcer;

/* `remote` NULL: there is no Redis. Borrows both queues. Never NULL. */
struct announcer *announcer_start(struct queue *remote, struct queue *local);

/* Any thread; does not block. `count` 1 to QUEUE_BATCH_MAX. */
void announcer_submit(struct announcer *announcer, const order_id ids[], size_t count);

/* Sends what waits, as far as Redis takes it, then ends. Nobody may submit any more. Takes NULL. */
void announcer_stop(struct announcer *announcer);

#endif
