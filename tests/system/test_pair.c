/* SPDX-License-Identifier: MIT */
/*
 * The scaled-out pair: several APIs and workers on MariaDB and Redis, with parts of it dying. What
 * has been acknowledged is completed, each order once, after its time in Processing.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/wait_until.h"

enum {
    APIS = 2,
    WORKERS = 3,
    THREADS = 8,
    ORDERS = 2000,
    FEW_ORDERS = 50,
    DELAY_MS = 500,
    LATE_LIMIT_US = 1000 * 1000, /* an orphan completes at its own deadline + 1 s */
    LIMIT_MS = 60000,
    SUSPENDED_LIMIT_MS = 20000,
    LOCKED_FOR_MS = 100,
    QUIET_MS = 1500,
    WORKER_STOP_MS = 1000,
};

static struct mariadb_server mariadb;
static struct redis_server redis;
static struct service apis[APIS];
static struct service workers[WORKERS];
static struct http_client *client; /* of the first API */
static struct sql *sql;
static struct load load;

static struct service_settings settings(void)
{
    return (struct service_settings){.folder = mariadb.dir.path,
                                     .database_url = mariadb.url,
                                     .redis_url = redis.url,
                                     .delay_ms = DELAY_MS};
}

static void start(void)
{
    mariadb_server_start(&mariadb);
    redis_server_start(&redis);
}

static void finish(void)
{
    http_client_destroy(client);
    load_finish(&load);
    sql_close(sql);
    for (size_t i = 0; i < APIS; i++) {
        process_discard(&apis[i].process);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        process_discard(&workers[i].process);
    }
    redis_server_discard(&redis);
    mariadb_server_discard(&mariadb);
}

TestSuite(pair, .init = start, .fini = finish, .timeout = 150);

static void start_apis(size_t count)
{
    struct service_settings own = settings();
    for (size_t i = 0; i < count; i++) {
        service_start_api(&apis[i], &own);
        load.ports[i] = apis[i].port;
    }
    load.port_count = count;
    load.thread_count = THREADS;
    load.order_count = ORDERS;
    client = http_client_create(apis[0].port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    sql = sql_open_mariadb(&mariadb);
}

static void start_workers(size_t count)
{
    struct service_settings own = settings();
    for (size_t i = 0; i < count; i++) {
        service_start_worker(&workers[i], &own);
    }
}

/* Ends all that still runs, asserting that it ends as it should. */
static void stop_services(void)
{
    http_client_destroy(client);
    client = NULL;
    for (size_t i = 0; i < APIS; i++) {
        if (apis[i].process.pid != 0) {
            process_stop_cleanly(&apis[i].process, SERVICE_STOP_MS);
        }
    }
    for (size_t i = 0; i < WORKERS; i++) {
        if (workers[i].process.pid != 0) {
            process_stop_cleanly(&workers[i].process, SERVICE_STOP_MS);
        }
    }
}

static int64_t count_where(const char *condition)
{
    char query[512];
    snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE %s", condition);
    return sql_integer(sql, query);
}

static bool all_are_completed(void *arg)
{
    (void)arg;
    return count_where("status <> 2") == 0;
}

static bool any_has_left_pending(void *arg)
{
    (void)arg;
    return count_where("status <> 0") > 0;
}

static bool any_is_processing(void *arg)
{
    (void)arg;
    return count_where("status = 1") > 0;
}

/* `arg`: how many orders must have been accepted. */
static bool so_many_are_accepted(void *arg)
{
    const size_t *count = arg;
    return load.accepted + load.failed >= *count;
}

static void wait_for_accepted(size_t count)
{
    cr_assert(wait_until(so_many_are_accepted, &count, LIMIT_MS), "%zu were accepted",
              load.accepted);
}

static void post_orders(int count)
{
    for (int i = 0; i < count; i++) {
        expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    }
}

/* `arg`: how many hints the list is to hold. */
static bool so_many_hints_wait(void *arg)
{
    const int *count = arg;
    return redis_server_command(&redis, "LLEN orders:pending") == *count;
}

/* The answer does not wait for the hint, so the hint may come after it. Nobody takes them here. */
static void post_orders_with_hints(int count)
{
    post_orders(count);
    cr_assert(wait_until(so_many_hints_wait, &count, LIMIT_MS));
}

/* Both of one snapshot. */
static void expect_counters_to_equal_a_recount(void)
{
    int64_t counted[4];
    int64_t rows[4];
    sql_execute(sql, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    sql_execute(sql, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
    sql_row(sql,
            "SELECT sum(created), sum(started), sum(completed), sum(duration_us) FROM counters",
            counted, 4);
    sql_row(sql,
            "SELECT count(*), sum(status >= 1), sum(status = 2), "
            "sum(TIMESTAMPDIFF(MICROSECOND, created_at, completed_at)) FROM orders",
            rows, 4);
    sql_execute(sql, "COMMIT");
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(counted[i], rows[i], "counter %zu is %" PRId64 ", the rows say %" PRId64, i,
                     counted[i], rows[i]);
    }
}

static void expect_metrics(int64_t completed)
{
    char expected[128];
    char end[128];
    const struct http_response *response = http_get(client, "/metrics");
    snprintf(expected, sizeof expected, "{\"total_orders\":%" PRId64 ",", completed);
    snprintf(end, sizeof end,
             ",\"pending_orders\":0,\"processing_orders\":0,\"completed_orders\":%" PRId64 "}",
             completed);
    expect_status(response, 200);
    cr_assert_eq(strncmp(response->body, expected, strlen(expected)), 0, "%s", response->body);
    cr_assert_not_null(strstr(response->body, end), "%s", response->body);
}

/* `count` orders, all completed, each counted once, none before its time. */
static void expect_all_completed_once(int64_t count)
{
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS), "%" PRId64 " are not completed",
              count_where("status <> 2"));
    cr_assert_eq(count_where("1"), count);
    expect_counters_to_equal_a_recount();
    expect_metrics(count);
    int64_t shortest_us =
        sql_integer(sql, "SELECT min(TIMESTAMPDIFF(MICROSECOND, started_at, completed_at)) "
                         "FROM orders");
    cr_assert_geq(shortest_us, DELAY_MS * 1000, "%" PRId64 " us in Processing", shortest_us);
    cr_assert_eq(count_where("completed_at < due_at OR started_at < created_at"), 0);
}

