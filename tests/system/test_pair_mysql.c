/* SPDX-License-Identifier: MIT */
/* The pair on MariaDB, where a transaction is several statements and durability a setting. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

enum { SUSPENDED_LIMIT_MS = 20000 };

TestSuite(pair_mysql, .init = start, .fini = finish, .timeout = 150);

static bool suspended_in_a_transaction(void *arg)
{
    (void)arg;
    return suspend_first_worker(true);
}

/* Its locks must not outlive it for long, or nobody could complete what it holds. */
Test(pair_mysql, a_worker_that_was_suspended_in_a_transaction_holds_up_nothing)
{
    static const char *const small[] = {"WORKER_CAPACITY=100", NULL}; /* many transactions */
    struct service_settings own = settings(0);
    start_apis(APIS);
    load_run(&load);
    own.others = small;
    service_start_worker(&workers[0], &own);
    cr_assert(wait_until(suspended_in_a_transaction, NULL, LIMIT_MS), "it was too fast");
    own.others = NULL;
    service_start_worker(&workers[1], &own);
    cr_assert(wait_until(all_are_completed, NULL, SUSPENDED_LIMIT_MS),
              "%" PRId64 " are not completed", count_where("status <> 2"));
    process_signal(&workers[0].process, SIGCONT);
    expect_all_completed_once(ORDERS);
    stop_services();
}

Test(pair_mysql, a_database_that_does_not_flush_is_told_in_the_log)
{
    start_apis(1);
    cr_assert_not(process_log_contains(&apis[0].process, "does not flush at each commit"));
    stop_services();
    process_discard(&apis[0].process);
    sql_close(sql);
    sql = database_open_admin(&database); /* only root may change it */
    sql_execute(sql, "SET GLOBAL innodb_flush_log_at_trx_commit = 0");
    sql_close(sql);
    sql = NULL;
    start_apis(1);
    cr_assert(process_log_contains(&apis[0].process, "does not flush at each commit"));
    stop_services();
}
