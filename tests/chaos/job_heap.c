/* SPDX-License-Identifier: MIT */
#include "tests/chaos/job_heap.h"

#include <assert.h>
#include <stdlib.h>

enum { ROOM_FIRST = 1024 };

static void swap(struct job *left, struct job *right)
{
    struct job kept = *left;
    *left = *right;
    *right = kept;
}

bool job_heap_push(struct job_heap *heap, const struct job *job)
{
    if (heap->count == heap->room) {
        size_t room = heap->room == 0 ? ROOM_FIRST : 2 * heap->room;
        struct job *jobs = reallocarray(heap->jobs, room, sizeof jobs[0]);
        if (jobs == NULL) {
            return false;
        }
        heap->jobs = jobs;
        heap->room = room;
    }
    size_t at = heap->count++;
    heap->jobs[at] = *job;
    for (; at > 0 && heap->jobs[at].at_ms < heap->jobs[(at - 1) / 2].at_ms; at = (at - 1) / 2) {
        swap(&heap->jobs[at], &heap->jobs[(at - 1) / 2]);
    }
    return true;
}

const struct job *job_heap_peek(const struct job_heap *heap)
{
    return heap->count > 0 ? &heap->jobs[0] : NULL;
}

void job_heap_pop(struct job_heap *heap, struct job *job)
{
    assert(heap->count > 0);
    *job = heap->jobs[0];
    heap->jobs[0] = heap->jobs[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++) {
            first = heap->jobs[child].at_ms < heap->jobs[first].at_ms ? child : first;
        }
        if (first == at) {
            return;
        }
        swap(&heap->jobs[at], &heap->jobs[first]);
        at = first;
    }
}

void job_heap_finish(struct job_heap *heap)
{
    free(heap->jobs);
    *heap = (struct job_heap){0};
}