static void expect_accepted_orders(void)
{
    char query[128];
    for (size_t i = 0; i < load.accepted; i++) {
        snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE id = %" PRIu64,
                 load.ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is lost", load.ids[i]);
    }
}

static void join_load_without_failures(void)
{
    load_join(&load);
    load_expect_no_failure(&load);
    cr_assert_eq(load.accepted, load.order_count);
    expect_accepted_orders();
}

Test(pair, workers_that_die_and_stop_on_the_way_change_nothing)
{
    start_apis(APIS);
    start_workers(WORKERS);
    load_start(&load);
    wait_for_accepted(ORDERS / 4);
    process_kill(&workers[0].process);
    wait_for_accepted(ORDERS / 2);
    process_stop_cleanly(&workers[1].process, WORKER_STOP_MS);
    join_load_without_failures();
    expect_all_completed_once(ORDERS);
    int64_t late_us =
        sql_integer(sql,
                    "SELECT max(TIMESTAMPDIFF(MICROSECOND, due_at, completed_at)) FROM orders");
    cr_assert_leq(late_us, LATE_LIMIT_US, "%" PRId64 " us late", late_us);
    stop_services();
}

Test(pair, metrics_equal_a_recount_at_every_instant)
{
    start_apis(APIS);
    start_workers(WORKERS);
    load_start(&load);
    do {
        expect_counters_to_equal_a_recount();
    } while (load.accepted + load.failed < load.order_count);
    join_load_without_failures();
    while (!all_are_completed(NULL)) {
        expect_counters_to_equal_a_recount();
    }
    expect_all_completed_once(ORDERS);
    stop_services();
}

static bool a_hint_reaches_redis(void *arg)
{
    (void)arg;
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    return redis_server_command(&redis, "LLEN orders:pending") > 0;
}

Test(pair, no_request_notices_that_redis_dies_and_comes_back)
{
    start_apis(APIS);
    start_workers(WORKERS);
    load_start(&load);
    wait_for_accepted(ORDERS / 4);
    redis_server_kill(&redis);
    wait_for_accepted(ORDERS / 2);
    redis_server_restart(&redis);
    join_load_without_failures();
    expect_all_completed_once(ORDERS);
    for (size_t i = 0; i < WORKERS; i++) {
        process_stop_cleanly(&workers[i].process, SERVICE_STOP_MS);
    }
    cr_assert(wait_until(a_hint_reaches_redis, NULL, LIMIT_MS), "the API is back on Redis");
    start_workers(1);
    expect_all_completed_once(count_where("1"));
    stop_services();
}

Test(pair, without_redis_the_api_processes_orders_itself)
{
    start_apis(1);
    redis_server_kill(&redis);
    load.order_count = FEW_ORDERS;
    load_start(&load);
    join_load_without_failures();
    expect_all_completed_once(FEW_ORDERS);
    stop_services();
}

Test(pair, without_redis_and_api_workers_find_orders_in_the_database)
{
    start_apis(1);
    post_orders_with_hints(FEW_ORDERS);
    redis_server_kill(&redis);
    stop_services();
    cr_assert_eq(count_where("status = 0"), FEW_ORDERS);
    start_workers(WORKERS);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert_eq(count_where("status = 2"), FEW_ORDERS);
    expect_counters_to_equal_a_recount();
    stop_services();
}

