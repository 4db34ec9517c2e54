/* SPDX-License-Identifier: MIT */
/*
 * The contract of common/queue/queue.h, the same for every backend; ORDERS_CONTRACT_BACKEND names
 * the backend of a run.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/queue/queue.h"
#include "common/url/database_url.h"
#include "tests/support/old_redis.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

enum {
    CAPACITY = 4 * QUEUE_BATCH_MAX,
    LONG_WAIT_MS = 20000, /* a wait that must end early */
    EARLY_MS = 8000,      /* an early end comes within this, also on a busy machine */
};

static struct redis_server redis;
static struct old_redis *old; /* before it; NULL: nothing is */
static struct queue *queue;
static bool is_redis;

/* Another user of the same queue: for a Redis list, a second connection. */
static struct queue *open_queue(void)
{
    if (!is_redis) {
        return queue_open_memory(CAPACITY);
    }
    struct redis_url url = {.host = "127.0.0.1",
                            .port = old != NULL ? old_redis_port(old) : redis.port};
    return queue_open_redis(&url, "orders:pending");
}

static void start(void)
{
    const char *backend = getenv("ORDERS_CONTRACT_BACKEND");
    cr_assert_not_null(backend, "ORDERS_CONTRACT_BACKEND is not set: memory, redis or redis_old");
    bool is_old = strcmp(backend, "redis_old") == 0;
    is_redis = is_old || strcmp(backend, "redis") == 0;
    cr_assert(is_redis || strcmp(backend, "memory") == 0, "no backend is called %s", backend);
    if (is_redis) {
        redis_server_start(&redis);
    }
    old = is_old ? old_redis_start(redis.port) : NULL;
    queue = open_queue();
}

static void finish(void)
{
    queue_close(queue);
    old_redis_stop(old);
    redis_server_discard(&redis);
}

TestSuite(queue, .init = start, .fini = finish, .timeout = 60);

static void push(const order_id ids[], size_t count)
{
    enum status status = queue_push(queue, ids, count);
    cr_assert_eq(status, STATUS_OK, "push: %s", status_name(status));
}

/* Pushes the `count` ids from `first` on. */
static void push_range(order_id first, size_t count)
{
    order_id ids[QUEUE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ids[i] = first + i;
    }
    push(ids, count);
}

/* Pops until `count` ids have come and asserts that they are those from `first` on, in order. */
static void expect_range(order_id first, size_t count)
{
    size_t seen = 0;
    while (seen < count) {
        order_id ids[QUEUE_BATCH_MAX];
        size_t got = 0;
        enum status status = queue_pop(queue, ids, QUEUE_BATCH_MAX, 1000, &got);
        cr_assert_eq(status, STATUS_OK, "%zu of %zu came, then %s", seen, count,
                     status_name(status));
        for (size_t i = 0; i < got; i++, seen++) {
            cr_assert_eq(ids[i], first + seen, "%" PRIu64 " came as number %zu", ids[i], seen);
        }
    }
    cr_assert_eq(seen, count);
}

static void expect_empty(void)
{
    order_id ids[10];
    size_t got = 0;
    cr_assert_eq(queue_pop(queue, ids, 10, 0, &got), STATUS_TIMEOUT);
}

Test(queue, gives_ids_back_in_the_order_they_were_pushed)
{
    push_range(1, 3);
    push_range(4, 1);
    push_range(5, 200);
    expect_range(1, 204);
    expect_empty();
}

Test(queue, keeps_the_order_over_many_pushes_and_pops)
{
    for (order_id round = 0; round < 10; round++) {
        push_range(1 + round * 1500, QUEUE_BATCH_MAX);
        push_range(1 + round * 1500 + QUEUE_BATCH_MAX, 500);
        expect_range(1 + round * 1500, 1500);
    }
}

Test(queue, carries_the_smallest_and_the_largest_id)
{
    order_id ids[2] = {1, ORDER_ID_MAX};
    size_t got = 0;
    push(ids, 2);
    memset(ids, 0, sizeof ids);
    cr_assert_eq(queue_pop(queue, ids, 2, 1000, &got), STATUS_OK);
    if (got == 1) {
        cr_assert_eq(queue_pop(queue, ids + 1, 1, 1000, &got), STATUS_OK);
    }
    cr_assert_eq(ids[0], 1);
    cr_assert_eq(ids[1], ORDER_ID_MAX);
}

Test(queue, carries_an_id_twice_when_it_was_pushed_twice)
{
    const order_id ids[] = {7, 7};
    order_id out[2] = {0};
    size_t got = 0;
    push(ids, 1);
    push(ids, 1);
    cr_assert_eq(queue_pop(queue, out, 1, 1000, &got), STATUS_OK);
    cr_assert_eq(queue_pop(queue, out + 1, 1, 1000, &got), STATUS_OK);
    cr_assert_eq(out[0], 7);
    cr_assert_eq(out[1], 7);
}

