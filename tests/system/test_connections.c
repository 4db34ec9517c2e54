/* SPDX-License-Identifier: MIT */
/*
 * How many connections to the database a process takes, as common/store/README.md says, and what is
 * said when the server has none left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

static struct sql *admin;
static struct sql *held;
static struct service command;

static void start_with_admin(void)
{
    start();
    admin = database_open_admin(&database);
}

static void finish_all(void)
{
    process_discard(&command.process);
    sql_close(held);
    sql_close(admin);
    finish();
}

TestSuite(connections, .init = start_with_admin, .fini = finish_all, .timeout = 120);

static bool is_mysql(void)
{
    const char *kind = getenv("ORDERS_SYSTEM_DATABASE");
    return kind != NULL && strcmp(kind, "mysql") == 0;
}

/* The programs', and no others of their user. */
static int64_t connections(void)
{
    return sql_integer(admin, is_mysql()
                                  ? "SELECT count(*) FROM information_schema.processlist "
                                    "WHERE user = 'orders'"
                                  : "SELECT count(*) FROM pg_stat_activity "
                                    "WHERE application_name = 'orders' AND usename = 'orders'");
}

static bool are_connections(void *arg)
{
    return connections() == *(const int64_t *)arg;
}

static void expect_connections(int64_t count)
{
    cr_assert(wait_until(are_connections, &count, LIMIT_MS), "%lld, not %lld",
              (long long)connections(), (long long)count);
}

/* Each thread of order-api that uses the database has one when it needs it: for orders, for
 * requests that read, for a recount, and for its own work on orders while Redis is away. */
Test(connections, order_api_takes_up_to_four_and_order_worker_one)
{
    start_apis(1);
    sql_close(sql);
    sql = NULL;
    expect_status(http_get(client, "/readyz"), 200);
    expect_connections(2);
    start_workers(1);
    post_orders(1);
    expect_connections(2 + 1);
    expect_status(http_get(client, "/metrics?verify=1"), 200);
    expect_connections(3 + 1);
    redis_server_kill(&redis);
    post_orders(1);
    expect_connections(4 + 1);
    expect_status(http_get(client, "/metrics?verify=1"), 200);
    post_orders(FEW_ORDERS);
    cr_assert_leq(connections(), 4 + 1);
    stop_services();
    expect_connections(0);
}

static void leave_no_connection(void)
{
    if (!is_mysql()) {
        sql_execute(admin, "ALTER ROLE orders CONNECTION LIMIT 0");
        return;
    }
    sql_execute(admin, "ALTER USER 'orders'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1");
    held = database_open_sql(&database);
}

static void give_connections(void)
{
    sql_close(held);
    held = NULL;
    sql_execute(admin, is_mysql() ? "ALTER USER 'orders'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0"
                                  : "ALTER ROLE orders CONNECTION LIMIT -1");
}

Test(connections, where_none_is_left_services_and_commands_say_so)
{
    static const char words[] = "the server has no connection left";
    char url[256];
    snprintf(url, sizeof url, "DATABASE_URL=%s", database.url);
    const char *const settings_of_command[] = {url, NULL};
    const struct service_settings own = settings(0);
    leave_no_connection();
    cr_assert_eq(service_run(&command, false, "verify", settings_of_command, database.folder), 1);
    cr_assert(process_log_contains(&command.process, words));
    service_launch_api(&apis[0], &own);
    service_launch_worker(&workers[0], &own);
    cr_assert(process_wait_line(&apis[0].process, words, LIMIT_MS));
    cr_assert(process_wait_line(&workers[0].process, words, LIMIT_MS));
    give_connections();
    service_wait_api(&apis[0]);
    cr_assert(process_wait_line(&workers[0].process, "msg=ready", LIMIT_MS));
    stop_services();
}
