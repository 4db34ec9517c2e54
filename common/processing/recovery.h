/* SPDX-License-Identifier: MIT */
/*
 * Recovery: finds by query the orders that no worker holds any more, whose hint was lost or
 * whose worker died. It never puts hints back into the queue: under backlog that would multiply
 * them.
 *
 * An order is orphaned in one of two ways. Processing and overdue by a grace: the process
 * that finds it completes it. Pending for longer than its hint can take to come up: that process
 * claims it.
 *
 * Blocks for the database. One thread.
 */
#ifndef COMMON_PROCESSING_RECOVERY_H
#define COMMON_PROCESSING_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store/store.h"

/* What the last look into the queue has shown: it decides how old a Pending order must be to be
 * claimed. */
enum hint_flow {
    HINTS_EMPTY, /* no hint is waiting: a Pending order older than a short grace has lost its own */
    HINTS_COME,  /* hints are waiting: only one older than their lag and the grace has */
    HINTS_AWAY,  /* the queue is out of reach: all that are Pending must be found by query */
};

struct recovery {
    uint64_t sweep_at_ms; /* when the next sweep is due, clock_monotonic_ms */
    uint64_t lag_ms;      /* how old the orders are whose hints come up now */
    uint64_t log_at_ms;   /* not before this is the next line logged */
    size_t completed;     /* recovered since the last line */
    size_t claimed;
};

/* A first sweep is due at once: what an earlier process left behind waits already. */
void recovery_init(struct recovery *recovery);

struct recovery_sweep {
    enum hint_flow flow;
    uint32_t delay_ms; /* time in Processing, as of store_claim */
    size_t max;        /* orders to claim, 0 to STORE_BATCH_MAX */
    order_id *ids;     /* room for `max` */
    size_t count;      /* out: how many were claimed; the caller holds their deadlines */
};

/*
 * One sweep: completes what is overdue and claims orders that wait without a hint. Sets when the
 * next sweep is due. What fails is tried again by the next sweep.
 */
void recovery_sweep(struct recovery *recovery, struct store *store, struct recovery_sweep *sweep);

#endif
