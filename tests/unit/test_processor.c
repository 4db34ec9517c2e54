/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/heartbeat.h"
#include "common/processing/processor.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "tests/unit/fake_queue.h"
#include "tests/unit/fake_store.h"

enum {
    DELAY_MS = 30,
    LONG_DELAY_MS = 600000,
    PAUSE_MS = 100, /* before what failed is tried again; here it comes twice */
    WAIT_MS = 10000,
    QUIET_MS = 1500, /* longer than the second between two beats */
    STOP_MS = 500,   /* half of the longest wait there is in the processor */
};

static struct store *store;
static struct queue *queue;
static struct processor *processor;
static struct heartbeat *heartbeat; /* none but in the tests about it */
static struct temp_dir dir;
static char heartbeat_path[128];

static void setup(void)
{
    store = fake_store_create();
    queue = fake_queue_open();
}

static void stop(void)
{
    cr_assert(processor_stop(processor, WAIT_MS));
    processor = NULL;
}

static void teardown(void)
{
    stop();
    heartbeat_close(heartbeat);
    temp_dir_remove(&dir);
    queue_close(queue);
    store_destroy(store);
}

TestSuite(processor, .init = setup, .fini = teardown, .timeout = 60);

static void start(uint32_t delay_ms, size_t capacity, bool recover)
{
    const struct processor_config config = {.delay_ms = delay_ms,
                                            .capacity = capacity,
                                            .recover = recover,
                                            .heartbeat = heartbeat};
    processor = processor_start(&config, store, queue);
}

/* So many hints at once, as one announcement. */
static void push(order_id first, size_t count)
{
    order_id ids[QUEUE_BATCH_MAX];
    cr_assert_leq(count, QUEUE_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        ids[i] = first + i;
    }
    cr_assert_eq(queue_push(queue, ids, count), STATUS_OK);
}

static void check_completed(size_t count)
{
    cr_assert(fake_store_wait_count(store, ORDER_COMPLETED, count), "%zu of %zu are completed",
              fake_store_count(store, ORDER_COMPLETED), count);
}

Test(processor, a_hint_is_claimed_and_completed_after_the_delay)
{
    fake_store_add_pending(store, 1, 1, 0);
    start(DELAY_MS, 100, false);
    push(1, 1);
    check_completed(1);
    struct fake_order order;
    cr_assert(fake_store_find(store, 1, &order));
    cr_assert_geq(order.completed_ms - order.started_ms, DELAY_MS);
    cr_assert_eq(fake_store_calls(store, FAKE_COMPLETE), 1, "it was not tried too early");
}

Test(processor, hints_that_wait_are_claimed_together)
{
    fake_store_add_pending(store, 1, 500, 0);
    push(1, 500);
    start(DELAY_MS, 1000, false);
    check_completed(500);
    cr_assert_eq(fake_store_calls(store, FAKE_CLAIM), 1);
    cr_assert_eq(fake_store_call(store, FAKE_CLAIM, 0).count, 500);
    cr_assert_leq(fake_store_calls(store, FAKE_COMPLETE), 2);
}

Test(processor, a_hint_that_comes_twice_is_claimed_once)
{
    fake_store_add_pending(store, 1, 3, 0);
    push(1, 3);
    push(1, 3);
    push(2, 1);
    start(DELAY_MS, 100, false);
    check_completed(3);
    cr_assert_eq(fake_store_call(store, FAKE_CLAIM, 0).count, 3,
                 "the store is promised distinct ids");
    push(1, 3);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM, 2));
    stop();
    cr_assert_eq(fake_store_processing_peak(store), 3);
    cr_assert_eq(fake_store_count(store, ORDER_COMPLETED), 3);
}

Test(processor, hints_of_orders_that_are_not_there_do_no_harm)
{
    fake_store_add_pending(store, 5, 1, 0);
    push(900, 10);
    push(5, 1);
    start(DELAY_MS, 100, false);
    check_completed(1);
}

Test(processor, while_the_queue_is_away_orders_are_claimed_by_query)
{
    fake_queue_set_away(queue, true);
    fake_store_add_pending(store, 1, 3, 0);
    start(DELAY_MS, 100, true);
    check_completed(3);
    cr_assert_eq(fake_store_calls(store, FAKE_CLAIM), 0);
    cr_assert_eq(fake_store_call(store, FAKE_CLAIM_WAITING, 1).ms, 0, "however young they are");
}

Test(processor, a_queue_that_is_back_is_used_again)
{
    fake_queue_set_away(queue, true);
    start(DELAY_MS, 100, true);
    cr_assert(fake_queue_wait_refused(queue));
    fake_queue_set_away(queue, false);
    fake_store_add_pending(store, 1, 1, 0);
    push(1, 1);
    check_completed(1);
}

