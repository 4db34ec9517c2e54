/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "common/base/clock.h"
#include "common/processing/recovery.h"
#include "tests/support/captured_log.h"
#include "tests/unit/fake_store.h"

enum {
    DELAY_MS = 2000,
    OVERDUE_GRACE_MS = 250,
};

static struct store *store;
static struct recovery recovery;
static order_id ids[STORE_BATCH_MAX];

static void setup(void)
{
    store = fake_store_create();
    recovery_init(&recovery);
}

static void teardown(void)
{
    store_destroy(store);
}

TestSuite(recovery, .init = setup, .fini = teardown);

static size_t sweep(enum hint_flow flow, size_t room)
{
    struct recovery_sweep sweep = {.flow = flow, .delay_ms = DELAY_MS, .max = room, .ids = ids};
    recovery_sweep(&recovery, store, &sweep);
    return sweep.count;
}

/* Sweeps, and checks when the next sweep is due: in `interval_ms`, give or take a quarter. */
static void check_interval(enum hint_flow flow, size_t room, uint64_t interval_ms)
{
    uint64_t before_ms = clock_monotonic_ms();
    sweep(flow, room);
    cr_assert_geq(recovery.sweep_at_ms, before_ms + interval_ms - interval_ms / 4);
    cr_assert_leq(recovery.sweep_at_ms, clock_monotonic_ms() + interval_ms + interval_ms / 4);
}

static uint32_t last_age_asked(void)
{
    size_t calls = fake_store_calls(store, FAKE_CLAIM_WAITING);
    cr_assert_gt(calls, 0);
    return fake_store_call(store, FAKE_CLAIM_WAITING, calls - 1).ms;
}

Test(recovery, the_first_sweep_is_due_at_once)
{
    cr_assert_leq(recovery.sweep_at_ms, clock_monotonic_ms());
    cr_assert_eq(recovery.lag_ms, 0);
}

Test(recovery, an_order_overdue_by_the_grace_is_completed)
{
    fake_store_add_processing(store, 1, 1, -OVERDUE_GRACE_MS);
    cr_assert_eq(sweep(HINTS_EMPTY, 10), 0, "it is not claimed");
    cr_assert_eq(fake_store_count(store, ORDER_COMPLETED), 1);
}

Test(recovery, an_order_that_is_due_is_left_to_its_worker_for_the_grace)
{
    fake_store_add_processing(store, 1, 1, 0);
    fake_store_add_processing(store, 2, 1, 60000);
    sweep(HINTS_EMPTY, 10);
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 2);
    cr_assert_eq(fake_store_call(store, FAKE_OVERDUE, 0).ms, OVERDUE_GRACE_MS);
    fake_store_advance(store, OVERDUE_GRACE_MS);
    sweep(HINTS_EMPTY, 10);
    cr_assert_eq(fake_store_count(store, ORDER_COMPLETED), 1);
}

Test(recovery, one_sweep_completes_more_than_one_batch)
{
    fake_store_add_processing(store, 1, STORE_BATCH_MAX + 500, -1000);
    sweep(HINTS_EMPTY, 10);
    cr_assert_eq(fake_store_count(store, ORDER_COMPLETED), STORE_BATCH_MAX + 500);
}

Test(recovery, an_order_without_a_hint_is_claimed)
{
    fake_store_add_pending(store, 7, 1, 1000);
    cr_assert_eq(sweep(HINTS_EMPTY, 10), 1);
    cr_assert_eq(ids[0], 7);
    struct fake_order order;
    cr_assert(fake_store_find(store, 7, &order));
    cr_assert_eq(order.status, ORDER_PROCESSING);
    cr_assert_eq(order.due_ms, order.started_ms + DELAY_MS);
}

Test(recovery, while_no_hints_come_a_short_grace_is_enough)
{
    recovery.lag_ms = 60000; /* of hints that came before */
    sweep(HINTS_EMPTY, 10);
    cr_assert_eq(last_age_asked(), 500);
}

Test(recovery, while_hints_come_only_what_is_older_than_they_are_is_claimed)
{
    fake_store_add_pending(store, 1, 1, 5000);
    recovery.lag_ms = 7000;
    cr_assert_eq(sweep(HINTS_COME, 10), 0, "its hint is still in the queue");
    cr_assert_eq(last_age_asked(), 8000);
    recovery.lag_ms = 3000;
    cr_assert_eq(sweep(HINTS_COME, 10), 1);
    cr_assert_eq(last_age_asked(), 4000);
    recovery.lag_ms = UINT64_MAX - 5000;
    sweep(HINTS_COME, 10);
    cr_assert_eq(last_age_asked(), UINT32_MAX);
}

Test(recovery, while_the_queue_is_away_everything_is_claimed_at_once)
{
    fake_store_add_pending(store, 1, 3, 0);
    recovery.lag_ms = 60000;
    cr_assert_eq(sweep(HINTS_AWAY, 10), 3);
    cr_assert_eq(last_age_asked(), 0);
}

Test(recovery, no_more_is_claimed_than_there_is_room_for)
{
    fake_store_add_pending(store, 1, 10, 1000);
    cr_assert_eq(sweep(HINTS_EMPTY, 4), 4);
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 4);
}

