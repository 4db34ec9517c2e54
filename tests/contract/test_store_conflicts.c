/* SPDX-License-Identifier: MIT */
/*
 * Two transactions that wait for each other: the server ends one of them. When it is the store's,
 * nothing was changed, its connection is as good as before, and the same call works.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "common/thread.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

enum { FILLERS = 200 };

struct claimer {
    order_id ids[2];
    size_t count;
    enum status status;
};

static struct sql *sql;
static struct sql *watcher;

static void start_conflict(void)
{
    start();
    sql = database_open_sql(&database);
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
    return NULL;
}

static bool the_claim_waits(void *arg)
{
    (void)arg;
    if (url.kind == DATABASE_MYSQL) {
        int64_t row[2]; /* the name, the value */
        sql_row(watcher, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'", row, 2);
        return row[1] > 0;
    }
    return sql_integer(watcher, "SELECT count(*) FROM pg_stat_activity WHERE "
                                "application_name = 'orders' AND wait_event_type = 'Lock'") > 0;
}

static int64_t deadlocks(void)
{
    return sql_integer(watcher, url.kind == DATABASE_MYSQL
                                    ? "SELECT count FROM information_schema.innodb_metrics "
                                      "WHERE name = 'lock_deadlocks'"
                                    : "SELECT sum(deadlocks)::bigint FROM pg_stat_database");
}

static bool a_deadlock_was_seen(void *arg)
{
    const int64_t *before = arg;
    return deadlocks() > *before;
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

Test(store_conflicts, a_claim_that_loses_a_deadlock_has_changed_nothing_and_may_be_repeated)
{
    order_id first = insert_new(FILLERS);
    struct claimer claimer = {.ids = {first, first + 1}, .count = 2};
    order_id ids[] = {first, first + 1};
    sql_execute(sql, url.kind == DATABASE_MYSQL ? "START TRANSACTION" : "BEGIN");
    /* MariaDB ends the transaction that has changed less, PostgreSQL the one that waits longest. */
    touch(first + 1, first + FILLERS - 1);
    pthread_t thread = thread_start("claim", run_claim, &claimer);
    cr_assert(wait_until(the_claim_waits, NULL, LIMIT_MS));
    int64_t before = deadlocks();
    touch(first, first);
    pthread_join(thread, NULL);
    cr_assert(wait_until(a_deadlock_was_seen, &before, LIMIT_MS), "that was a lock timeout");
    cr_assert_eq(claimer.status, STATUS_CONFLICT);
    sql_execute(sql, "COMMIT");
    expect_status(first, ORDER_PENDING);
    cr_assert_eq(expect_exact_counts().started, 0);
    cr_assert_eq(claim(ids, 2, LONG_DELAY_MS), 2);
    cr_assert_eq(expect_exact_counts().started, 2);
}
