/* SPDX-License-Identifier: MIT */
#include "common/processing/deadline_heap.h"

#include <assert.h>
#include <stdlib.h>

enum status deadline_heap_init(struct deadline_heap *heap, size_t capacity)
{
    assert(capacity >= 1);
    *heap = (struct deadline_heap){.capacity = capacity};
    if (capacity > SIZE_MAX / sizeof *heap->entries) {
        return STATUS_UNAVAILABLE;
    }
    heap->entries = malloc(capacity * sizeof *heap->entries);
    return heap->entries != NULL ? STATUS_OK : STATUS_UNAVAILABLE;
}

void deadline_heap_finish(struct deadline_heap *heap)
{
    free(heap->entries);
    *heap = (struct deadline_heap){0};
}

void deadline_heap_push(struct deadline_heap *heap, struct deadline entry)
{
    assert(heap->count < heap->capacity);
    size_t hole = heap->count++;
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (heap->entries[parent].due_ms <= entry.due_ms) {
            break;
        }
        heap->entries[hole] = heap->entries[parent];
        hole = parent;
    }
    heap->entries[hole] = entry;
}

bool deadline_heap_peek(const struct deadline_heap *heap, struct deadline *entry)
{
    if (heap->count == 0) {
        return false;
    }
    *entry = heap->entries[0];
    return true;
}

bool deadline_heap_pop(struct deadline_heap *heap, struct deadline *entry)
{
    if (!deadline_heap_peek(heap, entry)) {
        return false;
    }
    /* The hole at the top sinks along the earlier children until the last entry fits into it. */
    struct deadline last = heap->entries[--heap->count];
    size_t hole = 0;
    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count &&
            heap->entries[child + 1].due_ms < heap->entries[child].due_ms) {
            child++;
        }
        if (last.due_ms <= heap->entries[child].due_ms) {
            break;
        }
        heap->entries[hole] = heap->entries[child];
        hole = child;
    }
    heap->entries[hole] = last;
    return true;
}
