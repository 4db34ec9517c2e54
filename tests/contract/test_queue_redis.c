/* SPDX-License-Identifier: MIT */
/*
 * What is special about Redis: other programs write to the list, and the server goes away, hangs
 * and comes back.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/queue/queue.h"
#include "common/url/database_url.h"
#include "tests/support/captured_log.h"
#include "tests/support/old_redis.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

#define KEY "orders:pending"

enum {
    HUGE_VALUE = 1024 * 1024,
    MANY_STRANGERS = 5000,
    BACK_LIMIT_MS = 20000,
    LONG_WAIT_MS = 30000, /* a wait that an error must end early */
    SHORT_MS = 10000,
    LIST_MAX = 1000000, /* of queue_redis.c, like the other */
    POP_ONES = 100,
};

static struct redis_server redis;
static struct queue *queue;

static void start(void)
{
    thread_prepare_signals(); /* as every main does: hiredis writes to closed sockets */
    redis_server_start(&redis);
    struct redis_url url = {.host = "127.0.0.1", .port = redis.port};
    queue = queue_open_redis(&url, KEY);
}

static void finish(void)
{
    queue_close(queue);
    queue = NULL; /* what is left of it then counts as leaked */
    redis_server_discard(&redis);
}

TestSuite(queue_redis, .init = start, .fini = finish, .timeout = 90);

/* Puts a value at the list's back, as LPUSH by another program does. */
static void push_foreign(const char *value, size_t len)
{
    redis_server_command(&redis, "LPUSH " KEY " %b", value, len);
}

/* Pops until an id comes; foreign values may cost a few timeouts on the way. */
static order_id pop_one(void)
{
    for (int i = 0; i < 100; i++) {
        order_id id = 0;
        size_t got = 0;
        enum status status = queue_pop(queue, &id, 1, 200, &got);
        if (status == STATUS_OK) {
            cr_assert_eq(got, 1);
            return id;
        }
        cr_assert_eq(status, STATUS_TIMEOUT, "pop: %s", status_name(status));
    }
    return 0;
}

static void expect_empty(void)
{
    order_id ids[10];
    size_t got = 0;
    cr_assert_eq(queue_pop(queue, ids, 10, 0, &got), STATUS_TIMEOUT);
}

Test(queue_redis, a_hint_in_the_list_is_the_order_id_as_clients_see_it)
{
    push_foreign("ORD4254", 7);
    cr_assert_eq(pop_one(), 4254);
}

Test(queue_redis, ids_pushed_first_stand_at_the_end_brpop_takes_from)
{
    const order_id ids[] = {1, 2, 3};
    cr_assert_eq(queue_push(queue, ids, 3), STATUS_OK);
    cr_assert_eq(redis_server_command(&redis, "LLEN " KEY), 3);
    cr_assert_eq(redis_server_command(&redis, "LPOS " KEY " ORD1"), 2);
    cr_assert_eq(redis_server_command(&redis, "LPOS " KEY " ORD3"), 0);
}

Test(queue_redis, foreign_values_are_dropped_and_orders_between_them_arrive)
{
    static const char *const strangers[] = {
        "",         "garbage",
        "ORD",      "ORD0",
        "ORD01",    "ORD-1",
        "ord5",     "ORD5 ",
        " ORD5",    "ORD5x",
        "ORD+5",    "{\"id\":5}",
        "ORD5.0",   "ORD9223372036854775808",
        "5",        "ORDORD5",
        "\xff\xfe", "ORD99999999999999999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        const order_id id = 1000 + i;
        push_foreign(strangers[i], strlen(strangers[i]));
        cr_assert_eq(queue_push(queue, &id, 1), STATUS_OK);
    }
    push_foreign("ORD5\0", 5);
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        cr_assert_eq(pop_one(), 1000 + i);
    }
    expect_empty();
    cr_assert_eq(redis_server_command(&redis, "LLEN " KEY), 0, "a foreign value was left or kept");
}

