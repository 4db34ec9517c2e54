/* SPDX-License-Identifier: MIT */
/* The only waiting there is in tests: for something to become true, never for time to pass. */
#ifndef TESTS_SUPPORT_WAIT_UNTIL_H
#define TESTS_SUPPORT_WAIT_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds on CLOCK_MONOTONIC, to measure how long something took. */
uint64_t wait_now_ms(void);

/*
 * Asks `condition(arg)` every few milliseconds until it is true (then true), or until `limit_ms`
 * have passed (then false). It is asked at least once, and once more at the limit.
 */
bool wait_until(bool (*condition)(void *arg), void *arg, uint32_t limit_ms);

#endif
