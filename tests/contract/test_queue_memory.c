/* SPDX-License-Identifier: MIT */
/* What is special about the ring in this process: it can be full, and threads share it. */
#include <stdatomic.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/queue/queue.h"

enum { SHARED_COUNT = 20000, SHARED_BATCH = 10, THREADS = 2 };

struct shared {
    struct queue *queue;
    _Atomic order_id next;
    _Atomic int seen[SHARED_COUNT + 1];
    _Atomic size_t popped;
    _Atomic size_t failures;
};

TestSuite(queue_memory, .timeout = 60);

static size_t pop_all(struct queue *queue, order_id ids[], size_t max)
{
    size_t got = 0;
    return queue_pop(queue, ids, max, 0, &got) == STATUS_OK ? got : 0;
}

Test(queue_memory, a_full_ring_refuses_and_keeps_what_fitted)
{
    struct queue *queue = queue_open_memory(8);
    const order_id ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    order_id out[20] = {0};
    cr_assert_eq(queue_push(queue, ids, 10), STATUS_UNAVAILABLE);
    cr_assert_eq(pop_all(queue, out, 20), 8);
    cr_assert_eq(out[0], 1);
    cr_assert_eq(out[7], 8);
    queue_close(queue);
}

Test(queue_memory, a_ring_that_was_full_takes_ids_again)
{
    struct queue *queue = queue_open_memory(8);
    const order_id ids[] = {1, 2, 3, 4, 5, 6, 7, 8};
    order_id out[8] = {0};
    cr_assert_eq(queue_push(queue, ids, 8), STATUS_OK, "8 fit into 8");
    cr_assert_eq(queue_push(queue, ids, 1), STATUS_UNAVAILABLE);
    cr_assert_eq(pop_all(queue, out, 3), 3);
    cr_assert_eq(queue_push(queue, ids, 3), STATUS_OK);
    cr_assert_eq(pop_all(queue, out, 8), 8);
    const order_id expected[] = {4, 5, 6, 7, 8, 1, 2, 3};
    cr_assert_arr_eq(out, expected, sizeof expected);
    queue_close(queue);
}

Test(queue_memory, a_ring_of_one_works)
{
    struct queue *queue = queue_open_memory(1);
    for (order_id id = 1; id <= 100; id++) {
        order_id out[4] = {0};
        cr_assert_eq(queue_push(queue, &id, 1), STATUS_OK);
        cr_assert_eq(pop_all(queue, out, 4), 1);
        cr_assert_eq(out[0], id);
    }
    queue_close(queue);
}

static void *push_many(void *arg)
{
    struct shared *shared = arg;
    order_id ids[SHARED_BATCH];
    for (;;) {
        order_id first = atomic_fetch_add(&shared->next, SHARED_BATCH);
        if (first > SHARED_COUNT) {
            return NULL;
        }
        for (size_t i = 0; i < SHARED_BATCH; i++) {
            ids[i] = first + i;
        }
        if (queue_push(shared->queue, ids, SHARED_BATCH) != STATUS_OK) {
            atomic_fetch_add(&shared->failures, 1);
        }
    }
}

static void *pop_many(void *arg)
{
    struct shared *shared = arg;
    while (atomic_load(&shared->popped) < SHARED_COUNT) {
        order_id ids[64];
        size_t got = 0;
        if (queue_pop(shared->queue, ids, 64, 20, &got) != STATUS_OK) {
            continue;
        }
        for (size_t i = 0; i < got; i++) {
            atomic_fetch_add(&shared->seen[ids[i]], 1);
        }
        atomic_fetch_add(&shared->popped, got);
    }
    return NULL;
}

Test(queue_memory, threads_that_share_it_see_every_id_once)
{
    struct shared *shared = calloc(1, sizeof *shared);
    pthread_t threads[2 * THREADS];
    cr_assert_not_null(shared);
    shared->queue = queue_open_memory(SHARED_COUNT);
    shared->next = 1;
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = thread_start("popper", pop_many, shared);
        threads[THREADS + i] = thread_start("pusher", push_many, shared);
    }
    for (size_t i = 0; i < 2 * THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(shared->failures, 0);
    for (size_t id = 1; id <= SHARED_COUNT; id++) {
        cr_assert_eq(shared->seen[id], 1, "id %zu came %d times", id, shared->seen[id]);
    }
    queue_close(shared->queue);
    free(shared);
}
