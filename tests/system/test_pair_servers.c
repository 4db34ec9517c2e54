/* SPDX-License-Identifier: MIT */
/* The pair on a database that is a server: it may die, and rows are locked one by one. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

TestSuite(pair_servers, .init = start, .fini = finish, .timeout = 150);

static bool suspended_between_transactions(void *arg)
{
    (void)arg;
    return suspend_first_worker(false);
}

/* As a virtual machine that was suspended: its deadlines pass, others do its work. */
Test(pair_servers, a_worker_that_was_suspended_changes_nothing_when_it_goes_on)
{
    start_apis(1);
    start_workers(1);
    post_orders(FEW_ORDERS);
    cr_assert(wait_until(suspended_between_transactions, NULL, LIMIT_MS));
    struct service_settings own = settings(1);
    service_start_worker(&workers[1], &own);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    sql_execute(sql, "CREATE TABLE done AS SELECT id, started_at, completed_at FROM orders");
    process_signal(&workers[0].process, SIGCONT);
    process_stop_cleanly(&workers[1].process, SERVICE_STOP_MS);
    post_orders(1);
    expect_all_completed_once(FEW_ORDERS + 1);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM done d JOIN orders o USING (id) WHERE "
                                  "d.started_at <> o.started_at OR "
                                  "d.completed_at <> o.completed_at"),
                 0);
    stop_services();
}

/* Requests may be answered 503 meanwhile, but what was acknowledged is there. */
Test(pair_servers, an_acknowledged_order_survives_the_death_of_the_database)
{
    start_apis(APIS);
    start_workers(WORKERS);
    load_start(&load);
    wait_for_accepted(ORDERS / 4);
    sql_close(sql);
    sql = NULL;
    database_kill(&database);
    database_restart(&database);
    load_join(&load);
    sql = database_open_sql(&database);
    cr_assert(load.failed == 0 || strncmp(load.failure, "503", 3) == 0, "%s", load.failure);
    expect_accepted_orders();
    cr_assert_geq(count_where("1 = 1"), (int64_t)load.accepted);
    expect_all_completed_once(count_where("1 = 1"));
    stop_services();
}
