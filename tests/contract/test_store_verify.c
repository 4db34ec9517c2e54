/* SPDX-License-Identifier: MIT */
/* The store's contract: comparing the counters with the rows, repairing them, and bad rows. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

enum { BATCH = 50, BATCHES = 10, MANY = 25000 };

TestSuite(store_verify, .init = start, .fini = finish, .timeout = 120);

static struct store_verification verify(void)
{
    struct store_verification found;
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    return found;
}

static void change(const char *statement)
{
    struct sql *sql = open_sql();
    sql_execute(sql, statement);
    sql_close(sql);
}

/* Appends the id to `statement`. */
static void change_order(const char *statement, order_id id)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s%" PRIu64, statement, id);
    change(whole);
}

static bool is_due(void *arg)
{
    order_id ids[10];
    struct store_overdue overdue = {.max = 10, .ids = ids};
    return store_overdue(store, &overdue) == STATUS_OK && overdue.count == *(const size_t *)arg;
}

/* Three orders: Pending, Processing, Completed. */
static order_id insert_one_of_each(void)
{
    order_id first = insert_new(3);
    size_t due = 1;
    claim((order_id[]){first + 2}, 1, 0);
    cr_assert(wait_until(is_due, &due, LIMIT_MS));
    cr_assert_eq(complete((order_id[]){first + 2}, 1), 1);
    claim((order_id[]){first + 1}, 1, LONG_DELAY_MS);
    return first;
}

Test(store_verify, good_orders_have_no_flaw)
{
    insert_one_of_each();
    struct store_verification found = verify();
    cr_assert_eq(store_flaw_count(&found), 0);
    cr_assert_not(store_has_drift(&found));
    cr_assert_eq(found.recounted.created, 3);
    cr_assert_eq(found.recounted.started, 2);
    cr_assert_eq(found.recounted.completed, 1);
    cr_assert_gt(found.recounted.duration_us, 0);
}

/* What is done to the order `first + offset` of insert_one_of_each, and the flaw that makes. */
static const struct {
    const char *statement;
    order_id offset;
    enum store_flaw flaw;
} damages[] = {
    {"UPDATE orders SET status = 7 WHERE id = ", 2, STORE_FLAW_STATUS},
    {"UPDATE orders SET started_at = due_at WHERE id = ", 0, STORE_FLAW_EARLY_TIMES},
    {"UPDATE orders SET due_at = (SELECT max(completed_at) FROM (SELECT completed_at FROM orders) "
     "AS "
     "all_orders) WHERE id = ",
     0, STORE_FLAW_EARLY_DUE},
    {"UPDATE orders SET started_at = NULL WHERE id = ", 1, STORE_FLAW_NO_START},
    {"UPDATE orders SET completed_at = due_at WHERE id = ", 1, STORE_FLAW_EARLY_END},
    {"UPDATE orders SET completed_at = NULL WHERE id = ", 2, STORE_FLAW_NO_END},
    {"UPDATE orders SET created_at = due_at WHERE id = ", 1, STORE_FLAW_START_BEFORE_CREATION},
    {"UPDATE orders SET started_at = completed_at WHERE id = ", 2, STORE_FLAW_DUE_BEFORE_START},
};
enum { DAMAGES = sizeof damages / sizeof *damages };

static void expect_flaw(const struct store_verification *found, enum store_flaw flaw, int64_t id)
{
    cr_expect_eq(store_flaw_count(found), 1, "%" PRId64 " flaws: %s", store_flaw_count(found),
                 store_flaw_text(flaw));
    cr_expect_eq(found->flaws[flaw].count, 1, "not found: %s", store_flaw_text(flaw));
    cr_expect_eq(found->flaws[flaw].id_count, 1);
    cr_expect_eq(found->flaws[flaw].ids[0], id);
}

Test(store_verify, each_flaw_of_a_row_is_found_and_the_row_named)
{
    for (size_t i = 0; i < DAMAGES; i++) {
        order_id first = insert_one_of_each();
        order_id id = first + damages[i].offset;
        change_order(damages[i].statement, id);
        struct store_verification found = verify();
        expect_flaw(&found, damages[i].flaw, (int64_t)id);
        change("DELETE FROM orders");
    }
}

