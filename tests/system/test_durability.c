/* SPDX-License-Identifier: MIT */
/* What a service says at start of its database's durability, and when it refuses to go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/mariadb_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"

enum { LIMIT_MS = 20000 };

static struct mariadb_server mariadb;
static struct postgres_server postgres;
static struct temp_dir dir;
static struct service service;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    process_discard(&service.process);
    mariadb_server_discard(&mariadb);
    postgres_server_discard(&postgres);
    temp_dir_remove(&dir);
}

TestSuite(durability, .init = start, .fini = finish, .timeout = 120);

/* A server that a power cut would cost the last second. */
static void start_weak_mariadb(void)
{
    mariadb.options[0] = "--innodb-flush-log-at-trx-commit=2";
    mariadb_server_start(&mariadb);
}

static void launch(bool worker, const char *database_url, const char *required)
{
    char url[256];
    char durability[64];
    snprintf(url, sizeof url, "DATABASE_URL=%s", database_url);
    snprintf(durability, sizeof durability, "REQUIRE_DURABILITY=%s", required);
    const char *const settings[] = {"PORT=0", url, durability, NULL};
    service_launch_bare(&service, worker, NULL, settings, dir.path);
}

static void expect_start(bool worker, const char *database_url, const char *required,
                         const char *line)
{
    launch(worker, database_url, required);
    cr_assert(process_wait_line(&service.process, "msg=ready", LIMIT_MS));
    cr_assert(process_log_contains(&service.process, line), "%s", line);
    cr_assert_eq(process_log_count(&service.process, "power_cut="), 1);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

/* One line, which names the variable and what to change in the database. */
static void expect_refusal(bool worker, const char *database_url, const char *required,
                           const char *change)
{
    launch(worker, database_url, required);
    cr_assert_eq(process_wait_exit(&service.process, LIMIT_MS), 1);
    cr_assert(process_log_contains(&service.process, "level=error msg=\"REQUIRE_DURABILITY: "));
    cr_assert(process_log_contains(&service.process, change), "%s", change);
    cr_assert_eq(process_log_count(&service.process, "level=error"), 1);
    cr_assert_eq(process_log_count(&service.process, "level=warn msg=\"stored"), 0);
}

/* MySQL keeps a binary log by default, and a server that has one may have replicas. */
Test(durability, of_a_server_is_logged_in_one_line)
{
    char line[320];
    mariadb_server_start(&mariadb);
    snprintf(line, sizeof line,
             "level=info msg=\"stored orders survive a power cut of the database's machine\" "
             "database=mysql durability=power-loss process_crash=\"nothing is lost\" "
             "power_cut=\"nothing is lost\" failover=\"%s",
             mariadb_server_is_mysql() ? "the orders that the replica has not fetched yet are lost"
                                       : "there is no replica");
    expect_start(true, mariadb.url, "", line);
    expect_start(false, mariadb.url, "power-loss", "durability=power-loss");
}

Test(durability, a_weak_server_is_warned_of_and_used)
{
    start_weak_mariadb();
    expect_start(false, mariadb.url, "",
                 "level=warn msg=\"stored orders survive a crash of the database's process, but "
                 "not a power cut\" database=mysql durability=process-crash "
                 "process_crash=\"nothing is lost\" "
                 "power_cut=\"the orders of about the last second are lost\"");
    expect_start(true, mariadb.url, "none", "change=\"innodb_flush_log_at_trx_commit=1\"");
    expect_start(true, mariadb.url, "process-crash", "durability=process-crash");
}

Test(durability, a_server_weaker_than_required_is_refused_untouched)
{
    static const char change[] = "required=power-loss durability=process-crash "
                                 "change=\"innodb_flush_log_at_trx_commit=1\"";
    start_weak_mariadb();
    expect_refusal(false, mariadb.url, "power-loss", change);
    expect_refusal(true, mariadb.url, "power-loss", change);
    struct sql *sql = sql_open_mariadb(&mariadb);
    cr_assert_eq(sql_integer(sql, "SELECT COUNT(*) FROM information_schema.TABLES "
                                  "WHERE TABLE_SCHEMA = 'orders'"),
                 0);
    sql_close(sql);
}

Test(durability, that_is_unknown_is_less_than_any)
{
    postgres_server_start(&postgres);
    struct sql *sql = sql_open_postgres_admin(&postgres);
    sql_execute(sql, "REVOKE EXECUTE ON FUNCTION current_setting(text, boolean) FROM public");
    sql_close(sql);
    expect_refusal(true, postgres.url, "process-crash", "does not show what it survives");
    expect_start(true, postgres.url, "", "durability=unknown");
}

Test(durability, a_file_in_memory_is_refused_where_a_power_cut_must_be_survived)
{
    char url[128];
    temp_dir_remove(&dir);
    strcpy(dir.path, "/dev/shm/orders-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir.path), "%s: %m", dir.path);
    snprintf(url, sizeof url, "sqlite:///%s/orders.db", dir.path);
    expect_refusal(false, url, "power-loss", "change=\"a file on a disk in DATABASE_URL\"");
    expect_start(true, url, "process-crash", "power_cut=\"every order is lost\"");
}
