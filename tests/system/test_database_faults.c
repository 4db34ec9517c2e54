/* SPDX-License-Identifier: MIT */
/*
 * The pair on a database that fails in all the ways it has: no acknowledged order is lost, none is
 * doubled, a request that cannot be served in time gets a 503 with Retry-After, and when the
 * database serves again nobody has to help.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"
#include "tests/system/fault_fixture.h"

enum {
    FEW_THREADS = 4,
    POSTS = 10,
    BREAKS = 5,
    BREAK_EVERY = 100,
    ANSWER_LIMIT_MS = 7500, /* the deadline of 5 s, and what one more attempt may take */
    SLOW_MS = 250,
    CONNECTIONS = 8,
};

TestSuite(database_faults, .init = start_with_faults, .fini = finish_with_faults, .timeout = 120);

static void start_services(void)
{
    start_apis_behind_proxies(1);
    start_workers_behind_proxies(1);
    load.thread_count = FEW_THREADS;
    post_orders(1);
}

static void expect_unavailable(void)
{
    uint64_t start_ms = wait_now_ms();
    const struct http_response *response = post_with_key("key");
    expect_problem(response, 503, "/order");
    expect_header(response, "Retry-After", "1");
    cr_assert_lt(wait_now_ms() - start_ms, ANSWER_LIMIT_MS);
}

static bool posts_are_stored(void *arg)
{
    (void)arg;
    return http_post_order(client, EXPECT_GOOD_ORDER)->status == 200;
}

/* The order with the key is stored once, whatever became of it before; and the pair works on. */
static void expect_recovery(void)
{
    post_until_stored();
    uint64_t id = expect_created(post_with_key("key"));
    cr_assert_eq(expect_created(post_with_key("key")), id);
    post_orders(POSTS);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM idempotency_keys"), 1);
    expect_all_completed_once(count_where("1 = 1"));
    stop_services();
}

Test(database_faults, a_silence_is_reported_in_time_and_survived)
{
    start_services();
    fault_proxy_silence(api_proxy);
    fault_proxy_silence(worker_proxy);
    expect_unavailable();
    expect_status(http_get(client, "/readyz"), 503);
    expect_status(http_get(client, "/livez"), 200);
    fault_proxy_pass(api_proxy);
    fault_proxy_pass(worker_proxy);
    expect_recovery();
}

Test(database_faults, nobody_listening_is_reported_in_time_and_survived)
{
    start_services();
    fault_proxy_refuse(api_proxy);
    fault_proxy_refuse(worker_proxy);
    fault_proxy_reset(api_proxy);
    fault_proxy_reset(worker_proxy);
    expect_unavailable();
    fault_proxy_pass(api_proxy);
    fault_proxy_pass(worker_proxy);
    expect_recovery();
}

/* Within the deadline whatever broke is sent again; no client sees any of it. */
static void expect_no_request_to_notice(void (*break_one)(int turn))
{
    start_services();
    load.order_count = (BREAKS + 1) * BREAK_EVERY;
    load_start(&load);
    for (int turn = 0; turn < BREAKS; turn++) {
        wait_for_accepted((size_t)(turn + 1) * BREAK_EVERY);
        break_one(turn);
    }
    join_load_without_failures();
    expect_all_completed_once((int64_t)load.order_count + 1);
    stop_services();
}

static void reset_all(int turn)
{
    (void)turn;
    fault_proxy_reset(api_proxy);
    fault_proxy_reset(worker_proxy);
}

Test(database_faults, no_request_notices_connections_that_are_reset)
{
    expect_no_request_to_notice(reset_all);
    cr_assert_gt(fault_proxy_counts(api_proxy).resets, 0);
}

static void half_close_all(int turn)
{
    fault_proxy_half_close(api_proxy, turn % 2 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT);
    fault_proxy_half_close(worker_proxy, turn % 2 == 0 ? FAULT_TO_CLIENT : FAULT_TO_SERVER);
}

Test(database_faults, no_request_notices_connections_that_are_half_closed)
{
    expect_no_request_to_notice(half_close_all);
    cr_assert_gt(fault_proxy_counts(api_proxy).half_closes, 0);
}

static size_t cuts_wanted;

static bool a_connection_was_cut(void *arg)
{
    (void)arg;
    return fault_proxy_counts(api_proxy).cuts >= cuts_wanted;
}

/* In the middle of a message, at another byte each time. */
static void cut_in_a_message(int turn)
{
    cuts_wanted = fault_proxy_counts(api_proxy).cuts + 1;
    fault_proxy_cut_after(api_proxy, turn % 2 == 0 ? FAULT_TO_SERVER : FAULT_TO_CLIENT,
                          100 + (uint64_t)turn * 37);
    cr_assert(wait_until(a_connection_was_cut, NULL, LIMIT_MS));
    fault_proxy_pass(api_proxy);
}

