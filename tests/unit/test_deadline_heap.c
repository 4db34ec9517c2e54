/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/processing/deadline_heap.h"

static struct deadline_heap make_heap(size_t capacity)
{
    struct deadline_heap heap;
    cr_assert_eq(deadline_heap_init(&heap, capacity), STATUS_OK);
    return heap;
}

Test(deadline_heap, an_empty_heap_gives_nothing)
{
    struct deadline_heap heap = make_heap(1);
    struct deadline entry = {.due_ms = 5, .id = 6};
    cr_assert_not(deadline_heap_peek(&heap, &entry));
    cr_assert_not(deadline_heap_pop(&heap, &entry));
    cr_assert_eq(entry.due_ms, 5, "the entry must be left alone");
    cr_assert_eq(entry.id, 6);
    deadline_heap_finish(&heap);
}

Test(deadline_heap, peek_leaves_the_entry_and_pop_takes_it)
{
    struct deadline_heap heap = make_heap(2);
    struct deadline entry = {0};
    deadline_heap_push(&heap, (struct deadline){.due_ms = 20, .id = 2});
    deadline_heap_push(&heap, (struct deadline){.due_ms = 10, .id = 1});
    cr_assert(deadline_heap_peek(&heap, &entry));
    cr_assert_eq(entry.id, 1);
    cr_assert_eq(heap.count, 2);
    cr_assert(deadline_heap_pop(&heap, &entry));
    cr_assert_eq(entry.id, 1);
    cr_assert_eq(heap.count, 1);
    cr_assert(deadline_heap_pop(&heap, &entry));
    cr_assert_eq(entry.id, 2);
    cr_assert_not(deadline_heap_pop(&heap, &entry));
    deadline_heap_finish(&heap);
}

Test(deadline_heap, deadlines_beyond_32_bits_keep_their_order)
{
    static const uint64_t due[] = {UINT64_MAX, 0, UINT64_C(1) << 32, 1, UINT64_MAX - 1};
    static const uint64_t sorted[] = {0, 1, UINT64_C(1) << 32, UINT64_MAX - 1, UINT64_MAX};
    struct deadline_heap heap = make_heap(5);
    for (size_t i = 0; i < 5; i++) {
        deadline_heap_push(&heap, (struct deadline){.due_ms = due[i], .id = i + 1});
    }
    for (size_t i = 0; i < 5; i++) {
        struct deadline entry;
        cr_assert(deadline_heap_pop(&heap, &entry));
        cr_assert_eq(entry.due_ms, sorted[i]);
    }
    deadline_heap_finish(&heap);
}

Test(deadline_heap, every_entry_of_equal_deadlines_comes_out_once)
{
    enum { COUNT = 100 };
    struct deadline_heap heap = make_heap(COUNT);
    bool seen[COUNT] = {false};
    for (order_id id = 0; id < COUNT; id++) {
        deadline_heap_push(&heap, (struct deadline){.due_ms = 7, .id = id});
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct deadline entry;
        cr_assert(deadline_heap_pop(&heap, &entry));
        cr_assert_lt(entry.id, COUNT);
        cr_assert_not(seen[entry.id], "id %" PRIu64 " came out twice", entry.id);
        seen[entry.id] = true;
    }
    cr_assert_eq(heap.count, 0);
    deadline_heap_finish(&heap);
}

Test(deadline_heap, more_than_memory_can_hold_is_unavailable)
{
    struct deadline_heap heap;
    cr_assert_eq(deadline_heap_init(&heap, SIZE_MAX / 2), STATUS_UNAVAILABLE);
    deadline_heap_finish(&heap);
    cr_assert_null(heap.entries);
}

/* The reference: an array that is kept sorted, the latest deadline first. */
enum { REFERENCE_MAX = 500 };

static struct deadline reference[REFERENCE_MAX];
static size_t reference_count;

static void reference_push(struct deadline entry)
{
    size_t at = reference_count++;
    while (at > 0 && reference[at - 1].due_ms < entry.due_ms) {
        reference[at] = reference[at - 1];
        at--;
    }
    reference[at] = entry;
}

/* Takes `entry` out; false when there is none such with the earliest deadline. */
static bool reference_take(struct deadline entry)
{
    uint64_t earliest = reference[reference_count - 1].due_ms;
    for (size_t at = reference_count; at > 0 && reference[at - 1].due_ms == earliest; at--) {
        if (reference[at - 1].id == entry.id && entry.due_ms == earliest) {
            reference_count--;
            for (size_t i = at - 1; i < reference_count; i++) {
                reference[i] = reference[i + 1];
            }
            return true;
        }
    }
    return false;
}

Test(deadline_heap, random_pushes_and_pops_agree_with_a_sorted_array)
{
    const unsigned seed = 20817;
    unsigned state = seed;
    struct deadline_heap heap = make_heap(REFERENCE_MAX);
    for (order_id step = 1; step <= 50000; step++) {
        /* Runs of mostly pushes and mostly pops, so that the heap is full and empty at times. */
        bool push = rand_r(&state) % 4 != 0;
        push = (step / 1000) % 2 == 0 ? push : !push;
        if (push && heap.count < heap.capacity) {
            struct deadline entry = {.due_ms = (uint64_t)(rand_r(&state) % 300), .id = step};
            deadline_heap_push(&heap, entry);
            reference_push(entry);
        } else {
            struct deadline peeked = {0};
            struct deadline popped = {0};
            bool any = deadline_heap_peek(&heap, &peeked);
            cr_assert_eq(any, reference_count > 0, "seed %u step %" PRIu64, seed, step);
            cr_assert_eq(deadline_heap_pop(&heap, &popped), any);
            cr_assert_eq(peeked.id, popped.id, "seed %u step %" PRIu64, seed, step);
            cr_assert(!any || reference_take(popped), "seed %u step %" PRIu64, seed, step);
        }
        cr_assert_eq(heap.count, reference_count, "seed %u step %" PRIu64, seed, step);
    }
    deadline_heap_finish(&heap);
}
