/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/waiting_limit.h"

#include <assert.h>
#include <stdbool.h>

/* A flush shorter than this part of the goal is no reason to let fewer wait. */
enum { SHORT_PART = 10 };

static size_t lesser(size_t left, size_t right)
{
    return left < right ? left : right;
}

static size_t greater(size_t left, size_t right)
{
    return left > right ? left : right;
}

struct waiting_limit waiting_limit_start(size_t max, uint32_t goal_ms)
{
    return (struct waiting_limit){.count = lesser(WAITING_LIMIT_FIRST, max),
                                  .max = max,
                                  .goal_ms = goal_ms};
}

void waiting_limit_rest(struct waiting_limit *limit, uint64_t now_ms)
{
    if (now_ms - limit->slow_ms < WAITING_LIMIT_MEMORY_MS) {
        return;
    }
    limit->count = greater(limit->count, lesser(WAITING_LIMIT_FIRST, limit->max));
    limit->high_count = 0;
}

/* Clearly fewer tickets than when the limit began to go down, and they took as long. */
static bool costs_the_same(const struct waiting_limit *limit, size_t count, uint64_t took_ms)
{
    return count <= limit->high_count * 4 / 5 && took_ms >= limit->high_ms * 9 / 10;
}

void waiting_limit_learn(struct waiting_limit *limit, size_t count, uint64_t took_ms,
                         uint64_t now_ms)
{
    assert(count >= 1);
    size_t fits = lesser(count * limit->goal_ms / (took_ms > 0 ? took_ms : 1), limit->max);
    size_t least = lesser(WAITING_LIMIT_MIN, limit->max);
    bool says_something = count >= least && took_ms >= limit->goal_ms / SHORT_PART;
    if (says_something && fits < WAITING_LIMIT_FIRST) {
        limit->slow_ms = now_ms;
    }
    if (fits >= limit->count) {
        limit->count = fits;
        limit->high_count = 0;
        return;
    }
    if (!says_something) {
        return;
    }
    if (costs_the_same(limit, count, took_ms)) {
        limit->count = greater(limit->high_count, limit->count);
        limit->high_count = 0;
        return;
    }
    if (limit->high_count == 0) {
        limit->high_count = count;
        limit->high_ms = took_ms;
    }
    limit->count = greater(greater(fits, limit->count / 2), least);
}