Test(queue_redis, a_huge_value_is_dropped)
{
    const order_id id = 7;
    char *huge = malloc(HUGE_VALUE);
    cr_assert_not_null(huge);
    memset(huge, '9', HUGE_VALUE);
    push_foreign(huge, HUGE_VALUE);
    free(huge);
    cr_assert_eq(queue_push(queue, &id, 1), STATUS_OK);
    cr_assert_eq(pop_one(), 7);
    expect_empty();
}

static void take_behind_foreign_values(void)
{
    const order_id id = 8;
    redis_server_command(&redis, "EVAL %s 1 " KEY " %d",
                         "for i = 1, ARGV[1] do redis.call('LPUSH', KEYS[1], 'x' .. i) end",
                         MANY_STRANGERS);
    cr_assert_eq(queue_push(queue, &id, 1), STATUS_OK);
    uint64_t start_ms = wait_now_ms();
    order_id ids[QUEUE_BATCH_MAX];
    size_t got = 0;
    while (queue_pop(queue, ids, QUEUE_BATCH_MAX, 100, &got) != STATUS_OK) {
        cr_assert_lt(wait_now_ms() - start_ms, SHORT_MS, "the order did not arrive in time");
    }
    cr_assert_eq(got, 1);
    cr_assert_eq(ids[0], 8);
}

Test(queue_redis, thousands_of_foreign_values_are_dropped_and_do_not_fill_the_log)
{
    const char *log = captured_log(take_behind_foreign_values);
    cr_assert_eq(captured_log_count(log, "level=warn msg=\"the redis list holds values"), 1, "%s",
                 log);
    cr_assert_eq(captured_log_count(log, "key=" KEY " dropped=1\n"), 1, "%s", log);
}

static void fill(size_t count)
{
    redis_server_command(&redis, "EVAL %s 1 " KEY " %d",
                         "for i = 1, ARGV[1] do redis.call('LPUSH', KEYS[1], 'ORD' .. i) end",
                         (int)count);
}

static void push_to_a_full_list(void)
{
    order_id ids[QUEUE_BATCH_MAX];
    for (size_t i = 0; i < QUEUE_BATCH_MAX; i++) {
        ids[i] = LIST_MAX + 1 + i;
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(queue_push(queue, ids, QUEUE_BATCH_MAX), STATUS_OK);
    }
}

/* Orders complete by query all the same, and nobody would notice how it grows. */
Test(queue_redis, a_list_that_nobody_takes_from_ends_at_a_million_without_the_oldest)
{
    fill(LIST_MAX - QUEUE_BATCH_MAX);
    const char *log = captured_log(push_to_a_full_list);
    cr_assert_eq(redis_server_command(&redis, "LLEN " KEY), LIST_MAX);
    cr_assert_eq(pop_one(), 2 * QUEUE_BATCH_MAX + 1);
    cr_assert_eq(captured_log_count(log, "level=warn msg=\"nobody takes hints"), 1, "%s", log);
}

/* A server that is older than 6.2, in front of which nothing else changes. */
Test(queue_redis, a_server_whose_rpop_takes_no_count_is_asked_once_and_is_no_failure)
{
    enum { COUNT = 2 * POP_ONES + 1 };
    order_id ids[QUEUE_BATCH_MAX];
    size_t got = 0;
    struct old_redis *old = old_redis_start(redis.port);
    struct redis_url url = {.host = "127.0.0.1", .port = old_redis_port(old)};
    struct queue *older = queue_open_redis(&url, KEY);
    for (int round = 0; round < 2; round++) {
        fill(COUNT);
        cr_assert_eq(queue_pop(older, ids, QUEUE_BATCH_MAX, LONG_WAIT_MS, &got), STATUS_OK);
        cr_assert_eq(got, COUNT);
        cr_assert(ids[0] == 1 && ids[COUNT - 1] == COUNT);
    }
    fill(COUNT);
    cr_assert_eq(queue_pop(older, ids, POP_ONES + 1, LONG_WAIT_MS, &got), STATUS_OK);
    cr_assert_eq(got, POP_ONES + 1);
    cr_assert_eq(redis_server_command(&redis, "LLEN " KEY), POP_ONES);
    cr_assert_eq(old_redis_refusals(old), 1);
    cr_assert_eq(queue_failures(older, REDIS_FAILURE_REFUSED), 0);
    queue_close(older);
    old_redis_stop(old);
}

