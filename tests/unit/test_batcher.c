/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "api-service/pipeline/batcher.h"
#include "api-service/pipeline/waiting_limit.h"
#include "common/base/clock.h"
#include "tests/support/wait_until.h"

enum {
    TICKETS_MAX = 2000,
    BATCHES_MAX = 64,
    WAIT_MS = 10000,
};

/* What was flushed, and a gate in front of every flush. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool closed;
    bool at_gate;
    bool one_by_one;             /* the gate closes behind each flush */
    bool turns_away;             /* no flush serves anybody */
    size_t batches[BATCHES_MAX]; /* how many tickets each had */
    size_t batch_count;
    struct batch_ticket *flushed[TICKETS_MAX];
    size_t flushed_count;
    int scheduling; /* of the thread that flushes */
} flow = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static struct batch_ticket tickets[TICKETS_MAX];
static int context;

static size_t flush(void *given, struct batch_ticket *batch[], size_t count)
{
    pthread_mutex_lock(&flow.lock);
    while (flow.closed) {
        flow.at_gate = true;
        pthread_cond_wait(&flow.opened, &flow.lock);
    }
    flow.at_gate = false;
    flow.scheduling = sched_getscheduler(0);
    flow.closed = flow.one_by_one;
    flow.batches[flow.batch_count++] = given == &context ? count : 0;
    for (size_t i = 0; i < count; i++) {
        flow.flushed[flow.flushed_count++] = batch[i];
    }
    size_t served = flow.turns_away ? 0 : count;
    pthread_mutex_unlock(&flow.lock);
    return served;
}

static const struct batcher_config config = {
    .name = "batcher",
    .batch_count_max = 1000,
    .batch_bytes_max = SIZE_MAX,
    .waiting_count_max = 1000,
    .waiting_goal_ms = 1000000,
    .waiting_bytes_max = SIZE_MAX,
    .age_max_ms = 1000000,
    .flush = flush,
    .context = &context,
};

static void set_gate(bool closed)
{
    pthread_mutex_lock(&flow.lock);
    flow.closed = closed;
    pthread_cond_broadcast(&flow.opened);
    pthread_mutex_unlock(&flow.lock);
}

static bool is_at_gate(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&flow.lock);
    bool at_gate = flow.at_gate;
    pthread_mutex_unlock(&flow.lock);
    return at_gate;
}

static bool has_flushed(void *arg)
{
    const size_t *count = arg;
    pthread_mutex_lock(&flow.lock);
    bool reached = flow.flushed_count >= *count;
    pthread_mutex_unlock(&flow.lock);
    return reached;
}

static void check_flushed(size_t count)
{
    cr_assert(wait_until(has_flushed, &count, WAIT_MS), "%zu of %zu were flushed",
              flow.flushed_count, count);
}

/* A batcher whose flush stands at the gate with ticket 0; the others then wait. */
static struct batcher *start_busy(const struct batcher_config *with)
{
    set_gate(true);
    struct batcher *batcher = batcher_start(with);
    batcher_submit(batcher, &tickets[0]);
    cr_assert(wait_until(is_at_gate, NULL, WAIT_MS));
    return batcher;
}

static void check_order(size_t count)
{
    cr_assert_eq(flow.flushed_count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(flow.flushed[i], &tickets[i], "place %zu", i);
    }
}

Test(batcher, a_lone_ticket_goes_at_once)
{
    struct batcher *batcher = batcher_start(&config);
    for (size_t i = 0; i < 3; i++) {
        batcher_submit(batcher, &tickets[i]);
        check_flushed(i + 1);
        cr_assert_eq(flow.batches[i], 1);
    }
    batcher_stop(batcher);
    check_order(3);
}

Test(batcher, a_ticket_gets_the_time_of_its_arrival)
{
    uint64_t before_ms = clock_monotonic_ms();
    struct batcher *batcher = batcher_start(&config);
    batcher_submit(batcher, &tickets[0]);
    batcher_stop(batcher);
    cr_assert_geq(tickets[0].arrived_ms, before_ms);
    cr_assert_leq(tickets[0].arrived_ms, clock_monotonic_ms());
}

Test(batcher, what_arrives_during_a_flush_goes_as_one_batch_in_order)
{
    struct batcher *batcher = start_busy(&config);
    for (size_t i = 1; i < 10; i++) {
        batcher_submit(batcher, &tickets[i]);
    }
    set_gate(false);
    check_flushed(10);
    batcher_stop(batcher);
    cr_assert_eq(flow.batch_count, 2);
    cr_assert_eq(flow.batches[0], 1);
    cr_assert_eq(flow.batches[1], 9);
    check_order(10);
}

Test(batcher, a_batch_ends_at_its_count)
{
    struct batcher_config small = config;
    small.batch_count_max = 4;
    struct batcher *batcher = start_busy(&small);
    for (size_t i = 1; i < 10; i++) {
        batcher_submit(batcher, &tickets[i]);
    }
    set_gate(false);
    check_flushed(10);
    batcher_stop(batcher);
    cr_assert_eq(flow.batch_count, 4);
    cr_assert_eq(flow.batches[1], 4);
    cr_assert_eq(flow.batches[2], 4);
    cr_assert_eq(flow.batches[3], 1);
    check_order(10);
}

