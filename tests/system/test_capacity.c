/* SPDX-License-Identifier: MIT */
/* How much one worker holds: a great deal, in little memory, and never more than its setting
 * allows. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

#define MANY "100000"

enum {
    MANY_COUNT = 100000, /* also the default of WORKER_CAPACITY */
    RESIDENT_MAX_KB = 32 * 1024,
    TEN_MINUTES_MS = 10 * 60 * 1000,
    FEW = 400,
    SMALL_CAPACITY = 50,
    SHORT_MS = 200,
    LIMIT_MS = 90000,
    STOP_MS = 1000,
};

static struct temp_dir dir;
static struct mariadb_server mariadb;
static struct redis_server redis;
static struct service service;
static struct service worker;
static struct sql *sql;
static struct load load;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    sql_close(sql);
    load_finish(&load);
    process_discard(&service.process);
    process_discard(&worker.process);
    redis_server_discard(&redis);
    mariadb_server_discard(&mariadb);
    temp_dir_remove(&dir);
}

TestSuite(capacity, .init = start, .fini = finish, .timeout = 150);

static const char *const small_capacity[] = {"WORKER_CAPACITY=50", NULL};

static struct service_settings sqlite_settings(uint32_t delay_ms)
{
    return (struct service_settings){.folder = dir.path, .delay_ms = delay_ms};
}

static struct service_settings mariadb_settings(uint32_t delay_ms)
{
    return (struct service_settings){.folder = dir.path,
                                     .database_url = mariadb.url,
                                     .delay_ms = delay_ms};
}

/* A worker that starts brings the schema, and finds nothing to do yet. */
static void make_schema(const struct service_settings *settings)
{
    service_start_worker(&worker, settings);
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
}

static void open_sqlite(void)
{
    char path[128];
    struct service_settings settings = sqlite_settings(SHORT_MS);
    make_schema(&settings);
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    sql = sql_open_sqlite(path);
}

static void open_mariadb(void)
{
    mariadb_server_start(&mariadb);
    struct service_settings settings = mariadb_settings(SHORT_MS);
    make_schema(&settings);
    sql = sql_open_mariadb(&mariadb);
}

/* As many orders as an API would have left that was killed before a worker came. */
static void insert_pending_into_sqlite(int count)
{
    char statement[1024];
    snprintf(statement, sizeof statement,
             "BEGIN;"
             "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < %d) "
             "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
             "created_at, due_at) SELECT id, 'c', 'u', '[1]', 1, 0, t, t FROM n, (SELECT CAST("
             "(julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - 1000000 AS t);"
             "UPDATE counters SET created = created + %d WHERE slot = 0;"
             "UPDATE id_blocks SET next_id = %d + 1;"
             "COMMIT",
             count, count, count);
    sql_execute(sql, statement);
}

static void insert_pending_into_mariadb(void)
{
    sql_execute(sql, "BEGIN");
    sql_execute(sql, "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
                     "created_at, due_at) "
                     "WITH d (n) AS (SELECT 0 UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION "
                     "SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION "
                     "SELECT 9) "
                     "SELECT ROW_NUMBER() OVER (), 'c', 'u', '[1]', 1, 0, t, t "
                     "FROM d d1, d d2, d d3, d d4, d d5, /* as many as MANY */ "
                     "(SELECT UTC_TIMESTAMP(6) - INTERVAL 1 SECOND AS t) n");
    sql_execute(sql, "UPDATE counters SET created = created + " MANY " WHERE slot = 0");
    sql_execute(sql, "UPDATE id_blocks SET next_id = " MANY " + 1");
    sql_execute(sql, "COMMIT");
}

static int64_t count_in(int status)
{
    char query[64];
    snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE status = %d", status);
    return sql_integer(sql, query);
}

static bool none_is_pending(void *arg)
{
    (void)arg;
    return count_in(0) == 0;
}

static bool all_are_completed(void *arg)
{
    const int *count = arg;
    return count_in(2) == *count;
}

static void expect_counters(int64_t created, int64_t started, int64_t completed)
{
    int64_t counted[3];
    sql_row(sql, "SELECT sum(created), sum(started), sum(completed) FROM counters", counted, 3);
    cr_assert_eq(counted[0], created);
    cr_assert_eq(counted[1], started);
    cr_assert_eq(counted[2], completed);
}