/* An unavailable queue returns soon, however long the timeout. */
static void expect_push_unavailable(void)
{
    const order_id id = 9;
    uint64_t start_ms = wait_now_ms();
    cr_assert_eq(queue_push(queue, &id, 1), STATUS_UNAVAILABLE);
    cr_assert_lt(wait_now_ms() - start_ms, SHORT_MS, "push kept its caller waiting");
}

static void expect_pop_unavailable(void)
{
    order_id ids[10];
    size_t got = 0;
    uint64_t start_ms = wait_now_ms();
    cr_assert_eq(queue_pop(queue, ids, 10, LONG_WAIT_MS, &got), STATUS_UNAVAILABLE);
    cr_assert_lt(wait_now_ms() - start_ms, SHORT_MS, "pop kept its caller waiting");
}

/* A pop empties what earlier pushes may have left, a push then proves that the queue works. */
static bool works_again(void *arg)
{
    const order_id id = 11;
    (void)arg;
    return queue_push(queue, &id, 1) == STATUS_OK;
}

static void expect_back(void)
{
    cr_assert(wait_until(works_again, NULL, BACK_LIMIT_MS), "Redis is back, the queue is not");
    order_id id = 0;
    while (id != 11) {
        id = pop_one();
        cr_assert(id == 9 || id == 11, "%" PRIu64 " was never pushed", id);
    }
}

Test(queue_redis, a_key_of_another_type_is_unavailable_until_it_is_gone)
{
    redis_server_command(&redis, "SET " KEY " text");
    expect_pop_unavailable();
    expect_push_unavailable();
    redis_server_command(&redis, "DEL " KEY);
    expect_back();
}

Test(queue_redis, a_killed_server_is_unavailable_and_works_again_once_it_is_back)
{
    cr_assert(works_again(NULL));
    cr_assert_eq(pop_one(), 11);
    redis_server_kill(&redis);
    expect_push_unavailable();
    expect_pop_unavailable();
    expect_push_unavailable();
    redis_server_restart(&redis);
    expect_back();
}

Test(queue_redis, a_server_that_is_not_there_at_first_is_found_later)
{
    redis_server_kill(&redis);
    expect_pop_unavailable();
    expect_push_unavailable();
    redis_server_restart(&redis);
    expect_back();
}

static bool pop_is_unavailable(void *arg)
{
    order_id id;
    size_t got = 0;
    (void)arg;
    return queue_pop(queue, &id, 1, 300, &got) == STATUS_UNAVAILABLE;
}

/* A silent server looks like an empty list at first, so a pop may time out before it is sure. */
Test(queue_redis, a_server_that_hangs_is_unavailable_and_works_again_after)
{
    cr_assert(works_again(NULL));
    cr_assert_eq(pop_one(), 11);
    process_signal(&redis.process, SIGSTOP);
    cr_assert(wait_until(pop_is_unavailable, NULL, SHORT_MS), "it is not noticed that Redis hangs");
    expect_push_unavailable();
    process_signal(&redis.process, SIGCONT);
    expect_back();
}

static void *kill_redis(void *arg)
{
    (void)arg;
    kill(redis.process.pid, SIGKILL);
    return NULL;
}

Test(queue_redis, a_server_that_dies_under_a_waiting_pop_ends_it)
{
    order_id ids[10];
    size_t got = 0;
    uint64_t start_ms = wait_now_ms();
    pthread_t thread = thread_start("killer", kill_redis, NULL);
    cr_assert_eq(queue_pop(queue, ids, 10, LONG_WAIT_MS, &got), STATUS_UNAVAILABLE);
    pthread_join(thread, NULL);
    cr_assert_lt(wait_now_ms() - start_ms, SHORT_MS);
    cr_assert_eq(process_wait_exit(&redis.process, SHORT_MS), 128 + SIGKILL);
    redis_server_restart(&redis);
    expect_back();
}

Test(queue_redis, a_refusing_server_is_unavailable)
{
    redis_server_command(&redis, "CONFIG SET requirepass secret");
    expect_pop_unavailable();
    expect_push_unavailable();
}
