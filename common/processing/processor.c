/* SPDX-License-Identifier: MIT */
#include "common/processing/processor.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/processing/deadline_heap.h"
#include "common/processing/recovery.h"

/*
 * Transactions of one kind start at least PACE_MS apart unless the last one was full, so that at
 * middling load a commit carries many orders. An order that comes alone finds the pace long past
 * and does not wait.
 */
enum {
    BATCH_MAX = STORE_BATCH_MAX,
    PACE_MS = 20,
    RETRY_MS = 100,        /* after the database was away or a transaction was lost */
    QUEUE_AWAY_MS = 100,   /* between attempts to reach the queue */
    LAG_INTERVAL_MS = 500, /* how often the lag of the hints is measured */
    WAIT_MAX_MS = 1000,
};

_Static_assert((int)QUEUE_BATCH_MAX == (int)STORE_BATCH_MAX,
               "what is taken at once is claimed at once");

struct processor {
    struct processor_config config;
    struct store *store;
    struct queue *queue;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* of the two below, which are under lock */
    bool stopping;
    bool ended;

    /* The rest belongs to the thread. Times are clock_monotonic_ms. */
    struct deadline_heap deadlines;
    struct recovery recovery;
    enum hint_flow flow;
    uint64_t take_at_ms;     /* not before this are hints taken */
    uint64_t complete_at_ms; /* not before this are orders completed */
    uint64_t lag_at_ms;      /* not before this is the lag measured again */
    uint64_t try_at_ms;      /* not before this is moving tried again */
    bool has_tried;
    order_id
        taken[BATCH_MAX]; /* hints not claimed yet: more than none only while the claim fails */
    size_t taken_count;
};

static bool is_stopping(struct processor *processor)
{
    pthread_mutex_lock(&processor->lock);
    bool stopping = processor->stopping;
    pthread_mutex_unlock(&processor->lock);
    return stopping;
}

/* Waits, but not for longer than until the stop. */
static void pause_ms(struct processor *processor, uint64_t wait_ms)
{
    struct timespec until = clock_monotonic_after((uint32_t)wait_ms);
    pthread_mutex_lock(&processor->lock);
    int error = 0;
    while (!processor->stopping && error == 0) {
        error = pthread_cond_timedwait(&processor->changed, &processor->lock, &until);
    }
    pthread_mutex_unlock(&processor->lock);
}

static uint64_t later(uint64_t left, uint64_t right)
{
    return left > right ? left : right;
}

/* Milliseconds until something other than a hint needs the thread. */
static uint64_t idle_ms(const struct processor *processor)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t next_ms = now_ms + WAIT_MAX_MS;
    struct deadline first;
    if (deadline_heap_peek(&processor->deadlines, &first)) {
        uint64_t complete_ms = later(first.due_ms, processor->complete_at_ms);
        next_ms = complete_ms < next_ms ? complete_ms : next_ms;
    }
    if (processor->config.recover && processor->recovery.sweep_at_ms < next_ms) {
        next_ms = processor->recovery.sweep_at_ms;
    }
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

/*
 * The local deadline is never before the row's: that was set before the claim returned, and a
 * thousandth makes up for a database clock that runs slower than this host's. An order looked at
 * too early would wait for a sweep.
 */
static void hold_deadlines(struct processor *processor, const order_id ids[], size_t count)
{
    uint32_t delay_ms = processor->config.delay_ms;
    uint64_t due_ms = clock_monotonic_ms() + delay_ms + delay_ms / 1000 + 1;
    for (size_t i = 0; i < count; i++) {
        deadline_heap_push(&processor->deadlines,
                           (struct deadline){.due_ms = due_ms, .id = ids[i]});
    }
}

static bool is_worth_repeating(enum status status)
{
    return status == STATUS_UNAVAILABLE || status == STATUS_CONFLICT || status == STATUS_REFUSED;
}

static uint32_t retry_ms(enum status status)
{
    return status == STATUS_REFUSED ? STORE_REFUSED_MS : RETRY_MS;
}

