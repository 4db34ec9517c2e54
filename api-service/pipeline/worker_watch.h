/* SPDX-License-Identifier: MIT */
/*
 * With REDIS_URL the orders are the workers' to process, and without a worker they would stay
 * Pending while nobody says why. This looks at the counters every few seconds: orders wait, and for
 * so long that even workers that were full would have moved one, none was started or completed. The
 * log says so when it begins, once a minute and when it is over, and `/readyz` while it lasts.
 *
 * It costs no order anything: it reads what `/metrics` reads, with the reads of the requests.
 *
 * Threads: worker_watch_is_stalled from any, and it does not block. Owns: its thread.
 */
#ifndef API_SERVICE_PIPELINE_WORKER_WATCH_H
#define API_SERVICE_PIPELINE_WORKER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "api-service/pipeline/reads.h"
#include "common/order/order.h"

/* What the looks have shown so far. Times are clock_monotonic_ms. */
struct stall {
    uint32_t bound_ms; /* how long orders wait without a move before it is a stall */
    int64_t moves;     /* started and completed, at the last look */
    uint64_t since_ms; /* the last look at which all was well, or nobody knew */
    bool is_stalled;
};

/* `delay_ms`: time in Processing, after which a worker that is full has room again. */
struct stall stall_init(uint32_t delay_ms);

/* Takes the counters of one look in. Pure. */
void stall_look(struct stall *stall, const struct order_counts *counts, uint64_t now_ms);

/* The database did not answer: workers could not move anything either. Pure. */
void stall_forget(struct stall *stall, uint64_t now_ms);

struct worker_watch;

/* Borrows `reads`, which must outlive it. Never NULL. */
struct worker_watch *worker_watch_start(struct reads *reads, uint32_t delay_ms);

/* Orders wait, and nobody works on them. */
bool worker_watch_is_stalled(const struct worker_watch *watch);

/* Blocks for a look that is under way, so at most as long as a read. Takes NULL. */
void worker_watch_stop(struct worker_watch *watch);

#endif
