/* SPDX-License-Identifier: MIT */
/* The pair on MariaDB, where a transaction is several statements. */
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
