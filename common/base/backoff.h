/* SPDX-License-Identifier: MIT */
/*
 * How long to wait before the next attempt: each time twice as long, up to a limit, shortened or
 * lengthened at random so that processes do not all try at the same moment. Pure but for the random
 * number; it waits for nothing.
 */
#ifndef COMMON_BASE_BACKOFF_H
#define COMMON_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t first_ms;
    uint32_t max_ms;
    uint32_t next_ms; /* before the jitter */
};

struct backoff backoff_start(uint32_t first_ms, uint32_t max_ms);

/* The wait before the next attempt, in milliseconds; the one after that is twice as long. */
uint32_t backoff_take(struct backoff *backoff);

/* An attempt has succeeded. */
void backoff_reset(struct backoff *backoff);

#endif
