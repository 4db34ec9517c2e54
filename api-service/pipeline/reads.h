/* SPDX-License-Identifier: MIT */
/*
 * Everything the API reads from the database, batched: all status lookups that wait share one
 * query, all requests for the counters another.
 *
 * Threads: reads_accepts and reads_submit from any; neither blocks. Tickets are the callers' until
 * `done`, which runs on the thread of the reads.
 */
#ifndef API_SERVICE_PIPELINE_READS_H
#define API_SERVICE_PIPELINE_READS_H

#include "api-service/pipeline/batcher.h"
#include "common/base/status.h"
#include "common/order/order.h"
#include "common/store/store.h"

enum read_kind { READ_ORDER, READ_COUNTS, READ_LIVENESS };

struct read_ticket {
    struct batch_ticket base;
    enum read_kind kind;
    uint32_t deadline_ms; /* from its arrival: how long it waits for a database that is away */
    struct store_lookup lookup; /* READ_ORDER: in and out */
    struct order_counts counts; /* READ_COUNTS: out */
    enum status status;         /* out: STATUS_OK, or STATUS_UNAVAILABLE */
    void (*done)(struct read_ticket *ticket);
};

struct reads;

/* Borrows `store`, which nobody else may use. Never NULL. */
struct reads *reads_start(struct store *store);

/* False: past its limits. Say 503 now. */
bool reads_accepts(struct reads *reads);

/* `done` may run before this returns. */
void reads_submit(struct reads *reads, struct read_ticket *ticket);

/* Ends what waits, then the thread. Nobody may submit any more. Takes NULL. */
void reads_stop(struct reads *reads);

#endif