/* A sanitizer's own memory says nothing about the worker's. */
static void expect_little_memory(void)
{
    size_t kb = process_resident_kb(&worker.process);
    cr_assert(service_is_sanitized() || kb < RESIDENT_MAX_KB, "%zu KB are resident", kb);
}

/* One worker takes all, stops at once, and all are there for the next, at their own deadlines. */
static void hold_many(const struct service_settings *settings, const char *make_due)
{
    int many = MANY_COUNT;
    service_start_worker(&worker, settings);
    cr_assert(wait_until(none_is_pending, NULL, LIMIT_MS), "%" PRId64 " are left", count_in(0));
    cr_assert_eq(count_in(1), MANY_COUNT);
    expect_little_memory();
    expect_counters(MANY_COUNT, MANY_COUNT, 0);
    process_stop_cleanly(&worker.process, STOP_MS);
    cr_assert_eq(count_in(1), MANY_COUNT);
    sql_execute(sql, make_due);
    service_start_worker(&worker, settings);
    cr_assert(wait_until(all_are_completed, &many, LIMIT_MS), "%" PRId64 " are left", count_in(1));
    expect_counters(MANY_COUNT, MANY_COUNT, MANY_COUNT);
    process_stop_cleanly(&worker.process, STOP_MS);
}

Test(capacity, one_worker_holds_100000_orders_of_sqlite)
{
    open_sqlite();
    insert_pending_into_sqlite(MANY_COUNT);
    struct service_settings settings = sqlite_settings(TEN_MINUTES_MS);
    hold_many(&settings, "UPDATE orders SET due_at = started_at");
}

Test(capacity, one_worker_holds_100000_orders_of_mariadb)
{
    open_mariadb();
    insert_pending_into_mariadb();
    struct service_settings settings = mariadb_settings(TEN_MINUTES_MS);
    hold_many(&settings, "UPDATE orders SET due_at = started_at");
}

/* How many were Processing at most, until all were Completed. */
struct watch {
    int64_t most;
};

static bool watched_until_completed(void *arg)
{
    struct watch *watch = arg;
    int64_t counts[2];
    sql_row(sql, "SELECT sum(status = 1), sum(status = 2) FROM orders", counts, 2);
    watch->most = counts[0] > watch->most ? counts[0] : watch->most;
    return counts[1] == FEW;
}

/* It takes until it is full, so the most that was seen is the capacity. */
static void expect_capacity_respected(void)
{
    struct watch watch = {.most = 0};
    cr_assert(wait_until(watched_until_completed, &watch, LIMIT_MS));
    cr_assert_eq(watch.most, SMALL_CAPACITY, "%" PRId64 " were Processing", watch.most);
    expect_counters(FEW, FEW, FEW);
}

static void post_few(void)
{
    load.ports[0] = service.port;
    load.port_count = 1;
    load.thread_count = 4;
    load.order_count = FEW;
    load_run(&load);
}

Test(capacity, a_worker_that_finds_orders_by_query_takes_no_more_than_it_holds)
{
    open_sqlite();
    insert_pending_into_sqlite(FEW);
    struct service_settings settings = sqlite_settings(SHORT_MS);
    settings.others = small_capacity;
    service_start_worker(&worker, &settings);
    expect_capacity_respected();
    process_stop_cleanly(&worker.process, STOP_MS);
}

Test(capacity, an_api_without_redis_takes_no_more_than_it_holds)
{
    open_sqlite();
    struct service_settings settings = sqlite_settings(SHORT_MS);
    settings.others = small_capacity;
    service_start_api(&service, &settings);
    post_few();
    expect_capacity_respected();
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(capacity, a_worker_on_redis_takes_no_more_than_it_holds)
{
    redis_server_start(&redis);
    open_mariadb();
    struct service_settings settings = mariadb_settings(SHORT_MS);
    settings.redis_url = redis.url;
    settings.others = small_capacity;
    service_start_api(&service, &settings);
    post_few();
    service_start_worker(&worker, &settings);
    expect_capacity_respected();
    process_stop_cleanly(&worker.process, STOP_MS);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}
