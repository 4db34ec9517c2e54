/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/announcer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/thread.h"

enum {
    WAITING_MAX = 100000, /* hints between the reply path and Redis */
    WAIT_MS = 1000,
    LOG_INTERVAL_MS = 5000,
};

struct announcer {
    struct queue *remote;
    struct queue *local;
    struct queue *waiting; /* hints on their way to `remote` */
    pthread_t thread;
    atomic_bool stopping;
    atomic_uint_least64_t dropped;   /* hints, since the start */
    atomic_uint_least64_t log_at_ms; /* the next log line about them, not earlier */
};

static void push_or_drop(struct announcer *announcer, struct queue *queue, const order_id ids[],
                         size_t count)
{
    if (queue_push(queue, ids, count) == STATUS_OK) {
        return;
    }
    /* A batch that fits only in part is counted as dropped as a whole. */
    uint64_t dropped = atomic_fetch_add(&announcer->dropped, count) + count;
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= atomic_load(&announcer->log_at_ms)) {
        atomic_store(&announcer->log_at_ms, now_ms + LOG_INTERVAL_MS);
        log_warn("hints found no room and were dropped; their orders are found by query",
                 log_int("dropped_in_all", (int64_t)dropped));
    }
}

static void *run(void *arg)
{
    struct announcer *announcer = arg;
    order_id ids[QUEUE_BATCH_MAX];
    size_t count;
    for (;;) {
        /* Read before the pop: what was submitted before the stop is still sent. */
        bool stopping = atomic_load(&announcer->stopping);
        if (queue_pop(announcer->waiting, ids, QUEUE_BATCH_MAX, stopping ? 0 : WAIT_MS, &count) !=
            STATUS_OK) {
            if (stopping) {
                return NULL;
            }
            continue;
        }
        if (queue_push(announcer->remote, ids, count) != STATUS_OK) {
            push_or_drop(announcer, announcer->local, ids, count);
        }
    }
}

struct announcer *announcer_start(struct queue *remote, struct queue *local)
{
    struct announcer *announcer = memory_allocate(1, sizeof *announcer);
    announcer->remote = remote;
    announcer->local = local;
    if (remote != NULL) {
        announcer->waiting = queue_open_memory(WAITING_MAX);
        announcer->thread = thread_start("announcer", run, announcer);
    }
    return announcer;
}

void announcer_submit(struct announcer *announcer, const order_id ids[], size_t count)
{
    push_or_drop(announcer, announcer->remote != NULL ? announcer->waiting : announcer->local, ids,
                 count);
}

void announcer_stop(struct announcer *announcer)
{
    if (announcer == NULL) {
        return;
    }
    if (announcer->remote != NULL) {
        atomic_store(&announcer->stopping, true);
        queue_wake(announcer->waiting);
        pthread_join(announcer->thread, NULL);
        queue_close(announcer->waiting);
    }
    free(announcer);
}