Test(recovery, without_room_nothing_is_claimed_but_the_overdue_are_completed)
{
    fake_store_add_pending(store, 1, 1, 1000);
    fake_store_add_processing(store, 2, 1, -1000);
    cr_assert_eq(sweep(HINTS_AWAY, 0), 0);
    cr_assert_eq(fake_store_calls(store, FAKE_CLAIM_WAITING), 0);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
    cr_assert_eq(fake_store_count(store, ORDER_COMPLETED), 1);
}

Test(recovery, when_nothing_is_under_way_sweeps_are_rare)
{
    check_interval(HINTS_EMPTY, 10, 1000);
    check_interval(HINTS_COME, 10, 1000);
}

Test(recovery, while_something_is_processing_sweeps_are_frequent)
{
    fake_store_add_processing(store, 1, 1, 60000);
    check_interval(HINTS_EMPTY, 10, 500);
}

Test(recovery, what_was_claimed_is_soon_looked_after)
{
    fake_store_add_pending(store, 1, 1, 1000);
    check_interval(HINTS_EMPTY, 10, 500);
}

Test(recovery, while_the_queue_is_away_sweeps_take_the_place_of_hints)
{
    check_interval(HINTS_AWAY, 10, 100);
}

Test(recovery, as_long_as_there_is_more_the_next_sweep_follows)
{
    fake_store_add_pending(store, 1, 20, 1000);
    check_interval(HINTS_EMPTY, 10, 5);
    check_interval(HINTS_AWAY, 10, 5);
    check_interval(HINTS_EMPTY, 10, 500);
    check_interval(HINTS_AWAY, 0, 100);
}

Test(recovery, a_database_that_is_away_is_left_to_the_next_sweep)
{
    fake_store_add_pending(store, 1, 1, 1000);
    fake_store_fail(store, FAKE_CONNECT, 0, 1, STATUS_UNAVAILABLE);
    check_interval(HINTS_EMPTY, 10, 1000);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
    recovery_init(&recovery);
    while (sweep(HINTS_EMPTY, 10) == 0) {
        cr_assert_leq(fake_store_calls(store, FAKE_CONNECT), 2);
    }
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 1);
}

Test(recovery, a_claim_that_failed_has_claimed_nothing)
{
    fake_store_add_pending(store, 1, 1, 1000);
    fake_store_lose_answers(store, FAKE_CLAIM_WAITING, 1);
    cr_assert_eq(sweep(HINTS_EMPTY, 10), 0, "what it did is unknown");
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 1, "its own deadline completes it");
}

Test(recovery, overdue_orders_that_cannot_be_read_do_not_stop_the_claims)
{
    fake_store_add_pending(store, 1, 1, 1000);
    fake_store_fail(store, FAKE_OVERDUE, 0, 1, STATUS_CONFLICT);
    cr_assert_eq(sweep(HINTS_EMPTY, 10), 1);
}

Test(recovery, overdue_orders_that_cannot_be_completed_are_left_to_the_next_sweep)
{
    fake_store_add_processing(store, 1, 1, -1000);
    fake_store_fail(store, FAKE_COMPLETE, 0, 1, STATUS_CONFLICT);
    check_interval(HINTS_EMPTY, 10, 500);
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 1);
    sweep(HINTS_EMPTY, 10);
    cr_assert_eq(fake_store_count(store, ORDER_COMPLETED), 1);
}

/* A worker that died with more than one sweep completes: they must not wait for the next interval.
 */
Test(recovery, when_more_are_overdue_than_one_sweep_completes_the_next_is_due_at_once)
{
    fake_store_add_processing(store, 1, 12 * STORE_BATCH_MAX, -1000);
    check_interval(HINTS_COME, 0, 5);
    sweep(HINTS_COME, 0);
    cr_assert_eq(fake_store_count(store, ORDER_PROCESSING), 0);
}

/* The next two are too soon after the first for a line; those of the last have no hints to miss. */
static void recover_four_times(void)
{
    enum { OLD_MS = 600000, ROOM = 100 };
    fake_store_add_processing(store, 1, 2, -OLD_MS);
    fake_store_add_pending(store, 11, 3, OLD_MS);
    sweep(HINTS_EMPTY, ROOM);
    fake_store_add_pending(store, 21, 1, OLD_MS);
    sweep(HINTS_EMPTY, ROOM);
    fake_store_add_pending(store, 22, 1, OLD_MS);
    sweep(HINTS_EMPTY, ROOM);
    recovery.log_at_ms = 0;
    fake_store_add_pending(store, 31, 5, OLD_MS);
    sweep(HINTS_AWAY, ROOM);
}

Test(recovery, what_was_recovered_is_logged_once)
{
    const char *log = captured_log(recover_four_times);
    cr_assert_eq(captured_log_count(log, "completed_overdue=2 claimed_without_hint=3\n"), 1, "%s",
                 log);
    cr_assert_eq(captured_log_count(log, "completed_overdue=0 claimed_without_hint=2\n"), 1, "%s",
                 log);
    cr_assert_eq(captured_log_count(log, "level=info msg=\"recovered orders\""), 2, "%s", log);
    cr_assert_eq(captured_log_count(log, "\n"), 2, "%s", log);
}
