/* SPDX-License-Identifier: MIT */
/*
 * Orders in Processing, the earliest deadline first: a binary heap in one array of fixed capacity.
 * One thread at a time; nothing blocks; the heap owns its array only.
 */
#ifndef COMMON_PROCESSING_DEADLINE_HEAP_H
#define COMMON_PROCESSING_DEADLINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/order/order.h"

struct deadline {
    uint64_t due_ms; /* on clock_monotonic_ms's time line */
    order_id id;
};

struct deadline_heap {
    struct deadline *entries;
    size_t count;
    size_t capacity;
};

/* Room for `capacity` (>= 1) entries of 16 bytes. STATUS_UNAVAILABLE: no memory. */
MUST_CHECK enum status deadline_heap_init(struct deadline_heap *heap, size_t capacity);
void deadline_heap_finish(struct deadline_heap *heap);

/* The heap must not be full. */
void deadline_heap_push(struct deadline_heap *heap, struct deadline entry);

/* False: empty, `*entry` is left alone. Peek leaves the entry in; pop takes it out. */
bool deadline_heap_peek(const struct deadline_heap *heap, struct deadline *entry);
bool deadline_heap_pop(struct deadline_heap *heap, struct deadline *entry);

#endif
