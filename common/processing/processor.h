/* SPDX-License-Identifier: MIT */
/*
 * The processor: takes hints, claims orders, holds their deadlines, completes them, and recovers by
 * query what lost its hint or its worker. One thread; the order-worker is nothing else, and
 * order-api runs one in its own process when there is no Redis.
 *
 * Owns: its thread and its deadlines. Borrows the store and the queue, which no other thread may
 * pop from or use until processor_stop has returned.
 */
#ifndef COMMON_PROCESSING_PROCESSOR_H
#define COMMON_PROCESSING_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/heartbeat.h"
#include "common/queue/queue.h"
#include "common/store/store.h"

struct processor;

struct processor_config {
    uint32_t delay_ms; /* time in Processing, at least */
    size_t capacity;   /* orders held in Processing; full, it stops taking */
    bool recover;      /* also claim and complete orders that lost their hint or worker */
    /*
     * Beats as long as the thread turns and the database answers it, which with `recover` is about
     * once a second when there is nothing to do. Borrowed. NULL: it is not watched.
     */
    struct heartbeat *heartbeat;
};

/* Starts the thread. Never NULL: no memory or no thread ends the process. */
struct processor *processor_start(const struct processor_config *config, struct store *store,
                                  struct queue *queue);

enum { PROCESSOR_STOP_MS = 700 }; /* of the second a worker has to end in */

/*
 * Stops taking, waits for the transaction under way (not for deadlines: those are in the rows and
 * the first process that finds them due completes the orders), ends the thread and frees. Takes
 * NULL.
 *
 * False: after `limit_ms` it still waits for the database or Redis, or still has much to do.
 * Nothing is freed, the thread uses the store and the queue, and the process can do no better than
 * to `_exit`: the server undoes what was not committed, and orders under way go on like those of a
 * process that was killed.
 */
MUST_CHECK bool processor_stop(struct processor *processor, uint32_t limit_ms);

#endif