Test(store_verify, an_order_completed_before_it_was_due_is_found)
{
    order_id first = insert_one_of_each();
    change_order("UPDATE orders SET status = 2, completed_at = started_at WHERE id = ", first + 1);
    struct store_verification found = verify();
    expect_flaw(&found, STORE_FLAW_END_BEFORE_DUE, (int64_t)first + 1);
}

Test(store_verify, an_id_that_was_never_reserved_is_found)
{
    cr_assert_eq(insert_range(store, 1000, 2), STATUS_OK);
    struct store_verification found = verify();
    cr_assert_eq(found.flaws[STORE_FLAW_ID].count, 2);
    cr_assert_eq(found.flaws[STORE_FLAW_ID].ids[1], 1001);
    cr_assert_not(store_has_drift(&found));
}

Test(store_verify, flaws_and_rows_are_found_in_every_part)
{
    for (size_t i = 0; i < MANY / STORE_BATCH_MAX; i++) {
        insert_new(STORE_BATCH_MAX);
    }
    change("UPDATE orders SET started_at = due_at WHERE id IN (1, 10000, 10001, 25000)");
    struct store_verification found = verify();
    const struct store_flawed *flawed = &found.flaws[STORE_FLAW_EARLY_TIMES];
    cr_assert_eq(found.recounted.created, MANY);
    cr_assert_eq(store_flaw_count(&found), 4);
    cr_assert_eq(flawed->id_count, 4);
    cr_assert_eq(flawed->ids[0], 1);
    cr_assert_eq(flawed->ids[1], 10000);
    cr_assert_eq(flawed->ids[2], 10001);
    cr_assert_eq(flawed->ids[3], MANY);
}

Test(store_verify, a_row_that_is_changed_by_hand_is_drift_and_can_be_repaired)
{
    order_id first = insert_one_of_each();
    change_order("DELETE FROM orders WHERE id = ", first + 2);
    struct store_verification found = verify();
    cr_assert_eq(store_drift(&found).created, 1);
    cr_assert_eq(store_drift(&found).started, 1);
    cr_assert_eq(store_drift(&found).completed, 1);
    cr_assert_eq(store_drift(&found).duration_us, found.counted.duration_us);
    cr_assert_eq(store_repair(store, &found), STATUS_OK);
    struct order_counts counts = expect_exact_counts();
    cr_assert_eq(counts.created, 2);
    cr_assert_eq(counts.duration_us, 0);
}

/* A finding can be repaired only once, else two operators would repair twice. */
Test(store_verify, counters_are_not_repaired_twice)
{
    insert_one_of_each();
    change("UPDATE counters SET created = created + 5, started = started - 1 WHERE slot = "
           "(SELECT slot FROM (SELECT min(slot) AS slot FROM counters) AS first)");
    struct store_verification found = verify();
    struct store_verification again = verify();
    cr_assert_eq(store_repair(store, &found), STATUS_OK);
    cr_assert_eq(store_repair(store, &again), STATUS_NOT_FOUND);
    cr_assert_eq(store_repair(store, &found), STATUS_NOT_FOUND);
    expect_exact_counts();
    change("UPDATE counters SET completed = completed - 2 WHERE slot = "
           "(SELECT slot FROM (SELECT min(slot) AS slot FROM counters) AS first)");
    found = verify();
    cr_assert_eq(store_drift(&found).completed, -2);
    cr_assert_eq(store_repair(store, &found), STATUS_OK);
    expect_exact_counts();
}

/* The repair looks at each counter: another one may have been repaired by whoever came first. */
Test(store_verify, no_counter_is_repaired_twice)
{
    static const char *const counters[] = {"created", "started", "completed", "duration_us"};
    insert_one_of_each();
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        char statement[192];
        snprintf(statement, sizeof statement,
                 "UPDATE counters SET %s = %s + 3 WHERE slot = "
                 "(SELECT slot FROM (SELECT min(slot) AS slot FROM counters) AS first)",
                 counters[i], counters[i]);
        change(statement);
        struct store_verification found = verify();
        cr_assert_eq(store_repair(store, &found), STATUS_OK, "%s", counters[i]);
        cr_assert_eq(store_repair(store, &found), STATUS_NOT_FOUND, "%s", counters[i]);
        expect_exact_counts();
    }
}

static atomic_int busy;