Test(batcher, a_batch_ends_with_the_ticket_that_passes_its_bytes)
{
    struct batcher_config small = config;
    small.batch_bytes_max = 100;
    struct batcher *batcher = start_busy(&small);
    static const size_t bytes[] = {0, 60, 60, 100, 0, 1000, 1};
    for (size_t i = 1; i < 7; i++) {
        tickets[i].bytes = bytes[i];
        batcher_submit(batcher, &tickets[i]);
    }
    set_gate(false);
    check_flushed(7);
    batcher_stop(batcher);
    cr_assert_eq(flow.batch_count, 5);
    cr_assert_eq(flow.batches[1], 2, "60 and 60");
    cr_assert_eq(flow.batches[2], 1, "100");
    cr_assert_eq(flow.batches[3], 2, "0 and 1000");
    cr_assert_eq(flow.batches[4], 1, "1");
    check_order(7);
}

Test(batcher, so_many_may_wait_and_no_more)
{
    struct batcher_config small = config;
    small.waiting_count_max = 2;
    struct batcher *batcher = start_busy(&small);
    cr_assert(batcher_accepts(batcher, 0), "what is being flushed does not wait");
    batcher_submit(batcher, &tickets[1]);
    cr_assert(batcher_accepts(batcher, 0));
    batcher_submit(batcher, &tickets[2]);
    cr_assert_not(batcher_accepts(batcher, 0));
    set_gate(false);
    check_flushed(3);
    cr_assert(batcher_accepts(batcher, 0), "there is room again");
    batcher_stop(batcher);
}

Test(batcher, so_many_bytes_may_wait_and_no_more)
{
    struct batcher_config small = config;
    small.waiting_bytes_max = 100;
    struct batcher *batcher = start_busy(&small);
    cr_assert(batcher_accepts(batcher, 100));
    cr_assert_not(batcher_accepts(batcher, 101));
    tickets[1].bytes = 40;
    batcher_submit(batcher, &tickets[1]);
    cr_assert(batcher_accepts(batcher, 60));
    cr_assert_not(batcher_accepts(batcher, 61));
    set_gate(false);
    check_flushed(2);
    cr_assert(batcher_accepts(batcher, 100), "there is room again");
    batcher_stop(batcher);
}

Test(batcher, nothing_is_accepted_behind_one_that_waits_for_too_long)
{
    struct batcher *batcher = start_busy(&config);
    batcher_submit(batcher, &tickets[1]);
    cr_assert(batcher_accepts(batcher, 0));
    tickets[1].arrived_ms -= config.age_max_ms; /* the thread stands at the gate */
    cr_assert_not(batcher_accepts(batcher, 0));
    set_gate(false);
    check_flushed(2);
    cr_assert(batcher_accepts(batcher, 0));
    batcher_stop(batcher);
}

Test(batcher, nothing_is_accepted_during_a_flush_that_takes_too_long)
{
    struct batcher_config hasty = config;
    hasty.age_max_ms = 0;
    struct batcher *batcher = batcher_start(&config);
    cr_assert(batcher_accepts(batcher, 0));
    batcher_stop(batcher);
    batcher = start_busy(&hasty);
    cr_assert_not(batcher_accepts(batcher, 0), "though nothing waits");
    set_gate(false);
    check_flushed(1);
    batcher_stop(batcher);
}

static bool has_passed(void *arg)
{
    return wait_now_ms() >= *(const uint64_t *)arg;
}

static bool is_refused(void *batcher)
{
    return !batcher_accepts(batcher, 0);
}

/* As long as it has not returned: it may take a while until its thread is given the processor. */
Test(batcher, a_flush_that_answers_after_a_long_time_holds_nobody_up)
{
    struct batcher_config longer = config;
    longer.age_max_ms = 500;
    struct batcher *batcher = start_busy(&longer);
    cr_assert(wait_until(is_refused, batcher, WAIT_MS));
    batcher_progress(batcher);
    cr_assert(batcher_accepts(batcher, 0));
    set_gate(false);
    check_flushed(1);
    batcher_stop(batcher);
}

/* Submits tickets from `first` on as long as they are accepted; returns how many. */
static size_t submit_accepted(struct batcher *batcher, size_t first)
{
    size_t next = first;
    while (next < TICKETS_MAX && batcher_accepts(batcher, 0)) {
        batcher_submit(batcher, &tickets[next++]);
    }
    return next - first;
}

/* One of 200 that takes 50 ms, where 10 are wanted; the next one stands at the gate. */
static struct batcher *start_slow(void)
{
    struct batcher_config hasty = config;
    hasty.waiting_goal_ms = 10;
    hasty.batch_count_max = 200;
    flow.one_by_one = true;
    struct batcher *batcher = start_busy(&hasty);
    for (size_t i = 1; i <= 201; i++) {
        batcher_submit(batcher, &tickets[i]);
    }
    set_gate(false);
    check_flushed(1);
    cr_assert(wait_until(is_at_gate, NULL, WAIT_MS));
    uint64_t slow_ms = wait_now_ms() + 50;
    cr_assert(wait_until(has_passed, &slow_ms, WAIT_MS));
    set_gate(false);
    check_flushed(201);
    cr_assert(wait_until(is_at_gate, NULL, WAIT_MS));
    return batcher;
}

