/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/worker_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/outage.h"
#include "common/base/thread.h"

enum {
    LOOK_MS = 4 * 1000,   /* and not 5: after as long a connection to MySQL is made anew */
    BOUND_MS = 10 * 1000, /* workers that are restarted are back by then */
    READ_DEADLINE_MS = 1000,
    THE_CAUSE = 1, /* the only one there is, for outage.h */
};

struct worker_watch {
    struct reads *reads;
    pthread_t thread;
    atomic_bool is_stalled;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* of the two below, which are under lock */
    bool stopping;
    bool answered;

    /* The rest belongs to the thread. */
    struct read_ticket ticket;
    struct stall stall;
    struct outage outage;
};

struct stall stall_init(uint32_t delay_ms)
{
    return (struct stall){.bound_ms = BOUND_MS + delay_ms, .moves = -1};
}

void stall_look(struct stall *stall, const struct order_counts *counts, uint64_t now_ms)
{
    int64_t moves = counts->started + counts->completed;
    bool is_well = counts->created <= counts->started || moves != stall->moves;
    if (is_well) {
        stall->since_ms = now_ms;
    }
    stall->moves = moves;
    stall->is_stalled =
        !is_well && (stall->is_stalled || now_ms - stall->since_ms >= stall->bound_ms);
}

void stall_forget(struct stall *stall, uint64_t now_ms)
{
    stall->since_ms = now_ms;
}

static void on_read(struct read_ticket *ticket)
{
    struct worker_watch *watch =
        (struct worker_watch *)((char *)ticket - offsetof(struct worker_watch, ticket));
    pthread_mutex_lock(&watch->lock);
    watch->answered = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
}

/* False: the database does not answer, or others want more of it than it can do. */
static bool read_counts(struct worker_watch *watch)
{
    if (!reads_accepts(watch->reads)) {
        return false;
    }
    watch->answered = false;
    watch->ticket =
        (struct read_ticket){.kind = READ_COUNTS, .deadline_ms = READ_DEADLINE_MS, .done = on_read};
    reads_submit(watch->reads, &watch->ticket);
    pthread_mutex_lock(&watch->lock);
    while (!watch->answered) {
        pthread_cond_wait(&watch->changed, &watch->lock);
    }
    pthread_mutex_unlock(&watch->lock);
    return watch->ticket.status == STATUS_OK;
}

static void tell(struct worker_watch *watch, uint64_t now_ms)
{
    const struct order_counts *counts = &watch->ticket.counts;
    uint64_t repeated;
    if (watch->stall.is_stalled && outage_failed(&watch->outage, THE_CAUSE, now_ms, &repeated)) {
        log_warn("orders wait, and no order-worker starts them; they are stored and will be "
                 "processed: start order-worker with the same DATABASE_URL and REDIS_URL",
                 log_int("pending", counts->created - counts->started),
                 log_int("nothing_moved_for_s",
                         (int64_t)((now_ms - watch->stall.since_ms) / 1000)));
    }
    if (!watch->stall.is_stalled && outage_worked(&watch->outage, now_ms)) {
        log_info("orders are processed again",
                 log_int("pending", counts->created - counts->started));
    }
}

static void look(struct worker_watch *watch)
{
    bool was_read = read_counts(watch);
    uint64_t now_ms = clock_monotonic_ms();
    if (!was_read) {
        stall_forget(&watch->stall, now_ms);
        return;
    }
    stall_look(&watch->stall, &watch->ticket.counts, now_ms);
    atomic_store(&watch->is_stalled, watch->stall.is_stalled);
    tell(watch, now_ms);
}

/* False: it is to stop. */
static bool wait_for_next_look(struct worker_watch *watch)
{
    struct timespec until = clock_monotonic_after(LOOK_MS);
    int error = 0;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping && error == 0) {
        error = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
    }
    bool goes_on = !watch->stopping;
    pthread_mutex_unlock(&watch->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct worker_watch *watch = arg;
    while (wait_for_next_look(watch)) {
        look(watch);
    }
    return NULL;
}

struct worker_watch *worker_watch_start(struct reads *reads, uint32_t delay_ms)
{
    struct worker_watch *watch = memory_allocate(1, sizeof *watch);
    watch->reads = reads;
    watch->stall = stall_init(delay_ms);
    pthread_mutex_init(&watch->lock, NULL);
    thread_cond_init(&watch->changed);
    watch->thread = thread_start("worker-watch", run, watch);
    return watch;
}

bool worker_watch_is_stalled(const struct worker_watch *watch)
{
    return atomic_load(&watch->is_stalled);
}

void worker_watch_stop(struct worker_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}