static void complete_due(struct processor *processor)
{
    order_id ids[BATCH_MAX];
    size_t count = 0;
    uint64_t now_ms = clock_monotonic_ms();
    struct deadline first;
    if (now_ms < processor->complete_at_ms) {
        return;
    }
    while (count < BATCH_MAX && deadline_heap_peek(&processor->deadlines, &first) &&
           first.due_ms <= now_ms) {
        deadline_heap_pop(&processor->deadlines, &first);
        ids[count++] = first.id;
    }
    if (count == 0) {
        return;
    }
    size_t moved = count;
    enum status status = store_complete(processor->store, ids, &moved);
    if (is_worth_repeating(status)) {
        for (size_t i = 0; i < count; i++) {
            deadline_heap_push(&processor->deadlines,
                               (struct deadline){.due_ms = now_ms + retry_ms(status),
                                                 .id = ids[i]});
        }
    }
    /* Orders that did not move are Completed already, or a later sweep finds them. */
    processor->complete_at_ms = now_ms + (count == BATCH_MAX ? 0 : PACE_MS);
}

/* A hint may come twice, but store_claim is promised distinct ids. */
static void drop_doubles(order_id ids[], size_t *count)
{
    size_t kept = 0;
    order_id_sort(ids, *count);
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || ids[i] != ids[kept - 1]) {
            ids[kept++] = ids[i];
        }
    }
    *count = kept;
}

static void claim_taken(struct processor *processor)
{
    uint64_t now_ms = clock_monotonic_ms();
    bool measure = now_ms >= processor->lag_at_ms;
    uint64_t age_ms = 0;
    drop_doubles(processor->taken, &processor->taken_count);
    size_t count = processor->taken_count;
    enum status status = store_claim(processor->store, processor->taken, &count,
                                     processor->config.delay_ms, measure ? &age_ms : NULL);
    if (is_worth_repeating(status)) {
        pause_ms(processor,
                 clock_jitter_ms(status == STATUS_CONFLICT ? PACE_MS : retry_ms(status)));
        return;
    }
    if (status == STATUS_OK) {
        hold_deadlines(processor, processor->taken, count);
        if (measure && count > 0) {
            processor->recovery.lag_ms = age_ms;
            processor->lag_at_ms = now_ms + LAG_INTERVAL_MS;
        }
    }
    processor->take_at_ms = now_ms + (processor->taken_count == BATCH_MAX ? 0 : PACE_MS);
    processor->taken_count = 0;
}

static void take_hints(struct processor *processor)
{
    uint64_t wait_ms = idle_ms(processor);
    uint64_t now_ms = clock_monotonic_ms();
    size_t room = processor->config.capacity - processor->deadlines.count;
    if (processor->taken_count > 0) {
        claim_taken(processor);
        return;
    }
    if (room == 0) {
        pause_ms(processor, wait_ms);
        return;
    }
    if (processor->take_at_ms > now_ms) {
        uint64_t pace_ms = processor->take_at_ms - now_ms;
        pause_ms(processor, pace_ms < wait_ms ? pace_ms : wait_ms);
        return;
    }
    size_t max = room < BATCH_MAX ? room : BATCH_MAX;
    switch (queue_pop(processor->queue, processor->taken, max, (uint32_t)wait_ms,
                      &processor->taken_count)) {
    case STATUS_OK:
        processor->flow = HINTS_COME;
        claim_taken(processor);
        break;
    case STATUS_TIMEOUT:
        processor->flow = HINTS_EMPTY;
        processor->recovery.lag_ms = 0;
        break;
    default:
        if (processor->flow != HINTS_AWAY) {
            processor->flow = HINTS_AWAY;
            processor->recovery.sweep_at_ms = now_ms;
        }
        pause_ms(processor, wait_ms < QUEUE_AWAY_MS ? wait_ms : QUEUE_AWAY_MS);
    }
}

