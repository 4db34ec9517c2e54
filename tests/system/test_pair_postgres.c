/* SPDX-License-Identifier: MIT */
/*
 * The scaled-out pair on PostgreSQL: what test_pair.c shows of MariaDB at length, here for what
 * the two databases do differently.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/wait_until.h"

enum {
    APIS = 2,
    WORKERS = 2,
    THREADS = 8,
    ORDERS = 2000,
    DELAY_MS = 500,
    LATE_LIMIT_US = 1000 * 1000, /* an orphan completes at its own deadline + 1 s */
    LIMIT_MS = 60000,
};

static struct postgres_server postgres;
static struct redis_server redis;
static struct service apis[APIS];
static struct service workers[WORKERS];
static struct sql *sql;
static struct load load;

static void start(void)
{
    postgres_server_start(&postgres);
    redis_server_start(&redis);
    const struct service_settings settings = {.folder = postgres.dir.path,
                                              .database_url = postgres.url,
                                              .redis_url = redis.url,
                                              .delay_ms = DELAY_MS};
    for (size_t i = 0; i < APIS; i++) {
        service_start_api(&apis[i], &settings);
        load.ports[i] = apis[i].port;
    }
    for (size_t i = 0; i < WORKERS; i++) {
        service_start_worker(&workers[i], &settings);
    }
    load.port_count = APIS;
    load.thread_count = THREADS;
    load.order_count = ORDERS;
    sql = sql_open_postgres(&postgres);
}

static void finish(void)
{
    load_finish(&load);
    sql_close(sql);
    for (size_t i = 0; i < APIS; i++) {
        process_discard(&apis[i].process);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        process_discard(&workers[i].process);
    }
    redis_server_discard(&redis);
    postgres_server_discard(&postgres);
}

TestSuite(pair_postgres, .init = start, .fini = finish, .timeout = 150);

static void stop_services(void)
{
    for (size_t i = 0; i < APIS; i++) {
        process_stop_cleanly(&apis[i].process, SERVICE_STOP_MS);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        if (workers[i].process.pid != 0) {
            process_stop_cleanly(&workers[i].process, SERVICE_STOP_MS);
        }
    }
}

static int64_t count_where(const char *condition)
{
    char query[256];
    snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE %s", condition);
    return sql_integer(sql, query);
}

static bool all_are_completed(void *arg)
{
    (void)arg;
    return count_where("status <> 2") == 0;
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

static void expect_accepted_orders(void)
{
    char query[128];
    for (size_t i = 0; i < load.accepted; i++) {
        snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE id = %" PRIu64,
                 load.ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is lost", load.ids[i]);
    }
}

/* Both in one statement, and so of one snapshot. */
static void expect_counters_to_equal_a_recount(void)
{
    int64_t both[8];
    sql_row(sql,
            "SELECT * FROM (SELECT sum(created), sum(started), sum(completed), sum(duration_us) "
            "FROM counters) c, (SELECT count(*), count(*) FILTER (WHERE status >= 1), "
            "count(*) FILTER (WHERE status = 2), "
            "(extract(epoch FROM sum(completed_at - created_at)) * 1000000)::bigint "
            "FROM orders) o",
            both, 8);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(both[i], both[i + 4], "counter %zu is %" PRId64 ", the rows say %" PRId64, i,
                     both[i], both[i + 4]);
    }
}

static void expect_metrics(int64_t completed)
{
    char expected[128];
    char end[128];
    struct http_client *client =
        http_client_create(apis[0].port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    const struct http_response *response = http_get(client, "/metrics");
    snprintf(expected, sizeof expected, "{\"total_orders\":%" PRId64 ",", completed);
    snprintf(end, sizeof end,
             ",\"pending_orders\":0,\"processing_orders\":0,\"completed_orders\":%" PRId64 "}",
             completed);
    expect_status(response, 200);
    cr_assert_eq(strncmp(response->body, expected, strlen(expected)), 0, "%s", response->body);
    cr_assert_not_null(strstr(response->body, end), "%s", response->body);
    http_client_destroy(client);
}

/* `count` orders, all completed, each counted once, none before its time. */
static void expect_all_completed_once(int64_t count)
{
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS), "%" PRId64 " are not completed",
              count_where("status <> 2"));
    cr_assert_eq(count_where("true"), count);
    expect_counters_to_equal_a_recount();
    expect_metrics(count);
    cr_assert_eq(count_where("completed_at - started_at < interval '500 ms'"), 0);
    cr_assert_eq(count_where("completed_at < due_at OR started_at < created_at"), 0);
}

Test(pair_postgres, a_worker_that_is_killed_changes_nothing)
{
    load_start(&load);
    wait_for_accepted(ORDERS / 2);
    process_kill(&workers[0].process);
    load_join(&load);
    load_expect_no_failure(&load);
    cr_assert_eq(load.accepted, ORDERS);
    expect_accepted_orders();
    expect_all_completed_once(ORDERS);
    int64_t late_us = sql_integer(sql, "SELECT (extract(epoch FROM max(completed_at - due_at)) * "
                                       "1000000)::bigint FROM orders");
    cr_assert_leq(late_us, LATE_LIMIT_US, "%" PRId64 " us late", late_us);
    stop_services();
}

Test(pair_postgres, metrics_equal_a_recount_at_every_instant)
{
    load_start(&load);
    do {
        expect_counters_to_equal_a_recount();
    } while (load.accepted + load.failed < load.order_count);
    load_join(&load);
    load_expect_no_failure(&load);
    while (!all_are_completed(NULL)) {
        expect_counters_to_equal_a_recount();
    }
    expect_all_completed_once(ORDERS);
    stop_services();
}

/* Requests may be told 503 meanwhile, but what was acknowledged is there. */
Test(pair_postgres, an_acknowledged_order_survives_the_death_of_the_database)
{
    load_start(&load);
    wait_for_accepted(ORDERS / 4);
    sql_close(sql);
    sql = NULL;
    postgres_server_kill(&postgres);
    postgres_server_restart(&postgres);
    load_join(&load);
    sql = sql_open_postgres(&postgres);
    cr_assert(load.failed == 0 || strncmp(load.failure, "503", 3) == 0, "%s", load.failure);
    expect_accepted_orders();
    cr_assert_geq(count_where("true"), (int64_t)load.accepted);
    expect_all_completed_once(count_where("true"));
    stop_services();
}
