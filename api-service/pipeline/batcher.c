/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/batcher.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "api-service/pipeline/waiting_limit.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/thread.h"

struct batcher {
    struct batcher_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    bool sleeping; /* the thread waits for a ticket: only then is a signal worth its cost */
    struct batch_ticket *first;
    struct batch_ticket **last; /* where the next ticket is linked in */
    size_t waiting_count;
    size_t waiting_bytes;
    struct waiting_limit waiting_limit;
    uint64_t flushing_since_ms;  /* 0: no flush is under way */
    uint64_t progress_ms;        /* of that flush, the last */
    struct batch_ticket **batch; /* belongs to the thread */
};

/* Waits for tickets and takes a batch of them out; 0: there are none and none will come. */
static size_t take_batch(struct batcher *batcher)
{
    size_t count = 0;
    size_t bytes = 0;
    pthread_mutex_lock(&batcher->lock);
    while (batcher->first == NULL && !batcher->stopping) {
        batcher->sleeping = true;
        waiting_limit_rest(&batcher->waiting_limit, clock_monotonic_ms());
        pthread_cond_wait(&batcher->changed, &batcher->lock);
    }
    batcher->sleeping = false;
    while (batcher->first != NULL && count < batcher->config.batch_count_max &&
           bytes < batcher->config.batch_bytes_max) {
        struct batch_ticket *ticket = batcher->first;
        batcher->first = ticket->next;
        batcher->batch[count++] = ticket;
        bytes += ticket->bytes;
    }
    if (batcher->first == NULL) {
        batcher->last = &batcher->first;
    }
    batcher->waiting_count -= count;
    batcher->waiting_bytes -= bytes;
    batcher->flushing_since_ms = count > 0 ? clock_monotonic_ms() : 0;
    batcher->progress_ms = batcher->flushing_since_ms;
    pthread_mutex_unlock(&batcher->lock);
    return count;
}

static void end_batch(struct batcher *batcher, size_t served)
{
    pthread_mutex_lock(&batcher->lock);
    if (served > 0) {
        uint64_t now_ms = clock_monotonic_ms();
        waiting_limit_learn(&batcher->waiting_limit, served, now_ms - batcher->flushing_since_ms,
                            now_ms);
    }
    batcher->flushing_since_ms = 0;
    pthread_mutex_unlock(&batcher->lock);
}

static void *run(void *arg)
{
    struct batcher *batcher = arg;
    size_t count;
    thread_wait_for_turn();
    while ((count = take_batch(batcher)) > 0) {
        end_batch(batcher, batcher->config.flush(batcher->config.context, batcher->batch, count));
    }
    return NULL;
}

struct batcher *batcher_start(const struct batcher_config *config)
{
    struct batcher *batcher = memory_allocate(1, sizeof *batcher);
    batcher->config = *config;
    batcher->last = &batcher->first;
    batcher->waiting_limit =
        waiting_limit_start(config->waiting_count_max, config->waiting_goal_ms);
    batcher->batch = memory_allocate(config->batch_count_max, sizeof(struct batch_ticket *));
    pthread_mutex_init(&batcher->lock, NULL);
    thread_cond_init(&batcher->changed);
    batcher->thread = thread_start(config->name, run, batcher);
    return batcher;
}

/* The flush under way counts too: else one that hangs shows only when a ticket has waited for it.
 */
static bool is_making_progress(const struct batcher *batcher)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t flush_ms = batcher->flushing_since_ms != 0 ? batcher->progress_ms : now_ms;
    uint64_t first_ms = batcher->first != NULL ? batcher->first->arrived_ms : now_ms;
    uint32_t max_ms = batcher->config.age_max_ms;
    return now_ms - flush_ms < max_ms && now_ms - first_ms < max_ms;
}

bool batcher_accepts(struct batcher *batcher, size_t bytes)
{
    const struct batcher_config *config = &batcher->config;
    pthread_mutex_lock(&batcher->lock);
    bool room = batcher->waiting_count < batcher->waiting_limit.count &&
                batcher->waiting_bytes + bytes <= config->waiting_bytes_max &&
                is_making_progress(batcher);
    pthread_mutex_unlock(&batcher->lock);
    return room;
}

void batcher_submit(struct batcher *batcher, struct batch_ticket *ticket)
{
    ticket->next = NULL;
    ticket->arrived_ms = clock_monotonic_ms();
    pthread_mutex_lock(&batcher->lock);
    assert(!batcher->stopping);
    *batcher->last = ticket;
    batcher->last = &ticket->next;
    batcher->waiting_count++;
    batcher->waiting_bytes += ticket->bytes;
    if (batcher->sleeping) {
        pthread_cond_signal(&batcher->changed);
    }
    pthread_mutex_unlock(&batcher->lock);
}

void batcher_progress(struct batcher *batcher)
{
    pthread_mutex_lock(&batcher->lock);
    batcher->progress_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&batcher->lock);
}

void batcher_stop(struct batcher *batcher)
{
    if (batcher == NULL) {
        return;
    }
    pthread_mutex_lock(&batcher->lock);
    batcher->stopping = true;
    pthread_cond_signal(&batcher->changed);
    pthread_mutex_unlock(&batcher->lock);
    pthread_join(batcher->thread, NULL);
    pthread_cond_destroy(&batcher->changed);
    pthread_mutex_destroy(&batcher->lock);
    free(batcher->batch);
    free(batcher);
}
