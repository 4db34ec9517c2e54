/* SPDX-License-Identifier: MIT */
#include "common/base/backoff.h"

#include <criterion/criterion.h>

enum { FIRST_MS = 1000, MAX_MS = 6000 };

/* Within the quarter either way that the jitter may change. */
static void expect_about(uint32_t wait_ms, uint32_t base_ms)
{
    cr_assert(wait_ms >= base_ms - base_ms / 4 && wait_ms <= base_ms + base_ms / 4,
              "%u is not about %u", wait_ms, base_ms);
}

Test(backoff, each_wait_is_twice_the_last_up_to_the_limit)
{
    struct backoff backoff = backoff_start(FIRST_MS, MAX_MS);
    expect_about(backoff_take(&backoff), FIRST_MS);
    expect_about(backoff_take(&backoff), 2 * FIRST_MS);
    expect_about(backoff_take(&backoff), 4 * FIRST_MS);
    for (int i = 0; i < 100; i++) {
        expect_about(backoff_take(&backoff), MAX_MS);
    }
}

Test(backoff, a_limit_that_is_reached_exactly_is_kept)
{
    struct backoff backoff = backoff_start(FIRST_MS, 2 * FIRST_MS);
    backoff_take(&backoff);
    expect_about(backoff_take(&backoff), 2 * FIRST_MS);
    expect_about(backoff_take(&backoff), 2 * FIRST_MS);
}

Test(backoff, after_a_success_the_waits_begin_anew)
{
    struct backoff backoff = backoff_start(FIRST_MS, MAX_MS);
    for (int i = 0; i < 5; i++) {
        backoff_take(&backoff);
    }
    backoff_reset(&backoff);
    expect_about(backoff_take(&backoff), FIRST_MS);
    expect_about(backoff_take(&backoff), 2 * FIRST_MS);
}

/* Twenty equal ones of 500 possible: once in 10^53 times. */
Test(backoff, two_processes_do_not_wait_equally_long)
{
    struct backoff one = backoff_start(FIRST_MS, FIRST_MS);
    struct backoff other = backoff_start(FIRST_MS, FIRST_MS);
    int equal = 0;
    for (int i = 0; i < 20; i++) {
        equal += backoff_take(&one) == backoff_take(&other);
    }
    cr_assert_lt(equal, 20);
}