Test(pair, hints_that_are_flushed_under_load_lose_no_order)
{
    start_apis(APIS);
    start_workers(WORKERS);
    load_start(&load);
    for (size_t accepted = ORDERS / 10; accepted <= ORDERS; accepted += ORDERS / 10) {
        wait_for_accepted(accepted);
        redis_server_command(&redis, "FLUSHALL");
    }
    join_load_without_failures();
    expect_all_completed_once(ORDERS);
    stop_services();
}

/* No worker was there to take the hints before they went. */
Test(pair, orders_whose_hints_were_all_flushed_are_completed)
{
    start_apis(1);
    post_orders_with_hints(FEW_ORDERS);
    redis_server_command(&redis, "FLUSHALL");
    start_workers(1);
    expect_all_completed_once(FEW_ORDERS);
    stop_services();
}

Test(pair, without_workers_orders_stay_pending)
{
    char path[64];
    start_apis(1);
    uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
    cr_assert_not(wait_until(any_has_left_pending, NULL, QUIET_MS), "nobody is to touch it");
    expect_order(http_get(client, path), id, "Pending");
    cr_assert_eq(redis_server_command(&redis, "LLEN orders:pending"), 1);
    start_workers(1);
    expect_all_completed_once(1);
    expect_order(http_get(client, path), id, "Completed");
    stop_services();
}

/* Rows another connection has locked are not seen by this. */
static bool any_row_is_locked(void)
{
    int64_t rows = count_where("1");
    return sql_integer(sql,
                       "SELECT count(*) FROM (SELECT id FROM orders FOR UPDATE SKIP LOCKED) o") <
           rows;
}

static bool no_row_is_locked(void *arg)
{
    (void)arg;
    return !any_row_is_locked();
}

/* Suspends the first worker; lets it go on again if that was not in the moment asked for. */
static bool suspended(bool in_transaction)
{
    process_signal(&workers[0].process, SIGSTOP);
    /* A statement that was on its way already still ends, a transaction does not. */
    bool unlocked = wait_until(no_row_is_locked, NULL, LOCKED_FOR_MS);
    if (in_transaction ? !unlocked : unlocked && any_is_processing(NULL)) {
        return true;
    }
    process_signal(&workers[0].process, SIGCONT);
    return false;
}

static bool suspended_between_transactions(void *arg)
{
    (void)arg;
    return suspended(false);
}

static bool suspended_in_a_transaction(void *arg)
{
    (void)arg;
    return suspended(true);
}

/* As a virtual machine that was suspended: its deadlines pass, others do its work. */
Test(pair, a_worker_that_was_suspended_changes_nothing_when_it_goes_on)
{
    start_apis(1);
    start_workers(1);
    post_orders(FEW_ORDERS);
    cr_assert(wait_until(suspended_between_transactions, NULL, LIMIT_MS));
    struct service_settings own = settings();
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

/* Its locks must not outlive it for long, or nobody could complete what it holds. */
Test(pair, a_worker_that_was_suspended_in_a_transaction_holds_up_nothing)
{
    static const char *const small[] = {"WORKER_CAPACITY=100", NULL}; /* many transactions */
    struct service_settings own = settings();
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

/* Requests may be told 503 meanwhile, but what was acknowledged is there. */
Test(pair, an_acknowledged_order_survives_the_death_of_the_database)
{
    start_apis(APIS);
    start_workers(WORKERS);
    load_start(&load);
    wait_for_accepted(ORDERS / 4);
    sql_close(sql);
    sql = NULL;
    mariadb_server_kill(&mariadb);
    mariadb_server_restart(&mariadb);
    load_join(&load);
    sql = sql_open_mariadb(&mariadb);
    cr_assert(load.failed == 0 || strncmp(load.failure, "503", 3) == 0, "%s", load.failure);
    expect_accepted_orders();
    cr_assert_geq(count_where("1"), (int64_t)load.accepted);
    expect_all_completed_once(count_where("1"));
    stop_services();
}

/* The thread that waits for the hints keeps the deadlines too. */
Test(pair, a_hung_redis_makes_no_order_late)
{
    start_apis(1);
    start_workers(1);
    post_orders(FEW_ORDERS);
    process_signal(&redis.process, SIGSTOP);
    post_orders(FEW_ORDERS);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert_eq(count_where("TIMESTAMPDIFF(MICROSECOND, due_at, completed_at) > 1000000"), 0);
    process_signal(&redis.process, SIGCONT);
    expect_all_completed_once(2 * FEW_ORDERS);
    stop_services();
}
