/* SPDX-License-Identifier: MIT */
/*
 * How many tickets may wait so that none waits for long: about as many as are flushed in `goal_ms`
 * at the measured pace. A fixed number would be seconds of work for a slow database, and far less
 * for a fast one.
 *
 * It learns from each flush, with care, because a flush of many tickets costs little more than one
 * of few:
 * - a faster pace counts at once, since larger flushes do not cost more for each ticket;
 * - a slower pace counts only after a flush of some size that took some time, and the limit goes
 * down at most by half, since it may have been a short disturbance;
 * - where fewer tickets take as long as more did, the cost is that of a flush, and a lower limit
 * would make all wait longer: the limit goes back up;
 * - what was learned in a slow hour is forgotten when nothing waits, but only after a minute, since
 *   the next burst meets the same database.
 *
 * Pure: neither threads nor a clock; `now_ms` is the caller's, any that never goes back.
 */
#ifndef API_SERVICE_PIPELINE_WAITING_LIMIT_H
#define API_SERVICE_PIPELINE_WAITING_LIMIT_H

#include <stddef.h>
#include <stdint.h>

enum {
    WAITING_LIMIT_FIRST = 1000, /* before anything was learned */
    WAITING_LIMIT_MIN = 128,    /* however slow it goes */
    WAITING_LIMIT_MEMORY_MS = 60 * 1000,
};

struct waiting_limit {
    size_t count; /* so many may wait; the only member to read */
    size_t max;
    uint32_t goal_ms;
    /* What was flushed, and how long it took, when it last began to come down; 0: it does not. */
    size_t high_count;
    uint64_t high_ms;
    uint64_t slow_ms; /* when WAITING_LIMIT_FIRST was last seen to be too many */
};

/* Never more than `max`, whatever is learned. */
struct waiting_limit waiting_limit_start(size_t max, uint32_t goal_ms);

/* Nothing waits, and nothing is being flushed. */
void waiting_limit_rest(struct waiting_limit *limit, uint64_t now_ms);

/* `count` (>= 1) were flushed in `took_ms`. */
void waiting_limit_learn(struct waiting_limit *limit, size_t count, uint64_t took_ms,
                         uint64_t now_ms);

#endif