static void recover_if_due(struct processor *processor)
{
    if (!processor->config.recover || clock_monotonic_ms() < processor->recovery.sweep_at_ms) {
        return;
    }
    order_id ids[STORE_BATCH_MAX];
    /* Hints that were taken but not claimed yet need room too. */
    size_t used = processor->deadlines.count + processor->taken_count;
    size_t room = processor->config.capacity > used ? processor->config.capacity - used : 0;
    struct recovery_sweep sweep = {.flow = processor->flow,
                                   .delay_ms = processor->config.delay_ms,
                                   .max = room < STORE_BATCH_MAX ? room : STORE_BATCH_MAX,
                                   .ids = ids};
    recovery_sweep(&processor->recovery, processor->store, &sweep);
    hold_deadlines(processor, ids, sweep.count);
}

/* At the start and while moves are refused, so that it shows before an order waits, and when it is
 * over. Without recovery this processor may have nothing to do at all. */
static void try_to_move_if_due(struct processor *processor)
{
    bool is_due = !processor->has_tried || store_refusal(processor->store) != NULL;
    uint64_t now_ms = clock_monotonic_ms();
    if (!processor->config.recover || !is_due || now_ms < processor->try_at_ms) {
        return;
    }
    processor->has_tried = store_try_move(processor->store) != STATUS_UNAVAILABLE;
    processor->try_at_ms = now_ms + STORE_REFUSED_MS;
}

static void *run(void *arg)
{
    struct processor *processor = arg;
    while (!is_stopping(processor)) {
        try_to_move_if_due(processor);
        complete_due(processor);
        recover_if_due(processor);
        take_hints(processor);
    }
    pthread_mutex_lock(&processor->lock);
    processor->ended = true;
    pthread_cond_broadcast(&processor->changed);
    pthread_mutex_unlock(&processor->lock);
    return NULL;
}

struct processor *processor_start(const struct processor_config *config, struct store *store,
                                  struct queue *queue)
{
    struct processor *processor = memory_allocate(1, sizeof *processor);
    processor->config = *config;
    processor->store = store;
    processor->queue = queue;
    store_watch(store, config->heartbeat);
    processor->flow = HINTS_EMPTY;
    pthread_mutex_init(&processor->lock, NULL);
    thread_cond_init(&processor->changed);
    recovery_init(&processor->recovery);
    if (deadline_heap_init(&processor->deadlines, config->capacity) != STATUS_OK) {
        log_error("no memory for the deadlines, so the program ends; lower WORKER_CAPACITY",
                  log_int("capacity", (int64_t)config->capacity));
        _exit(EXIT_FAILURE);
    }
    processor->thread = thread_start("processor", run, processor);
    return processor;
}

static void ask_to_stop(struct processor *processor)
{
    pthread_mutex_lock(&processor->lock);
    processor->stopping = true;
    pthread_cond_broadcast(&processor->changed);
    pthread_mutex_unlock(&processor->lock);
    queue_wake(processor->queue);
}

static bool wait_for_end(struct processor *processor, uint32_t limit_ms)
{
    struct timespec until = clock_monotonic_after(limit_ms);
    pthread_mutex_lock(&processor->lock);
    int error = 0;
    while (!processor->ended && error == 0) {
        error = pthread_cond_timedwait(&processor->changed, &processor->lock, &until);
    }
    bool ended = processor->ended;
    pthread_mutex_unlock(&processor->lock);
    return ended;
}

bool processor_stop(struct processor *processor, uint32_t limit_ms)
{
    if (processor == NULL) {
        return true;
    }
    ask_to_stop(processor);
    if (!wait_for_end(processor, limit_ms)) {
        log_warn("the processor did not stop in time; the program ends without it, and the "
                 "database completes "
                 "or undoes what it has begun",
                 log_int("waited_ms", limit_ms));
        return false;
    }
    pthread_join(processor->thread, NULL);
    store_watch(processor->store, NULL);
    deadline_heap_finish(&processor->deadlines);
    pthread_cond_destroy(&processor->changed);
    pthread_mutex_destroy(&processor->lock);
    free(processor);
    return true;
}
