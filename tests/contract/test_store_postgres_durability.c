/* SPDX-License-Identifier: MIT */
/* What a real server's settings are read as. What they mean is tested in unit/test_durability.c. */
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store.h"
#include "common/url/database_url.h"
#include "tests/support/postgres_server.h"
#include "tests/support/sql.h"

static struct postgres_server server;
static struct database_url url;

static void start(void)
{
    char reason[URL_REASON_SIZE];
    postgres_server_start(&server);
    cr_assert_eq(database_url_parse(server.url, &url, reason), STATUS_OK, "%s", reason);
}

static void finish(void)
{
    postgres_server_discard(&server);
}

TestSuite(store_postgres_durability, .init = start, .fini = finish, .timeout = 120);

static struct durability_report read_report(void)
{
    struct durability_report report;
    struct store *store = store_create(&url);
    cr_assert_eq(store_durability(store, &report), STATUS_OK);
    store_destroy(store);
    return report;
}

static void expect_level(enum durability level, const char *change, const char *setting)
{
    postgres_server_stop(&server);
    postgres_server_configure(&server, setting);
    postgres_server_restart(&server);
    struct durability_report report = read_report();
    cr_assert(report.known);
    cr_assert_eq(report.level, level, "%s: %s", setting, durability_name(report.level));
    cr_assert_str_eq(report.change, change, "%s", setting);
}

Test(store_postgres_durability, of_a_server_as_it_comes_is_the_best)
{
    struct durability_report report = read_report();
    char settings[DURABILITY_TEXT_SIZE];
    durability_describe_settings(&report, settings);
    cr_assert(report.known);
    cr_assert_eq(report.level, DURABILITY_POWER_LOSS, "%s", settings);
    cr_assert_str_eq(settings, "fsync=on full_page_writes=on synchronous_commit=on");
    cr_assert_not_null(strstr(report.failover, "asynchronous"), "%s", report.failover);
}

Test(store_postgres_durability, without_fsync_ends_with_the_machine)
{
    expect_level(DURABILITY_PROCESS_CRASH, "fsync=on", "fsync = off\n");
}

Test(store_postgres_durability, pages_must_not_be_torn)
{
    expect_level(DURABILITY_PROCESS_CRASH, "full_page_writes=on", "full_page_writes = off\n");
}

/* The session asks for what the server would not do by itself. */
Test(store_postgres_durability, does_not_hang_on_the_servers_synchronous_commit)
{
    expect_level(DURABILITY_POWER_LOSS, "", "synchronous_commit = off\n");
}

Test(store_postgres_durability, of_a_server_that_hides_its_settings_is_unknown)
{
    struct sql *sql = sql_open_postgres_admin(&server);
    sql_execute(sql, "REVOKE EXECUTE ON FUNCTION current_setting(text, boolean) FROM public");
    sql_close(sql);
    struct durability_report report = read_report();
    cr_assert_not(report.known);
    cr_assert_eq(report.level, DURABILITY_NONE);
}