Test(processor, a_queue_that_goes_away_is_noticed)
{
    start(DELAY_MS, 100, true);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM_WAITING, 1));
    fake_queue_set_away(queue, true);
    cr_assert(fake_queue_wait_refused(queue));
    fake_store_add_pending(store, 1, 2, 0);
    check_completed(2);
}

Test(processor, an_order_without_a_hint_is_found)
{
    fake_store_add_pending(store, 1, 2, 5000);
    start(DELAY_MS, 100, true);
    check_completed(2);
}

Test(processor, an_order_whose_worker_died_is_completed)
{
    fake_store_add_processing(store, 1, 2, -5000);
    start(DELAY_MS, 100, true);
    check_completed(2);
}

Test(processor, no_more_orders_are_held_than_the_capacity)
{
    fake_store_add_pending(store, 1, 10, 0);
    push(1, 10);
    start(DELAY_MS, 3, false);
    check_completed(10);
    cr_assert_eq(fake_store_processing_peak(store), 3);
}

Test(processor, the_capacity_holds_for_what_is_claimed_by_query_too)
{
    fake_queue_set_away(queue, true);
    fake_store_add_pending(store, 1, 10, 5000);
    start(DELAY_MS, 3, true);
    check_completed(10);
    cr_assert_eq(fake_store_processing_peak(store), 3);
}

Test(processor, hints_in_hand_count_for_the_capacity)
{
    enum { CAPACITY = 5 };
    start(DELAY_MS, CAPACITY, true);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM_WAITING, 1));
    /* As long as these four cannot be claimed, a sweep may take one order only. */
    fake_store_fail(store, FAKE_CLAIM, 0, 2000, STATUS_CONFLICT);
    push(17, 4);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM, 1));
    fake_store_add_pending(store, 1, 20, 5000);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM_WAITING, 2));
    fake_store_fail(store, FAKE_CLAIM, 0, 0, STATUS_OK);
    check_completed(20);
    cr_assert_eq(fake_store_call(store, FAKE_CLAIM_WAITING, 1).count, 1);
    cr_assert_leq(fake_store_processing_peak(store), CAPACITY);
}

static void check_stops_soon(void)
{
    uint64_t before_ms = clock_monotonic_ms();
    stop();
    cr_assert_leq(clock_monotonic_ms() - before_ms, STOP_MS);
}

Test(processor, stopping_does_not_wait_for_deadlines)
{
    fake_store_add_pending(store, 1, 2, 0);
    start(LONG_DELAY_MS, 100, true);
    push(1, 2);
    cr_assert(fake_store_wait_count(store, ORDER_PROCESSING, 2));
    check_stops_soon();
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 2);
}

Test(processor, stopping_does_not_wait_for_room)
{
    fake_store_add_pending(store, 1, 2, 0);
    push(1, 2);
    start(LONG_DELAY_MS, 1, false);
    cr_assert(fake_store_wait_count(store, ORDER_PROCESSING, 1));
    check_stops_soon();
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
}

Test(processor, stopping_does_not_wait_for_a_database_that_is_away)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 2000, STATUS_UNAVAILABLE);
    push(1, 1);
    start(DELAY_MS, 100, true);
    cr_assert(fake_store_wait_calls(store, FAKE_CONNECT, 2));
    check_stops_soon();
}

Test(processor, stopping_does_not_wait_for_a_queue_that_is_away)
{
    fake_queue_set_away(queue, true);
    start(DELAY_MS, 100, false);
    cr_assert(fake_queue_wait_refused(queue));
    check_stops_soon();
}

Test(processor, stopping_does_not_wait_for_hints)
{
    start(DELAY_MS, 100, false);
    cr_assert(fake_queue_wait_popping(queue));
    check_stops_soon();
    cr_assert_eq(fake_store_calls(store, FAKE_CLAIM), 0);
}

Test(processor, stopping_none_or_one_that_has_just_started_is_allowed)
{
    cr_assert(processor_stop(NULL, 0));
    start(DELAY_MS, 100, false);
    check_stops_soon();
    cr_assert_eq(fake_store_calls(store, FAKE_CLAIM), 0);
}

Test(processor, a_claim_that_finds_the_database_away_is_repeated_with_the_same_ids)
{
    static const enum status faults[] = {STATUS_UNAVAILABLE, STATUS_CONFLICT};
    for (size_t fault = 0; fault < 2; fault++) {
        order_id first = 1 + 10 * fault;
        size_t calls = fake_store_calls(store, FAKE_CLAIM);
        fake_store_fail(store, FAKE_CLAIM, 0, 2, faults[fault]);
        fake_store_add_pending(store, first, 3, 0);
        push(first, 3);
        start(DELAY_MS, 100, false);
        check_completed(3 * (fault + 1));
        stop();
        cr_assert_eq(fake_store_calls(store, FAKE_CLAIM), calls + 3);
        for (size_t i = calls; i < calls + 3; i++) {
            struct fake_call call = fake_store_call(store, FAKE_CLAIM, i);
            cr_assert_eq(call.count, 3);
            cr_assert_eq(call.first, first);
            cr_assert_eq(call.last, first + 2);
        }
    }
}

