/* SPDX-License-Identifier: MIT */
/* What a real server's settings are read as. What they mean is tested in unit/test_durability.c. */
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store.h"
#include "common/url/database_url.h"
#include "tests/support/mariadb_server.h"

static struct mariadb_server server;
static struct database_url url;

static void start(void)
{
    char reason[URL_REASON_SIZE];
    mariadb_server_start(&server);
    cr_assert_eq(database_url_parse(server.url, &url, reason), STATUS_OK, "%s", reason);
}

static void finish(void)
{
    mariadb_server_discard(&server);
}

TestSuite(store_mysql_durability, .init = start, .fini = finish, .timeout = 120);

static struct durability_report read_report(void)
{
    struct durability_report report;
    struct store *store = store_create(&url);
    cr_assert_eq(store_durability(store, &report), STATUS_OK);
    store_destroy(store);
    cr_assert(report.known);
    return report;
}

/* After a restart with one or two more options. */
static void expect_level(enum durability level, const char *change, const char *option,
                         const char *other)
{
    mariadb_server_stop(&server);
    server.options[0] = option;
    server.options[1] = other;
    mariadb_server_restart(&server);
    struct durability_report report = read_report();
    cr_assert_eq(report.level, level, "%s: %s", option, durability_name(report.level));
    cr_assert_str_eq(report.change, change, "%s", option);
}

Test(store_mysql_durability, of_a_server_that_flushes_at_each_commit_is_the_best)
{
    struct durability_report report = read_report();
    char settings[DURABILITY_TEXT_SIZE];
    durability_describe_settings(&report, settings);
    cr_assert_eq(report.level, DURABILITY_POWER_LOSS, "%s", settings);
    cr_assert_str_eq(report.change, "");
    cr_assert_not_null(strstr(settings, "innodb_flush_log_at_trx_commit=1"), "%s", settings);
    const char *others = mariadb_server_is_mysql()
                             ? "innodb_doublewrite=ON Innodb_redo_log_enabled=ON "
                               "log_bin=ON sync_binlog=1"
                             : "innodb_doublewrite=ON log_bin=OFF";
    cr_assert_not_null(strstr(settings, others), "%s", settings);
}

Test(store_mysql_durability, of_a_server_that_leaves_flushing_to_its_machine_ends_with_that)
{
    expect_level(DURABILITY_PROCESS_CRASH, "innodb_flush_log_at_trx_commit=1",
                 "--innodb-flush-log-at-trx-commit=2", NULL);
}

Test(store_mysql_durability, of_a_server_that_writes_once_a_second_is_none)
{
    expect_level(DURABILITY_NONE, "innodb_flush_log_at_trx_commit=1",
                 "--innodb-flush-log-at-trx-commit=0", NULL);
}

Test(store_mysql_durability, a_binary_log_must_be_flushed_too)
{
    expect_level(DURABILITY_PROCESS_CRASH, "sync_binlog=1", "--log-bin=binlog", "--sync-binlog=0");
    expect_level(DURABILITY_POWER_LOSS, "", "--log-bin=binlog", "--sync-binlog=1");
}

Test(store_mysql_durability, pages_must_not_be_torn)
{
    expect_level(DURABILITY_PROCESS_CRASH, "innodb_doublewrite=ON", "--skip-innodb-doublewrite",
                 NULL);
}
