/* SPDX-License-Identifier: MIT */
#include "common/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

static uint64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_monotonic_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_wall_us(void)
{
    return (int64_t)now_us(CLOCK_REALTIME);
}

static struct timespec duration(uint32_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
}

struct timespec clock_monotonic_after(uint32_t ms)
{
    const struct timespec wait = duration(ms);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += wait.tv_sec;
    at.tv_nsec += wait.tv_nsec;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

uint32_t clock_jitter_ms(uint32_t base_ms)
{
    assert(base_ms <= UINT32_MAX / 2); /* a quarter more still fits */
    uint32_t quarter = base_ms / 4;
    return base_ms - quarter + randombytes_uniform(2 * quarter + 1);
}

void clock_sleep_ms(uint32_t ms)
{
    struct timespec left = duration(ms);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
