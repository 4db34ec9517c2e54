/* SPDX-License-Identifier: MIT */
/*
 * Gathers what arrives while the previous batch is under way and hands it on as one: group commit
 * without a timer. A lone ticket goes at once.
 *
 * Threads: batcher_accepts and batcher_submit from any; `flush` runs on the batcher's own thread
 * and may block. Owns: its thread. Tickets are the callers', borrowed until their flush.
 */
#ifndef API_SERVICE_PIPELINE_BATCHER_H
#define API_SERVICE_PIPELINE_BATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embed it as the first member of what is to be batched. */
struct batch_ticket {
    struct batch_ticket *next;
    size_t bytes;        /* what it adds to a batch; set by the caller */
    uint64_t arrived_ms; /* clock_monotonic_ms */
};

struct batcher_config {
    const char *name;       /* of the thread */
    size_t batch_count_max; /* tickets in one flush */
    size_t batch_bytes_max; /* a flush ends with the ticket that passes this */
    size_t waiting_count_max;
    uint32_t waiting_goal_ms; /* fewer may wait if they would wait longer: see waiting_limit.h */
    size_t waiting_bytes_max;
    uint32_t age_max_ms; /* of the ticket that has waited longest, and of the flush under way since
                            its last progress */
    /*
     * Deals with all `count` (>= 1) tickets, in order of arrival. None may be touched afterwards.
     * Returns how many were served and not refused: the pace is learned from those.
     */
    size_t (*flush)(void *context, struct batch_ticket *tickets[], size_t count);
    void *context;
};

struct batcher;

/* Never NULL: no memory or no thread ends the process. */
struct batcher *batcher_start(const struct batcher_config *config);

/*
 * Whether there is room for `bytes` more; without it, answer 503 instead of waiting. Threads that
 * submit at the same instant may pass the limits by one ticket each.
 */
bool batcher_accepts(struct batcher *batcher, size_t bytes);

void batcher_submit(struct batcher *batcher, struct batch_ticket *ticket);

/*
 * Called by flush before it answers some of its tickets: it does not hang. Without it, a client
 * that was just answered and sends its next request at once could be refused until flush has
 * returned.
 */
void batcher_progress(struct batcher *batcher);

/* Flushes what waits, then ends the thread and frees. Nobody may submit any more. Takes NULL. */
void batcher_stop(struct batcher *batcher);

#endif