/* Inserts, claims and completes, as services do. */
static void move_orders(struct worker *worker)
{
    for (size_t i = 0; i < BATCHES && worker->status == STATUS_OK; i++) {
        order_id ids[BATCH];
        size_t count = BATCH;
        worker->status = store_reserve_ids(worker->store, BATCH, &ids[0]);
        for (size_t j = 1; j < BATCH; j++) {
            ids[j] = ids[0] + j;
        }
        if (worker->status == STATUS_OK) {
            worker->status = insert_range(worker->store, ids[0], BATCH);
        }
        if (worker->status == STATUS_OK) {
            worker->status = store_claim(worker->store, ids, &count, 0, NULL);
        }
        if (worker->status == STATUS_OK) {
            worker->status = store_complete(worker->store, ids, &count);
        }
        if (worker->status == STATUS_CONFLICT) {
            worker->status = STATUS_OK; /* this is normal; the orders stay as they are */
        }
    }
    atomic_fetch_sub(&busy, 1);
}

Test(store_verify, while_orders_move_there_is_no_drift)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    atomic_store(&busy, THREADS);
    start_workers(workers, threads, move_orders, NULL);
    do {
        struct store_verification found = verify();
        cr_expect_not(store_has_drift(&found));
        cr_expect_eq(store_flaw_count(&found), 0);
    } while (atomic_load(&busy) > 0);
    join_workers(workers, threads);
    cr_assert_eq(expect_exact_counts().created, THREADS * BATCHES * BATCH);
}

/* The drift of a snapshot is taken out of counters that have gone on since. */
Test(store_verify, counters_are_repaired_while_orders_move)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    insert_one_of_each();
    change("UPDATE counters SET created = created + 100, started = started + 50, "
           "duration_us = duration_us - 7 WHERE slot = "
           "(SELECT slot FROM (SELECT min(slot) AS slot FROM counters) AS first)");
    struct store_verification before = verify();
    atomic_store(&busy, THREADS);
    start_workers(workers, threads, move_orders, NULL);
    struct store_verification found = verify();
    cr_assert_eq(store_drift(&found).created, 100);
    cr_assert_eq(store_drift(&found).started, 50);
    cr_assert_eq(store_drift(&found).duration_us, -7);
    enum status status;
    do {
        status = store_repair(store, &before);
    } while (status == STATUS_CONFLICT);
    cr_assert_eq(status, STATUS_OK);
    do {
        found = verify();
        cr_expect_not(store_has_drift(&found));
    } while (atomic_load(&busy) > 0);
    join_workers(workers, threads);
    cr_assert_eq(expect_exact_counts().created, THREADS * BATCHES * BATCH + 3);
}

static bool stop_at_once(void *context, int64_t rows, int64_t rows_expected)
{
    (void)context;
    (void)rows;
    (void)rows_expected;
    return false;
}

Test(store_verify, a_verification_that_is_ended_leaves_the_connection_usable)
{
    const struct store_progress progress = {.go_on = stop_at_once};
    struct store_verification found;
    insert_one_of_each();
    cr_assert_eq(store_verify(store, &progress, &found), STATUS_TIMEOUT);
    insert_one_of_each();
    cr_assert_eq(expect_exact_counts().created, 6);
}

/* Between two parts, another connection stores and claims. */
static bool store_one_more(void *context, int64_t rows, int64_t rows_expected)
{
    struct store *other = context;
    order_id id = 0;
    size_t count = 1;
    (void)rows;
    (void)rows_expected;
    cr_assert_eq(store_reserve_ids(other, 1, &id), STATUS_OK);
    cr_assert_eq(insert_range(other, id, 1), STATUS_OK);
    cr_assert_eq(store_claim(other, &id, &count, 0, NULL), STATUS_OK);
    return true;
}

Test(store_verify, all_that_is_verified_is_of_one_instant)
{
    struct store *other = store_create(&url);
    const struct store_progress progress = {.go_on = store_one_more, .context = other};
    struct store_verification found;
    insert_one_of_each();
    cr_assert_eq(store_verify(store, &progress, &found), STATUS_OK);
    cr_assert_eq(store_flaw_count(&found), 0);
    cr_assert_not(store_has_drift(&found));
    cr_assert_eq(found.recounted.created, 3, "more was stored while it went on");
    cr_assert_gt(expect_exact_counts().created, 3);
    store_destroy(other);
}
