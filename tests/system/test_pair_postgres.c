/* SPDX-License-Identifier: MIT */
/* The pair on PostgreSQL, where a COMMIT may still find that a transaction cannot be kept. */
#include <criterion/criterion.h>

#include "tests/system/pair_fixture.h"

TestSuite(pair_postgres, .init = start, .fini = finish, .timeout = 150);

/* Every third commit that has touched an order fails, by turns as either of the two conflicts. */
static const char fail_commits[] =
    "CREATE SEQUENCE commits; "
    "CREATE FUNCTION fail_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF nextval('commits') % 3 = 0 THEN RAISE EXCEPTION 'not this time' USING ERRCODE = "
    "CASE WHEN currval('commits') % 2 = 0 THEN '40001' ELSE '40P01' END; END IF; "
    "RETURN NULL; END $$; "
    "CREATE CONSTRAINT TRIGGER fail_commit AFTER INSERT OR UPDATE ON counters "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_commit()";

/* Conflicts are part of normal life; an outage would be logged. */
static void expect_nothing_in_the_log(void)
{
    for (size_t i = 0; i < APIS; i++) {
        cr_assert_not(process_log_contains(&apis[i].process, "database call failed"));
    }
    for (size_t i = 0; i < WORKERS; i++) {
        cr_assert_not(process_log_contains(&workers[i].process, "database call failed"));
    }
}

Test(pair_postgres, commits_that_fail_in_a_conflict_are_repeated_and_lose_nothing)
{
    start_apis(APIS);
    sql_execute(sql, fail_commits);
    start_workers(WORKERS);
    load_start(&load);
    join_load_without_failures();
    expect_all_completed_once(ORDERS);
    cr_assert_gt(sql_integer(sql, "SELECT last_value FROM commits"), 30);
    expect_nothing_in_the_log();
    stop_services();
}
