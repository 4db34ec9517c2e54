/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "api-service/pipeline/waiting_limit.h"

enum { MAX = 8000, GOAL_MS = 300, NOW_MS = 1000000 };

static struct waiting_limit limit;

static void start(void)
{
    limit = waiting_limit_start(MAX, GOAL_MS);
}

TestSuite(waiting_limit, .init = start);

static void learn_often(size_t count, uint64_t took_ms)
{
    for (int i = 0; i < 20; i++) {
        waiting_limit_learn(&limit, count, took_ms, NOW_MS);
    }
}

Test(waiting_limit, starts_in_the_middle_and_never_above_its_maximum)
{
    cr_assert_eq(limit.count, WAITING_LIMIT_FIRST);
    cr_assert_eq(waiting_limit_start(2, GOAL_MS).count, 2);
}

Test(waiting_limit, believes_a_faster_pace_at_once)
{
    waiting_limit_learn(&limit, 100, 10, NOW_MS);
    cr_assert_eq(limit.count, 3000);
    waiting_limit_learn(&limit, 1000, 10, NOW_MS);
    cr_assert_eq(limit.count, MAX);
    waiting_limit_learn(&limit, 1000, 0, NOW_MS);
    cr_assert_eq(limit.count, MAX);
}

Test(waiting_limit, comes_down_to_a_slower_pace_by_halves)
{
    waiting_limit_learn(&limit, 1000, 10, NOW_MS);
    waiting_limit_learn(&limit, 1000, 500, NOW_MS);
    cr_assert_eq(limit.count, MAX / 2);
    waiting_limit_learn(&limit, 1000, 500, NOW_MS);
    cr_assert_eq(limit.count, MAX / 4);
    learn_often(1000, 500);
    cr_assert_eq(limit.count, 600);
}

Test(waiting_limit, is_let_alone_by_a_few_that_take_long)
{
    learn_often(WAITING_LIMIT_MIN - 1, 4000);
    cr_assert_eq(limit.count, WAITING_LIMIT_FIRST);
}

Test(waiting_limit, is_let_alone_by_a_flush_that_is_short_all_the_same)
{
    learn_often(200, GOAL_MS / 10 - 1);
    cr_assert_geq(limit.count, WAITING_LIMIT_FIRST);
    waiting_limit_learn(&limit, 1000, 10, NOW_MS);
    learn_often(200, GOAL_MS / 10 - 1);
    cr_assert_eq(limit.count, MAX);
}

Test(waiting_limit, has_a_least_for_a_database_that_stands_still)
{
    learn_often(1000, 5000);
    cr_assert_eq(limit.count, WAITING_LIMIT_MIN);
}

/* A disk that takes 350 ms for a commit, whatever is in it. */
Test(waiting_limit, does_not_come_down_where_fewer_take_as_long)
{
    size_t least = limit.count;
    for (int i = 0; i < 100; i++) {
        waiting_limit_learn(&limit, limit.count < 1000 ? limit.count : 1000, GOAL_MS + 50, NOW_MS);
        least = limit.count < least ? limit.count : least;
    }
    cr_assert_geq(least, WAITING_LIMIT_FIRST / 2);
}

Test(waiting_limit, forgets_a_slow_hour_in_a_rest_but_not_at_once)
{
    learn_often(1000, 5000);
    waiting_limit_rest(&limit, NOW_MS + WAITING_LIMIT_MEMORY_MS - 1);
    cr_assert_eq(limit.count, WAITING_LIMIT_MIN);
    waiting_limit_rest(&limit, NOW_MS + WAITING_LIMIT_MEMORY_MS);
    cr_assert_eq(limit.count, WAITING_LIMIT_FIRST);
}

Test(waiting_limit, does_not_forget_what_was_learned_of_a_fast_one)
{
    waiting_limit_learn(&limit, 1000, 10, NOW_MS);
    waiting_limit_rest(&limit, NOW_MS + WAITING_LIMIT_MEMORY_MS);
    cr_assert_eq(limit.count, MAX);
}

/* That the limit fits the pace is no news, but it says that more would be too many. */
Test(waiting_limit, remembers_a_pace_that_it_fits)
{
    learn_often(600, GOAL_MS);
    waiting_limit_learn(&limit, 600, GOAL_MS, NOW_MS + WAITING_LIMIT_MEMORY_MS);
    waiting_limit_rest(&limit, NOW_MS + WAITING_LIMIT_MEMORY_MS + 1);
    cr_assert_eq(limit.count, 600);
}

/* Each flush costs 20 ms and the number does not matter: few orders must not keep it down. */
Test(waiting_limit, grows_with_the_load_where_each_flush_costs_the_same)
{
    learn_often(WAITING_LIMIT_MIN, 100);
    size_t down = limit.count;
    waiting_limit_learn(&limit, down, 20, NOW_MS);
    cr_assert_gt(limit.count, 10 * down);
}