Test(processor, a_claim_that_is_refused_is_given_up)
{
    fake_store_fail(store, FAKE_CLAIM, 0, 1, STATUS_INVALID);
    fake_store_add_pending(store, 1, 2, 0);
    push(1, 1);
    start(DELAY_MS, 100, false);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM, 1));
    push(2, 1);
    check_completed(1);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
}

Test(processor, a_claim_whose_answer_is_lost_is_completed_by_a_sweep)
{
    fake_store_lose_answers(store, FAKE_CLAIM, 1);
    fake_store_add_pending(store, 1, 1, 0);
    push(1, 1);
    start(DELAY_MS, 100, true);
    check_completed(1);
}

Test(processor, a_completion_that_fails_is_repeated)
{
    fake_store_fail(store, FAKE_COMPLETE, 0, 1, STATUS_UNAVAILABLE);
    fake_store_add_pending(store, 1, 3, 0);
    push(1, 3);
    start(DELAY_MS, 3, false);
    check_completed(3);
    fake_store_fail(store, FAKE_COMPLETE, 0, 1, STATUS_CONFLICT);
    fake_store_add_pending(store, 11, 3, 0);
    push(11, 3);
    check_completed(6);
    cr_assert_eq(fake_store_processing_peak(store), 3);
}

/* Not at the next opportunity, which comes after 20 ms. */
Test(processor, a_completion_that_fails_is_repeated_after_a_pause)
{
    fake_store_fail(store, FAKE_COMPLETE, 0, 2, STATUS_UNAVAILABLE);
    fake_store_add_pending(store, 1, 1, 0);
    push(1, 1);
    start(DELAY_MS, 1, false);
    check_completed(1);
    struct fake_order order;
    cr_assert(fake_store_find(store, 1, &order));
    cr_assert_geq(order.completed_ms - order.started_ms, DELAY_MS + PAUSE_MS);
}

Test(processor, a_completion_whose_answer_is_lost_is_harmless)
{
    fake_store_lose_answers(store, FAKE_COMPLETE, 1);
    fake_store_add_pending(store, 1, 1, 0);
    push(1, 1);
    start(DELAY_MS, 1, false);
    cr_assert(fake_store_wait_calls(store, FAKE_COMPLETE, 2), "it must be tried again");
    fake_store_add_pending(store, 2, 1, 0);
    push(2, 1);
    check_completed(2);
}

Test(processor, a_full_batch_of_deadlines_is_completed_in_several_calls)
{
    fake_store_add_pending(store, 1, 1500, 0);
    push(1, 1000);
    push(1001, 500);
    start(DELAY_MS, 2000, false);
    check_completed(1500);
    cr_assert_geq(fake_store_calls(store, FAKE_COMPLETE), 2);
}

Test(processor, without_recovery_only_hints_are_followed)
{
    fake_store_add_pending(store, 1, 5, 100000);
    fake_store_add_processing(store, 10, 1, -100000);
    start(DELAY_MS, 100, false);
    push(1, 1);
    check_completed(1);
    fake_queue_set_away(queue, true);
    cr_assert(fake_queue_wait_refused(queue));
    stop();
    cr_assert_eq(fake_store_calls(store, FAKE_CLAIM_WAITING), 0);
    cr_assert_eq(fake_store_calls(store, FAKE_OVERDUE), 0);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 4);
}

enum {
    LAG_MS = 30000,
    BACKLOG = 8000, /* 40 s of an endless queue's ids */
    YOUNG = 100000,
};

static bool a_sweep_knows_the_lag(void *arg)
{
    (void)arg;
    size_t calls = fake_store_calls(store, FAKE_CLAIM_WAITING);
    return calls > 0 && fake_store_call(store, FAKE_CLAIM_WAITING, calls - 1).ms >= LAG_MS;
}

