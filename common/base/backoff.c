/* SPDX-License-Identifier: MIT */
#include "common/base/backoff.h"

#include <assert.h>

#include "common/base/clock.h"

struct backoff backoff_start(uint32_t first_ms, uint32_t max_ms)
{
    assert(first_ms > 0 && first_ms <= max_ms);
    assert(max_ms <= UINT32_MAX / 2); /* it is doubled before it is compared */
    return (struct backoff){.first_ms = first_ms, .max_ms = max_ms, .next_ms = first_ms};
}

uint32_t backoff_take(struct backoff *backoff)
{
    uint32_t wait_ms = backoff->next_ms;
    assert(wait_ms >= backoff->first_ms && wait_ms <= backoff->max_ms); /* it was started */
    backoff->next_ms = wait_ms * 2 > backoff->max_ms ? backoff->max_ms : wait_ms * 2;
    return clock_jitter_ms(wait_ms);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->next_ms = backoff->first_ms;
}
