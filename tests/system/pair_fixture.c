/* SPDX-License-Identifier: MIT */
#include "tests/system/pair_fixture.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"

enum { LOCKED_FOR_MS = 100 };

struct database database;
struct redis_server redis;
struct service apis[APIS];
struct service workers[WORKERS];
struct http_client *client;
struct sql *sql;
struct load load;
const char *through_database;
const char *through_redis;

struct service_settings settings(size_t index)
{
    const char *direct = index % 2 == 0 ? database.url : database.other_url;
    return (struct service_settings){.folder = database.folder,
                                     .database_url =
                                         through_database != NULL ? through_database : direct,
                                     .redis_url = through_redis != NULL ? through_redis : redis.url,
                                     .delay_ms = DELAY_MS};
}

void start(void)
{
    database_start(&database, getenv("ORDERS_SYSTEM_DATABASE"));
    redis_server_start(&redis);
}

void finish(void)
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
    database_discard(&database);
}

void start_apis(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct service_settings own = settings(i);
        service_start_api(&apis[i], &own);
        load.ports[i] = apis[i].port;
    }
    load.port_count = count;
    load.thread_count = THREADS;
    load.order_count = ORDERS;
    client = http_client_create(apis[0].port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    sql = database_open_sql(&database);
}

void start_workers(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct service_settings own = settings(i);
        service_start_worker(&workers[i], &own);
    }
}

static void stop(struct service *service)
{
    if (service->process.pid != 0) {
        process_stop_cleanly(&service->process, SERVICE_STOP_MS);
    }
}

void stop_services(void)
{
    http_client_destroy(client);
    client = NULL;
    for (size_t i = 0; i < APIS; i++) {
        stop(&apis[i]);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        stop(&workers[i]);
    }
}

int64_t count_where(const char *condition)
{
    char query[512];
    snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE %s", condition);
    return sql_integer(sql, query);
}

bool all_are_completed(void *arg)
{
    (void)arg;
    return count_where("status <> 2") == 0;
}

bool any_has_left_pending(void *arg)
{
    (void)arg;
    return count_where("status <> 0") > 0;
}

bool any_is_processing(void *arg)
{
    (void)arg;
    return count_where("status = 1") > 0;
}

/* `arg`: how many requests must have been answered. */
static bool so_many_are_answered(void *arg)
{
    const size_t *count = arg;
    return load.accepted + load.failed >= *count;
}

void wait_for_accepted(size_t count)
{
    cr_assert(wait_until(so_many_are_answered, &count, LIMIT_MS), "%zu were accepted",
              load.accepted);
}

void post_orders(int count)
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

/* The answer does not wait for the hint, so the hint may come after it. */
void post_orders_with_hints(int count)
{
    post_orders(count);
    cr_assert(wait_until(so_many_hints_wait, &count, LIMIT_MS));
}

void expect_accepted_orders(void)
{
    char query[128];
    for (size_t i = 0; i < load.accepted; i++) {
        snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE id = %" PRIu64,
                 load.ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is lost", load.ids[i]);
    }
}

void join_load_without_failures(void)
{
    load_join(&load);
    load_expect_no_failure(&load);
    cr_assert_eq(load.accepted, load.order_count);
    expect_accepted_orders();
}

void expect_counters_to_equal_a_recount(void)
{
    database_expect_exact_counters(&database, sql);
}

/* When all are completed, and nothing else happens. */
static void expect_metrics_of_completed(void)
{
    int64_t rows[8];
    database_recount(&database, sql, rows);
    const struct shown_metrics shown = expect_metrics(http_get(client, "/metrics"));
    cr_assert_eq(shown.total, rows[4]);
    cr_assert_eq(shown.pending, 0);
    cr_assert_eq(shown.processing, 0);
    cr_assert_eq(shown.completed, rows[4]);
    expect_average(&shown, rows[7]);
}

void expect_all_completed_once(int64_t count)
{
    char query[256];
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS), "%" PRId64 " are not completed",
              count_where("status <> 2"));
    cr_assert_eq(count_where("1 = 1"), count);
    expect_counters_to_equal_a_recount();
    expect_metrics_of_completed();
    snprintf(query, sizeof query, "SELECT min(%s) FROM orders",
             database_us(&database, "started_at", "completed_at"));
    int64_t shortest_us = sql_integer(sql, query);
    cr_assert_geq(shortest_us, DELAY_MS * 1000, "%" PRId64 " us in Processing", shortest_us);
    cr_assert_eq(count_where("completed_at < due_at OR started_at < created_at"), 0);
}

int64_t latest_us(void)
{
    char query[256];
    snprintf(query, sizeof query, "SELECT max(%s) FROM orders",
             database_us(&database, "due_at", "completed_at"));
    return sql_integer(sql, query);
}

/* Rows another connection has locked are not seen by this. */
static bool any_row_is_locked(void)
{
    int64_t rows = count_where("1 = 1");
    return sql_integer(sql,
                       "SELECT count(*) FROM (SELECT id FROM orders FOR UPDATE SKIP LOCKED) o") <
           rows;
}

static bool no_row_is_locked(void *arg)
{
    (void)arg;
    return !any_row_is_locked();
}

bool suspend_first_worker(bool in_transaction)
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