Test(database_faults, no_request_notices_messages_that_are_cut)
{
    expect_no_request_to_notice(cut_in_a_message);
}

/* Until whoever goes through the API's proxy is answered. */
static uint64_t round_trip_ms(void)
{
    struct database behind = database;
    behind.mariadb.port = fault_proxy_port(api_proxy);
    behind.postgres.port = fault_proxy_port(api_proxy);
    struct sql *probe = database_open_sql(&behind);
    uint64_t start_ms = wait_now_ms();
    sql_integer(probe, "SELECT 1");
    uint64_t took_ms = wait_now_ms() - start_ms;
    sql_close(probe);
    return took_ms;
}

/* Slow is not away: what is accepted is stored, the rest is refused at once. */
Test(database_faults, a_slow_database_loses_nothing)
{
    start_services();
    fault_proxy_delay(api_proxy, SLOW_MS);
    cr_assert_geq(round_trip_ms(), 2 * SLOW_MS);
    load.order_count = FEW_ORDERS;
    load_start(&load);
    load_join(&load);
    fault_proxy_pass(api_proxy);
    cr_assert(load.failed == 0 || strncmp(load.failure, "503", 3) == 0, "%s", load.failure);
    cr_assert_gt(load.accepted, 0);
    expect_accepted_orders();
    expect_recovery();
}

static void set_read_only(struct sql *admin, bool on)
{
    if (database_is("mysql")) {
        sql_execute(admin, on ? "SET GLOBAL read_only = 1" : "SET GLOBAL read_only = 0");
        return;
    }
    sql_execute(admin, on ? "ALTER DATABASE orders SET default_transaction_read_only = on"
                          : "ALTER DATABASE orders RESET default_transaction_read_only");
    sql_execute(admin, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                       "WHERE application_name = 'orders'");
}

/* As a primary that has become a replica: what is read there gets old, so it is not read either. */
Test(database_faults, a_read_only_database_is_reported_in_time_and_survived)
{
    char path[64];
    start_services();
    struct sql *admin = database_open_admin(&database);
    uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    set_read_only(admin, true);
    expect_unavailable();
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
    expect_status(http_get(client, path), 503);
    set_read_only(admin, false);
    sql_close(admin);
    post_until_stored();
    expect_status(http_get(client, path), 200);
    expect_recovery();
}

static bool only_the_test_is_connected(void *arg)
{
    enum { BY_THE_TEST = 2 };
    return sql_integer(arg, "SELECT count(*) FROM information_schema.processlist "
                            "WHERE command <> 'Daemon'") == BY_THE_TEST;
}

/*
 * Everything the server lets in is taken by others, and the pair has just lost its connections. The
 * limit is the server's on MariaDB, the user's on PostgreSQL.
 */
static size_t take_connections(struct sql *admin, struct sql *taken[CONNECTIONS])
{
    if (!database_is("mysql")) {
        sql_execute(admin, "ALTER ROLE orders CONNECTION LIMIT 0");
        return 0;
    }
    sql_execute(admin, "SET GLOBAL max_connections = 10"); /* and one for an administrator */
    cr_assert(wait_until(only_the_test_is_connected, admin, LIMIT_MS));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        taken[i] = database_open_sql(&database);
    }
    return CONNECTIONS;
}

static void give_connections(struct sql *admin, struct sql *taken[CONNECTIONS], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sql_close(taken[i]);
    }
    if (!database_is("mysql")) {
        sql_execute(admin, "ALTER ROLE orders CONNECTION LIMIT -1");
    }
}

static bool no_connection_is_left(void *arg)
{
    (void)arg;
    fault_proxy_reset(api_proxy);
    fault_proxy_reset(worker_proxy);
    return process_log_contains(&apis[0].process,
                                database_is("mysql") ? "code=1040" : "too many connections");
}

Test(database_faults, connections_that_run_out_are_reported_in_time_and_survived)
{
    struct sql *taken[CONNECTIONS];
    start_services();
    struct sql *admin = database_open_admin(&database);
    fault_proxy_refuse(api_proxy);
    fault_proxy_refuse(worker_proxy);
    fault_proxy_reset(api_proxy);
    fault_proxy_reset(worker_proxy);
    size_t count = take_connections(admin, taken);
    fault_proxy_pass(api_proxy);
    fault_proxy_pass(worker_proxy);
    expect_unavailable();
    cr_assert(wait_until(no_connection_is_left, NULL, LIMIT_MS), "there was still one");
    give_connections(admin, taken, count);
    sql_close(admin);
    cr_assert(wait_until(posts_are_stored, NULL, LIMIT_MS));
    expect_recovery();
}