Test(queue, pop_takes_no_more_than_its_limit)
{
    push_range(1, 10);
    size_t seen = 0;
    while (seen < 10) {
        order_id ids[4] = {0, 0, 0, 99};
        size_t got = 0;
        cr_assert_eq(queue_pop(queue, ids, 3, 1000, &got), STATUS_OK);
        cr_assert(got >= 1 && got <= 3, "%zu came", got);
        cr_assert_eq(ids[0], ++seen);
        cr_assert_eq(ids[3], 99, "a pop of 3 wrote a fourth id");
        seen += got - 1;
    }
}

Test(queue, pop_takes_a_full_batch_at_once)
{
    order_id ids[QUEUE_BATCH_MAX];
    size_t got = 0;
    push_range(1, QUEUE_BATCH_MAX);
    cr_assert_eq(queue_pop(queue, ids, QUEUE_BATCH_MAX, 1000, &got), STATUS_OK);
    cr_assert_eq(got, QUEUE_BATCH_MAX);
    cr_assert_eq(ids[QUEUE_BATCH_MAX - 1], QUEUE_BATCH_MAX);
}

Test(queue, pop_of_an_empty_queue_waits_and_times_out)
{
    order_id ids[10];
    size_t got = 0;
    uint64_t start_ms = wait_now_ms();
    cr_assert_eq(queue_pop(queue, ids, 10, 300, &got), STATUS_TIMEOUT);
    uint64_t took_ms = wait_now_ms() - start_ms;
    cr_assert(took_ms >= 250 && took_ms < 3000, "waited %" PRIu64 " ms for 300", took_ms);
}

Test(queue, pop_with_no_wait_returns_at_once)
{
    uint64_t start_ms = wait_now_ms();
    expect_empty();
    cr_assert_lt(wait_now_ms() - start_ms, 1000);
}

static void *push_one_from_a_thread(void *arg)
{
    struct queue *other = is_redis ? open_queue() : arg;
    const order_id id = 42;
    enum status status = queue_push(other, &id, 1);
    if (other != arg) {
        queue_close(other);
    }
    return status == STATUS_OK ? arg : NULL;
}

Test(queue, pop_waiting_gets_what_another_thread_pushes)
{
    order_id ids[10];
    size_t got = 0;
    void *pushed = NULL;
    pthread_t thread = thread_start("pusher", push_one_from_a_thread, queue);
    enum status status = queue_pop(queue, ids, 10, LONG_WAIT_MS, &got);
    pthread_join(thread, &pushed);
    cr_assert_not_null(pushed, "the push failed");
    cr_assert_eq(status, STATUS_OK);
    cr_assert_eq(got, 1);
    cr_assert_eq(ids[0], 42);
}

static void *wake_from_a_thread(void *arg)
{
    queue_wake(arg);
    return NULL;
}

Test(queue, wake_from_another_thread_ends_a_pop_early)
{
    order_id ids[10];
    size_t got = 0;
    uint64_t start_ms = wait_now_ms();
    pthread_t thread = thread_start("waker", wake_from_a_thread, queue);
    cr_assert_eq(queue_pop(queue, ids, 10, LONG_WAIT_MS, &got), STATUS_TIMEOUT);
    pthread_join(thread, NULL);
    cr_assert_lt(wait_now_ms() - start_ms, EARLY_MS);
}

Test(queue, wake_before_a_pop_ends_it_early)
{
    order_id ids[10];
    size_t got = 0;
    uint64_t start_ms = wait_now_ms();
    queue_wake(queue);
    cr_assert_eq(queue_pop(queue, ids, 10, LONG_WAIT_MS, &got), STATUS_TIMEOUT);
    cr_assert_lt(wait_now_ms() - start_ms, EARLY_MS);
}

Test(queue, works_on_after_a_wake)
{
    order_id ids[10];
    size_t got = 0;
    queue_wake(queue);
    cr_assert_eq(queue_pop(queue, ids, 10, LONG_WAIT_MS, &got), STATUS_TIMEOUT);
    push_range(1, 5);
    expect_range(1, 5);
}

Test(queue, a_wake_loses_no_ids)
{
    order_id ids[10];
    size_t got = 0;
    push_range(1, 5);
    queue_wake(queue);
    enum status status = queue_pop(queue, ids, 10, LONG_WAIT_MS, &got);
    if (status == STATUS_TIMEOUT) {
        expect_range(1, 5);
    } else {
        cr_assert_eq(status, STATUS_OK);
        cr_assert_eq(got, 5);
    }
}

Test(queue, close_takes_null_and_a_queue_that_is_not_empty)
{
    push_range(1, 10);
    queue_close(queue);
    queue = NULL;
    queue_close(NULL);
    queue = open_queue();
    push_range(11, 1);
    expect_range(is_redis ? 1 : 11, is_redis ? 11 : 1);
}
