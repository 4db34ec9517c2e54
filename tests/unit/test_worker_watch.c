/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "api-service/pipeline/worker_watch.h"

enum { DELAY_MS = 2000, BOUND_MS = 10000 + DELAY_MS, START_MS = 1000000 };

static struct stall stall;

static void setup(void)
{
    stall = stall_init(DELAY_MS);
}

TestSuite(stall, .init = setup);

/* Whether it is a stall after a look that shows these counters, `ms` after the first. */
static bool is_stalled_at(uint64_t ms, int64_t created, int64_t started, int64_t completed)
{
    const struct order_counts counts = {.created = created,
                                        .started = started,
                                        .completed = completed};
    stall_look(&stall, &counts, START_MS + ms);
    return stall.is_stalled;
}

Test(stall, orders_that_nobody_starts_are_one_once_the_bound_is_over)
{
    cr_assert_not(is_stalled_at(0, 5, 2, 2));
    cr_assert_not(is_stalled_at(BOUND_MS - 1, 5, 2, 2));
    cr_assert(is_stalled_at(BOUND_MS, 5, 2, 2));
    cr_assert(is_stalled_at(2 * BOUND_MS, 9, 2, 2), "more orders change nothing");
}

Test(stall, an_order_that_came_just_now_is_given_its_time)
{
    cr_assert_not(is_stalled_at(0, 2, 2, 2));
    cr_assert_not(is_stalled_at(100000, 2, 2, 2));
    cr_assert_not(is_stalled_at(100001, 3, 2, 2));
    cr_assert(is_stalled_at(100000 + BOUND_MS, 3, 2, 2));
}

Test(stall, while_orders_are_started_or_completed_there_is_none)
{
    int64_t started = 2;
    int64_t completed = 2;
    for (uint64_t ms = 0; ms < 10 * BOUND_MS; ms += BOUND_MS) {
        cr_assert_not(is_stalled_at(ms, 100, ++started, completed));
    }
    for (uint64_t ms = 10 * BOUND_MS; ms < 20 * BOUND_MS; ms += BOUND_MS) {
        cr_assert_not(is_stalled_at(ms, 100, started, ++completed), "a full worker completes");
    }
}

Test(stall, without_orders_that_wait_there_is_none)
{
    cr_assert_not(is_stalled_at(0, 5, 5, 2));
    cr_assert_not(is_stalled_at(10 * BOUND_MS, 5, 5, 2));
}

Test(stall, it_is_over_with_the_first_move_and_when_nothing_waits)
{
    is_stalled_at(0, 5, 2, 2);
    cr_assert(is_stalled_at(BOUND_MS, 5, 2, 2));
    cr_assert_not(is_stalled_at(BOUND_MS + 1, 5, 3, 2));
    cr_assert_not(is_stalled_at(BOUND_MS + 2, 5, 3, 2));
    cr_assert(is_stalled_at(2 * BOUND_MS + 1, 5, 3, 2));
    cr_assert_not(is_stalled_at(2 * BOUND_MS + 2, 3, 3, 2));
}

Test(stall, time_without_the_database_is_not_the_workers_fault)
{
    is_stalled_at(0, 5, 2, 2);
    stall_forget(&stall, START_MS + BOUND_MS);
    cr_assert_not(is_stalled_at(BOUND_MS, 5, 2, 2));
    cr_assert(is_stalled_at(2 * BOUND_MS, 5, 2, 2));
    stall_forget(&stall, START_MS + 3 * BOUND_MS);
    cr_assert(is_stalled_at(3 * BOUND_MS, 5, 2, 2), "nothing has moved meanwhile");
}
