/* SPDX-License-Identifier: MIT */
#include "common/base/clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/time.h>

enum {
    SLEEP_MS = 50,
    TICK_MS = 5, /* between two interruptions */
};

static volatile sig_atomic_t ticks;

static void count_tick(int signal_number)
{
    (void)signal_number;
    ticks++;
}

Test(clock, a_sleep_is_not_shorter_than_asked, .timeout = 60)
{
    uint64_t start_ms = clock_monotonic_ms();
    clock_sleep_ms(SLEEP_MS);
    cr_assert_geq(clock_monotonic_ms() - start_ms, SLEEP_MS);
}

Test(clock, a_signal_handler_does_not_shorten_a_sleep, .timeout = 60)
{
    const struct sigaction action = {.sa_handler = count_tick}; /* no SA_RESTART */
    const struct itimerval every_tick = {.it_interval.tv_usec = TICK_MS * 1000,
                                         .it_value.tv_usec = TICK_MS * 1000};
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &every_tick, NULL), 0);
    uint64_t start_ms = clock_monotonic_ms();
    clock_sleep_ms(SLEEP_MS);
    cr_assert_geq(clock_monotonic_ms() - start_ms, SLEEP_MS);
    cr_assert_gt(ticks, 0);
}

Test(clock, a_jitter_is_at_most_a_quarter_either_way)
{
    for (int i = 0; i < 1000; i++) {
        uint32_t ms = clock_jitter_ms(1000);
        cr_assert(ms >= 750 && ms <= 1250, "%u", ms);
    }
    cr_assert_eq(clock_jitter_ms(0), 0);
}

Test(clock, a_point_in_the_future_carries_into_the_seconds)
{
    for (uint32_t ms = 0; ms < 3000; ms += 7) {
        uint64_t before_ms = clock_monotonic_ms();
        struct timespec at = clock_monotonic_after(ms);
        uint64_t after_ms = clock_monotonic_ms();
        uint64_t at_ms = (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
        cr_assert(at.tv_nsec >= 0 && at.tv_nsec < 1000000000, "%ld", at.tv_nsec);
        cr_assert(at_ms >= before_ms + ms && at_ms <= after_ms + ms);
    }
}
