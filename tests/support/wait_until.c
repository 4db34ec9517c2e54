/* SPDX-License-Identifier: MIT */
#include "tests/support/wait_until.h"

#include <time.h>

enum { POLL_NS = 3000000 };

uint64_t wait_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool wait_until(bool (*condition)(void *arg), void *arg, uint32_t limit_ms)
{
    uint64_t limit = wait_now_ms() + limit_ms;
    while (!condition(arg)) {
        if (wait_now_ms() >= limit) {
            return condition(arg);
        }
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
    return true;
}
