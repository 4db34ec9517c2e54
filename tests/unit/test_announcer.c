/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "api-service/pipeline/announcer.h"
#include "tests/support/captured_log.h"
#include "tests/unit/fake_queue.h"

enum {
    LOCAL_CAPACITY = 1000,
    WAITING_MAX = 100000, /* hints on their way to Redis, as announcer.c has it */
    WAIT_MS = 10000,
};

static struct queue *remote;
static struct queue *local;

static void setup(void)
{
    remote = fake_queue_open();
    local = queue_open_memory(LOCAL_CAPACITY);
}

static void teardown(void)
{
    queue_close(remote);
    queue_close(local);
}

TestSuite(announcer, .init = setup, .fini = teardown, .timeout = 60);

/* How many ids are in the queue now; they must follow each other from `first`. */
static size_t drain(struct queue *queue, order_id first)
{
    order_id ids[QUEUE_BATCH_MAX];
    size_t total = 0;
    size_t count;
    while (queue_pop(queue, ids, QUEUE_BATCH_MAX, 0, &count) == STATUS_OK) {
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(ids[i], first + total + i);
        }
        total += count;
    }
    return total;
}

static void submit(struct announcer *announcer, order_id first, size_t count)
{
    order_id ids[QUEUE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ids[i] = first + i;
    }
    announcer_submit(announcer, ids, count);
}

/* Waits for the one id that is next in the queue. */
static void check_next(struct queue *queue, order_id expected)
{
    order_id id;
    size_t count;
    cr_assert_eq(queue_pop(queue, &id, 1, WAIT_MS, &count), STATUS_OK);
    cr_assert_eq(id, expected);
}

Test(announcer, without_redis_hints_go_straight_to_the_process)
{
    struct announcer *announcer = announcer_start(NULL, local);
    submit(announcer, 1, 3);
    cr_assert_eq(drain(local, 1), 3, "they must be there when the call returns");
    announcer_stop(announcer);
}

Test(announcer, hints_go_to_redis)
{
    struct announcer *announcer = announcer_start(remote, local);
    submit(announcer, 1, 2);
    check_next(remote, 1);
    check_next(remote, 2);
    announcer_stop(announcer);
    cr_assert_eq(drain(local, 0), 0);
}

Test(announcer, while_redis_is_away_hints_go_to_the_process)
{
    fake_queue_set_away(remote, true);
    struct announcer *announcer = announcer_start(remote, local);
    submit(announcer, 1, 2);
    check_next(local, 1);
    check_next(local, 2);
    announcer_stop(announcer);
    fake_queue_set_away(remote, false);
    cr_assert_eq(drain(remote, 0), 0);
}

Test(announcer, once_redis_is_back_hints_go_there_again)
{
    fake_queue_set_away(remote, true);
    struct announcer *announcer = announcer_start(remote, local);
    submit(announcer, 1, 1);
    check_next(local, 1);
    fake_queue_set_away(remote, false);
    submit(announcer, 2, 1);
    check_next(remote, 2);
    announcer_stop(announcer);
    cr_assert_eq(drain(local, 0), 0);
}

static void submit_too_many(void)
{
    struct announcer *announcer = announcer_start(NULL, local);
    submit(announcer, 1, LOCAL_CAPACITY);
    submit(announcer, 5000, 10);
    submit(announcer, 6000, 10);
    announcer_stop(announcer);
}

Test(announcer, what_does_not_fit_is_dropped_and_nobody_waits)
{
    const char *log = captured_log(submit_too_many);
    cr_assert_eq(drain(local, 1), LOCAL_CAPACITY);
    cr_assert_eq(captured_log_count(log, "level=warn msg=\"hints found no room"), 1, "%s", log);
    cr_assert_eq(captured_log_count(log, "dropped_in_all=10\n"), 1, "%s", log);
}

Test(announcer, while_redis_is_away_and_the_process_is_full_hints_are_dropped)
{
    fake_queue_set_away(remote, true);
    struct announcer *announcer = announcer_start(remote, local);
    submit(announcer, 1, LOCAL_CAPACITY);
    submit(announcer, LOCAL_CAPACITY + 1, 10);
    announcer_stop(announcer);
    cr_assert_eq(drain(local, 1), LOCAL_CAPACITY);
}

Test(announcer, a_redis_that_hangs_blocks_nobody)
{
    fake_queue_set_hanging(remote, true);
    struct announcer *announcer = announcer_start(remote, local);
    submit(announcer, 1, QUEUE_BATCH_MAX);
    cr_assert(fake_queue_wait_hung(remote));
    size_t submitted = QUEUE_BATCH_MAX;
    while (submitted < WAITING_MAX + 3 * QUEUE_BATCH_MAX) {
        submit(announcer, submitted + 1, QUEUE_BATCH_MAX);
        submitted += QUEUE_BATCH_MAX;
    }
    fake_queue_set_hanging(remote, false);
    announcer_stop(announcer);
    cr_assert_eq(drain(remote, 1), WAITING_MAX + QUEUE_BATCH_MAX,
                 "what waits and what was under way");
    cr_assert_eq(drain(local, 0), 0);
}

Test(announcer, stopping_sends_what_waits)
{
    fake_queue_set_hanging(remote, true);
    struct announcer *announcer = announcer_start(remote, local);
    submit(announcer, 1, 1);
    cr_assert(fake_queue_wait_hung(remote));
    submit(announcer, 2, 1000);
    submit(announcer, 1002, 1000);
    fake_queue_set_hanging(remote, false);
    announcer_stop(announcer);
    cr_assert_eq(drain(remote, 1), 2001);
}

Test(announcer, stopping_an_idle_one_or_none_is_allowed)
{
    announcer_stop(NULL);
    announcer_stop(announcer_start(NULL, local));
    announcer_stop(announcer_start(remote, local));
    cr_assert_eq(drain(remote, 0), 0);
    cr_assert_eq(drain(local, 0), 0);
}
