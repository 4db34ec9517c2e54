/* SPDX-License-Identifier: MIT */
/*
 * Two transactions that wait for each other: the server ends one of them. When it is the store's,
 * nothing was changed, its connection is as good as before, and the same call works.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

enum { FILLERS = 200, TRIES = 5 };

struct claimer {
    order_id ids[2];
    size_t count;
    enum status status;
    atomic_bool has_ended;
};

static struct sql *sql;
static struct sql *watcher;

static void start_conflict(void)
{
    start();
    sql = database_open_admin(&database); /* may set deadlock_timeout */
    watcher = database_open_admin(&database);
}

static void finish_conflict(void)
{
    sql_close(sql);
    sql_close(watcher);
    finish();
}

TestSuite(store_conflicts, .init = start_conflict, .fini = finish_conflict, .timeout = 120);

static void *run_claim(void *arg)
{
    struct claimer *claimer = arg;
    claimer->status = store_claim(store, claimer->ids, &claimer->count, LONG_DELAY_MS, NULL);
    atomic_store(&claimer->has_ended, true);
    return NULL;
}

/* Or has waited: a machine that stands still for 2 s makes it a lock timeout. */
static bool the_claim_waits(void *arg)
{
    struct claimer *claimer = arg;
    if (atomic_load(&claimer->has_ended)) {
        return true;
    }
    if (url.kind == DATABASE_MYSQL) {
        int64_t row[2]; /* the name, the value */
        sql_row(watcher, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'", row, 2);
        return row[1] > 0;
    }
    return sql_integer(watcher, "SELECT count(*) FROM pg_stat_activity WHERE "
                                "application_name = 'orders' AND wait_event_type = 'Lock'") > 0;
}

/* PostgreSQL counts them seconds later, but its log has them before any client gets the error. */
static int64_t deadlocks(void)
{
    if (url.kind == DATABASE_MYSQL) {
        return sql_integer(watcher, "SELECT count FROM information_schema.innodb_metrics "
                                    "WHERE name = 'lock_deadlocks'");
    }
    return (int64_t)process_log_count(&database.postgres.process, "deadlock detected");
}

/* Changes nothing that is counted. */
static void touch(order_id first, order_id last)
{
    char statement[128];
    snprintf(statement, sizeof statement,
             "UPDATE orders SET user_id = 'touched' WHERE id BETWEEN %" PRIu64 " AND %" PRIu64,
             first, last);
    sql_execute(sql, statement);
}

/*
 * MariaDB ends the transaction that has changed less. PostgreSQL ends the one that finds the cycle,
 * and each looks for one but once, when it has waited for deadlock_timeout: the test's own never
 * does, and the claim does too early when the test has been held up for a second. False: then there
 * was no deadlock, but a lock timeout.
 */
static bool a_claim_loses_a_deadlock(order_id first)
{
    struct claimer claimer = {.ids = {first, first + 1}, .count = 2};
    int64_t before = deadlocks();
    sql_execute(sql, url.kind == DATABASE_MYSQL ? "START TRANSACTION" : "BEGIN");
    touch(first + 1, first + FILLERS - 1);
    pthread_t thread = thread_start("claim", run_claim, &claimer);
    cr_assert(wait_until(the_claim_waits, &claimer, LIMIT_MS));
    touch(first, first);
    pthread_join(thread, NULL);
    cr_assert_eq(claimer.status, STATUS_CONFLICT);
    sql_execute(sql, "ROLLBACK"); /* or what is touched again would not be changed */
    return deadlocks() > before;
}

Test(store_conflicts, a_claim_that_loses_a_deadlock_has_changed_nothing_and_may_be_repeated)
{
    order_id first = insert_new(FILLERS);
    order_id ids[] = {first, first + 1};
    /* MariaDB 11.8 reads the whole table for most of its rows, and would lock the first one too. */
    sql_execute(sql, url.kind == DATABASE_MYSQL
                         ? "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
                         : "SET deadlock_timeout = '1h'");
    for (int i = 0; !a_claim_loses_a_deadlock(first); i++) {
        cr_assert_lt(i, TRIES, "these were lock timeouts");
    }
    expect_status(first, ORDER_PENDING);
    cr_assert_eq(expect_exact_counts().started, 0);
    cr_assert_eq(claim(ids, 2, LONG_DELAY_MS), 2);
    cr_assert_eq(expect_exact_counts().started, 2);
}

/* False: the claim was over before, after 2 s, so this says nothing. */
static bool an_order_is_stored_while_its_claim_waits(struct store *other)
{
    order_id missing = reserve(3);
    order_id locked = missing + 2; /* not a neighbour: those are looked for as a range */
    struct claimer claimer = {.ids = {missing, locked}, .count = 2};
    cr_assert_eq(insert_range(store, locked, 1), STATUS_OK);
    lock_order(sql, locked);
    pthread_t thread = thread_start("claim", run_claim, &claimer);
    cr_assert(wait_until(the_claim_waits, &claimer, LIMIT_MS));
    cr_assert_eq(insert_range(other, missing, 1), STATUS_OK);
    bool was_beside = !atomic_load(&claimer.has_ended);
    sql_execute(sql, "ROLLBACK");
    pthread_join(thread, NULL);
    return was_beside;
}

/*
 * A hint may come before its order. Where a claim also locked what is not there, the order would
 * have to wait for whatever the claim waits for.
 */
Test(store_conflicts, a_claim_of_an_order_that_is_not_there_does_not_keep_it_out)
{
    struct store *other = store_create(&url);
    cr_assert_eq(store_ping(other), STATUS_OK);
    for (int i = 0; !an_order_is_stored_while_its_claim_waits(other); i++) {
        cr_assert_lt(i, TRIES, "it waits for the claim");
    }
    store_destroy(other);
}
