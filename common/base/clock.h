/* SPDX-License-Identifier: MIT */
/*
 * The host's clocks. Deadlines inside a process use the monotonic one; rows use the database's.
 *
 * Blocks: clock_sleep_ms only. Threads: any. Owns: nothing.
 */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

uint64_t clock_monotonic_ms(void);

/* Microseconds since the epoch, UTC. SQLite has no finer clock of its own, so its rows use this
 * one. */
int64_t clock_wall_us(void);

/* A point `ms` from now on CLOCK_MONOTONIC, for pthread_cond_timedwait. */
struct timespec clock_monotonic_after(uint32_t ms);

/* `base_ms` shortened or lengthened at random by up to a quarter, so that processes do not all act
 * at the same moment. */
uint32_t clock_jitter_ms(uint32_t base_ms);

/*
 * Blocks the calling thread for `ms`, and never for less: a signal handler that interrupts the
 * sleep (EINTR) does not shorten it. So only for short waits that nobody has to end early; a wait
 * that a stop must end is one on a condition, or on thread_wait_for_stop_signal.
 */
void clock_sleep_ms(uint32_t ms);

#endif