Test(processor, the_age_that_counts_as_lost_follows_the_lag_of_the_hints)
{
    fake_store_add_pending(store, YOUNG, 1, 1000); /* its hint is on its way too */
    fake_store_hold(store, FAKE_OVERDUE);
    start(DELAY_MS, 10000, true);
    cr_assert(fake_store_wait_held(store), "the first sweep comes at once");
    fake_store_add_pending(store, 1, BACKLOG, LAG_MS);
    fake_queue_set_endless(queue, 1); /* an empty queue would say that there is no lag */
    fake_store_fail(store, FAKE_CLAIM_WAITING, 0, 1, STATUS_CONFLICT);
    fake_store_release(store, FAKE_OVERDUE);
    cr_assert(wait_until(a_sweep_knows_the_lag, NULL, WAIT_MS));
    stop();
    cr_assert_eq(fake_store_call(store, FAKE_CLAIM_WAITING, 0).ms, 500,
                 "nothing was known of the hints");
    struct fake_order order;
    cr_assert(fake_store_find(store, YOUNG, &order));
    cr_assert_eq(order.status, ORDER_PENDING, "younger than the hints that come up now");
}

static void open_heartbeat(void)
{
    temp_dir_create(&dir);
    snprintf(heartbeat_path, sizeof heartbeat_path, "%s/alive", dir.path);
    heartbeat = heartbeat_open(heartbeat_path);
    cr_assert_not_null(heartbeat);
}

/* The file looks as if it had not been touched for ages. */
static void forget_beats(void)
{
    static const struct timespec ages_ago[2];
    cr_assert_eq(utimensat(AT_FDCWD, heartbeat_path, ages_ago, 0), 0, "%m");
}

static bool has_beaten(void *arg)
{
    struct stat info;
    (void)arg;
    return stat(heartbeat_path, &info) == 0 && info.st_mtim.tv_sec != 0;
}

Test(processor, with_nothing_to_do_it_beats)
{
    open_heartbeat();
    start(DELAY_MS, 100, true);
    for (int i = 0; i < 2; i++) {
        forget_beats();
        cr_assert(wait_until(has_beaten, NULL, WAIT_MS));
    }
}

Test(processor, it_beats_while_transactions_are_lost)
{
    open_heartbeat();
    fake_store_fail(store, FAKE_OVERDUE, 0, 2000, STATUS_CONFLICT);
    fake_store_fail(store, FAKE_CLAIM_WAITING, 0, 2000, STATUS_CONFLICT);
    start(DELAY_MS, 100, true);
    forget_beats();
    cr_assert(wait_until(has_beaten, NULL, WAIT_MS), "the database answers");
}

Test(processor, while_the_database_is_away_it_does_not_beat)
{
    enum { ATTEMPTS = 4 }; /* one a sweep: they take longer than the second between two beats */
    open_heartbeat();
    start(DELAY_MS, 100, true);
    cr_assert(fake_store_wait_calls(store, FAKE_CLAIM_WAITING, 1));
    size_t attempts = fake_store_calls(store, FAKE_CONNECT);
    fake_store_fail(store, FAKE_CONNECT, 0, 2000, STATUS_UNAVAILABLE);
    fake_store_fail(store, FAKE_OVERDUE, 0, 2000, STATUS_UNAVAILABLE);
    cr_assert(fake_store_wait_calls(store, FAKE_CONNECT, attempts + 1));
    forget_beats();
    cr_assert(fake_store_wait_calls(store, FAKE_CONNECT, attempts + ATTEMPTS));
    cr_assert_not(has_beaten(NULL));
    fake_store_fail(store, FAKE_CONNECT, 0, 0, STATUS_OK);
    fake_store_fail(store, FAKE_OVERDUE, 0, 0, STATUS_OK);
    cr_assert(wait_until(has_beaten, NULL, WAIT_MS), "it is back");
}

Test(processor, while_connections_break_in_use_it_does_not_beat)
{
    open_heartbeat();
    fake_store_fail(store, FAKE_OVERDUE, 0, 2000, STATUS_UNAVAILABLE);
    fake_store_fail(store, FAKE_CLAIM_WAITING, 0, 2000, STATUS_UNAVAILABLE);
    forget_beats();
    start(DELAY_MS, 100, true);
    cr_assert(fake_store_wait_calls(store, FAKE_OVERDUE, 4));
    cr_assert_not(has_beaten(NULL));
}

Test(processor, a_stop_does_not_wait_for_a_database_that_hangs)
{
    fake_store_hold(store, FAKE_OVERDUE);
    start(DELAY_MS, 100, true);
    cr_assert(fake_store_wait_held(store));
    cr_assert_not(processor_stop(processor, 1));
    fake_store_release(store, FAKE_OVERDUE);
    stop(); /* what was left goes on by itself */
}

Test(processor, while_it_hangs_in_a_call_it_does_not_beat)
{
    open_heartbeat();
    fake_store_hold(store, FAKE_OVERDUE);
    start(DELAY_MS, 100, true);
    cr_assert(fake_store_wait_held(store));
    forget_beats();
    cr_assert_not(wait_until(has_beaten, NULL, QUIET_MS));
    fake_store_release(store, FAKE_OVERDUE);
    cr_assert(wait_until(has_beaten, NULL, WAIT_MS));
}
