/* SPDX-License-Identifier: MIT */
/* What a service does while its database is not there yet. */
#include <signal.h>

#include <criterion/criterion.h>

#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

enum { LIMIT_MS = 20000 };

static struct temp_dir dir;
static struct service service;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    process_discard(&service.process);
    temp_dir_remove(&dir);
}

TestSuite(startup, .init = start, .fini = finish, .timeout = 60);

static void wait_for_a_database_that_is_away(bool worker)
{
    static const char *const settings[] = {"PORT=0", "DATABASE_URL=mysql://user@127.0.0.1:1/orders",
                                           NULL};
    service_launch_bare(&service, worker, NULL, settings, dir.path);
    cr_assert(process_wait_line(&service.process, "operation=connect", LIMIT_MS));
}

Test(startup, an_api_told_to_stop_while_it_waits_for_its_database_has_not_failed)
{
    wait_for_a_database_that_is_away(false);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    cr_assert_not(process_log_contains(&service.process, "level=error"));
    cr_assert(process_log_contains(&service.process, "msg=stopped signal=15"));
}

Test(startup, a_worker_told_to_stop_while_it_waits_for_its_database_has_not_failed)
{
    wait_for_a_database_that_is_away(true);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    cr_assert_not(process_log_contains(&service.process, "level=error"));
    cr_assert(process_log_contains(&service.process, "msg=stopped signal=15"));
}