static void stop_slow(struct batcher *batcher)
{
    flow.one_by_one = false;
    set_gate(false);
    batcher_stop(batcher);
}

Test(batcher, fewer_may_wait_when_flushes_take_long)
{
    struct batcher *batcher = start_slow();
    cr_assert_eq(submit_accepted(batcher, 202), WAITING_LIMIT_FIRST / 2);
    stop_slow(batcher);
}

Test(batcher, nothing_is_learned_from_those_that_are_turned_away)
{
    flow.turns_away = true;
    struct batcher *batcher = start_slow();
    cr_assert_eq(submit_accepted(batcher, 202), WAITING_LIMIT_FIRST);
    stop_slow(batcher);
}

/* The linker calls this in the place of waiting_limit_rest: no test lasts for a slow hour. */
void __real_waiting_limit_rest(struct waiting_limit *limit, uint64_t now_ms);
void __wrap_waiting_limit_rest(struct waiting_limit *limit, uint64_t now_ms);

static atomic_int rests;
static atomic_bool slow_hour_is_over;

void __wrap_waiting_limit_rest(struct waiting_limit *limit, uint64_t now_ms)
{
    __real_waiting_limit_rest(limit, now_ms + (slow_hour_is_over ? WAITING_LIMIT_MEMORY_MS : 0));
    rests++;
}

static bool has_rested(void *arg)
{
    return rests > *(const int *)arg;
}

Test(batcher, after_a_slow_hour_and_a_rest_as_many_may_wait_as_at_first)
{
    struct batcher *batcher = start_slow();
    int before = rests;
    slow_hour_is_over = true;
    flow.one_by_one = false;
    set_gate(false);
    cr_assert(wait_until(has_rested, &before, WAIT_MS));
    set_gate(true);
    batcher_submit(batcher, &tickets[202]);
    cr_assert(wait_until(is_at_gate, NULL, WAIT_MS));
    cr_assert_eq(submit_accepted(batcher, 203), WAITING_LIMIT_FIRST);
    stop_slow(batcher);
}

static void *stop(void *batcher)
{
    batcher_stop(batcher);
    return NULL;
}

Test(batcher, stopping_flushes_what_waits)
{
    struct batcher_config small = config;
    small.batch_count_max = 3;
    flow.one_by_one = true;
    struct batcher *batcher = start_busy(&small);
    for (size_t i = 1; i < 8; i++) {
        batcher_submit(batcher, &tickets[i]);
    }
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, stop, batcher), 0);
    static const size_t flushed[] = {1, 4, 7, 8};
    for (size_t i = 0; i < 4; i++) {
        cr_assert(wait_until(is_at_gate, NULL, WAIT_MS), "flush %zu does not come", i);
        set_gate(false);
        check_flushed(flushed[i]);
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    check_order(8);
}

Test(batcher, stopping_an_idle_one_flushes_nothing)
{
    struct batcher *batcher = batcher_start(&config);
    batcher_stop(batcher);
    cr_assert_eq(flow.batch_count, 0);
}

Test(batcher, stopping_none_is_allowed)
{
    batcher_stop(NULL);
    cr_assert_eq(flow.batch_count, 0);
}

enum { SUBMITTERS = 4, EACH = TICKETS_MAX / SUBMITTERS };

struct submitter {
    struct batcher *batcher;
    size_t first;
};

static void *submit_some(void *arg)
{
    const struct submitter *submitter = arg;
    for (size_t i = 0; i < EACH; i++) {
        batcher_submit(submitter->batcher, &tickets[submitter->first + i]);
    }
    return NULL;
}

Test(batcher, of_several_threads_every_ticket_is_flushed_once_and_in_the_threads_order)
{
    struct submitter submitters[SUBMITTERS];
    pthread_t threads[SUBMITTERS];
    size_t next[SUBMITTERS] = {0};
    struct batcher *batcher = batcher_start(&config);
    for (size_t i = 0; i < SUBMITTERS; i++) {
        submitters[i] = (struct submitter){.batcher = batcher, .first = i * EACH};
        cr_assert_eq(pthread_create(&threads[i], NULL, submit_some, &submitters[i]), 0);
    }
    for (size_t i = 0; i < SUBMITTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    batcher_stop(batcher);
    cr_assert_eq(flow.flushed_count, TICKETS_MAX);
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        size_t index = (size_t)(flow.flushed[i] - tickets);
        cr_assert_eq(index % EACH, next[index / EACH]++, "ticket %zu came at %zu", index, i);
    }
}

/* Otherwise it is woken in the place of the thread that submits, and gets less to do at once. */
Test(batcher, its_thread_does_not_preempt)
{
    struct batcher *batcher = batcher_start(&config);
    batcher_submit(batcher, &tickets[0]);
    batcher_stop(batcher);
    cr_assert_eq(flow.scheduling, SCHED_BATCH);
}
