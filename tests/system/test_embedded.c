/* SPDX-License-Identifier: MIT */
/*
 * order-api alone: SQLite and the queue in its own process. What it has acknowledged survives its
 * death, and it leaves no accepted request without an answer.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum {
    DELAY_MS = 300,
    LONG_DELAY_MS = 6000,          /* a restart takes less, on a busy machine too */
    ORPHAN_LIMIT_US = 1000 * 1000, /* an orphan completes at its own deadline + 1 s */
    KILLED_ORDERS = 300,
    LIMIT_MS = 30000,
    THREADS = 8,
    ENDLESS = 1000 * 1000,
    QUEUED = 300,
};

static struct temp_dir dir;
static struct service api;
static struct http_client *client;
static struct sql *sql;
static struct load load;

static void start_api(uint32_t delay_ms)
{
    service_start_api(&api, &(struct service_settings){.folder = dir.path, .delay_ms = delay_ms});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static void start(void)
{
    char path[128];
    temp_dir_create(&dir);
    start_api(DELAY_MS);
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    sql = sql_open_sqlite(path);
}

static void finish(void)
{
    http_client_destroy(client);
    load_finish(&load);
    sql_close(sql);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(embedded, .init = start, .fini = finish, .timeout = 90);

static void close_client(void)
{
    http_client_destroy(client);
    client = NULL;
}

static void stop_api(void)
{
    close_client();
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* Stops the API first, whose embedded processor must then be started anew. */
static void restart_with_delay(uint32_t delay_ms)
{
    stop_api();
    start_api(delay_ms);
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

static bool any_is_processing(void *arg)
{
    (void)arg;
    return count_where("status = 1") > 0;
}

/* The counters, read by SQL and as a client reads them, equal a recount of the rows. */
static void expect_exact_metrics(void)
{
    int64_t counted[4];
    int64_t rows[4];
    sql_row(sql,
            "SELECT sum(created), sum(started), sum(completed), sum(duration_us) FROM counters",
            counted, 4);
    sql_row(sql,
            "SELECT count(*), sum(status >= 1), sum(status = 2), sum(completed_at - created_at) "
            "FROM orders",
            rows, 4);
    cr_assert_arr_eq(counted, rows, sizeof rows);
    const struct shown_metrics shown = expect_metrics(http_get(client, "/metrics"));
    cr_assert_eq(shown.total, rows[0]);
    cr_assert_eq(shown.pending, rows[0] - rows[1]);
    cr_assert_eq(shown.processing, rows[1] - rows[2]);
    cr_assert_eq(shown.completed, rows[2]);
    expect_average(&shown, rows[3]);
}

/* Every order the clients hold an answer for is there, and no other. */
static void expect_accepted_orders(void)
{
    char query[128];
    for (size_t i = 0; i < load.accepted; i++) {
        snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE id = %" PRIu64,
                 load.ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is lost", load.ids[i]);
    }
}

static void set_load(size_t order_count)
{
    load.ports[0] = api.port;
    load.port_count = 1;
    load.thread_count = THREADS;
    load.order_count = order_count;
}

/* The states a client sees, in the order in which it sees them, each once. */
struct watch {
    char path[64];
    char seen[128];
    const char *last;
};

static bool has_completed(void *arg)
{
    static const char *const names[] = {"Pending", "Processing", "Completed"};
    struct watch *watch = arg;
    const struct http_response *response = http_get(client, watch->path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strstr(response->body, names[i]) != NULL && watch->last != names[i]) {
            watch->last = names[i];
            strcat(watch->seen, names[i]);
        }
    }
    return watch->last == names[2] || strlen(watch->seen) > 64;
}

Test(embedded, an_order_goes_from_pending_over_processing_to_completed)
{
    struct watch watch = {.seen = ""};
    uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    snprintf(watch.path, sizeof watch.path, "/order/ORD%" PRIu64, id);
    cr_assert(wait_until(has_completed, &watch, LIMIT_MS));
    const char *seen = strncmp(watch.seen, "Pending", 7) == 0 ? watch.seen + 7 : watch.seen;
    cr_assert_str_eq(seen, "ProcessingCompleted", "%s", watch.seen);
    stop_api();
}

Test(embedded, an_order_is_in_processing_for_its_time)
{
    int64_t times[2];
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    sql_row(sql, "SELECT started_at - created_at, completed_at - started_at FROM orders", times, 2);
    cr_assert_geq(times[0], 0);
    cr_assert_geq(times[1], DELAY_MS * 1000, "%" PRId64 " us", times[1]);
    cr_assert_lt(times[0] + times[1], 5 * 1000 * 1000, "%" PRId64 " us", times[0] + times[1]);
    stop_api();
}

Test(embedded, metrics_equal_a_recount)
{
    expect_exact_metrics();
    set_load(200);
    load_run(&load);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert_eq(count_where("status = 2"), 200);
    expect_exact_metrics();
    stop_api();
}

static void kill_under_way(void)
{
    set_load(KILLED_ORDERS);
    load_run(&load);
    cr_assert(wait_until(any_is_processing, NULL, LIMIT_MS));
    close_client();
    process_kill(&api.process);
    cr_assert_eq(count_where("status = 2"), 0, "the delay is too short for this test");
}

/* Microseconds since the epoch, as the rows have them. */
static int64_t database_now_us(void)
{
    return sql_integer(sql, "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)");
}

Test(embedded, killed_with_orders_under_way_it_completes_each_at_its_own_deadline)
{
    char query[256];
    restart_with_delay(LONG_DELAY_MS);
    kill_under_way();
    start_api(LONG_DELAY_MS);
    int64_t ready_us = database_now_us();
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert_eq(count_where("status = 2"), KILLED_ORDERS);
    snprintf(query, sizeof query, "due_at > %" PRId64, ready_us);
    cr_assert_gt(count_where(query), 0, "the restart took longer than the delay");
    snprintf(query, sizeof query,
             "SELECT max(completed_at - due_at) FROM orders WHERE due_at > %" PRId64, ready_us);
    int64_t late_us = sql_integer(sql, query);
    cr_assert(late_us >= 0 && late_us <= ORPHAN_LIMIT_US, "%" PRId64 " us late", late_us);
    expect_accepted_orders();
    expect_exact_metrics();
    stop_api();
}

/* A restart neither resets a deadline nor completes an order before it. */
Test(embedded, killed_with_orders_under_way_it_restarts_none)
{
    restart_with_delay(LONG_DELAY_MS);
    kill_under_way();
    sql_execute(sql, "CREATE TABLE under_way AS SELECT id, started_at, due_at FROM orders "
                     "WHERE status = 1");
    start_api(LONG_DELAY_MS);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert_gt(sql_integer(sql, "SELECT count(*) FROM under_way"), 0);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM under_way u JOIN orders o USING (id) WHERE "
                                  "u.started_at <> o.started_at OR u.due_at <> o.due_at"),
                 0);
    cr_assert_eq(count_where("completed_at < due_at"), 0);
    stop_api();
}

static bool some_are_accepted(void *arg)
{
    (void)arg;
    return load.accepted >= 100;
}

Test(embedded, killed_under_load_it_loses_no_acknowledged_order)
{
    set_load(ENDLESS);
    load_start(&load);
    cr_assert(wait_until(some_are_accepted, NULL, LIMIT_MS));
    close_client();
    process_kill(&api.process);
    load_join(&load);
    start_api(DELAY_MS);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    expect_accepted_orders();
    expect_exact_metrics();
    stop_api();
}

Test(embedded, ids_are_not_used_again_after_a_kill)
{
    uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    close_client();
    process_kill(&api.process);
    start_api(DELAY_MS);
    cr_assert_gt(expect_created(http_post_order(client, EXPECT_GOOD_ORDER)), id);
    stop_api();
}

/* More would look like lost orders. */
Test(embedded, a_restart_skips_few_ids)
{
    uint64_t first = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    close_client();
    process_kill(&api.process);
    start_api(DELAY_MS);
    uint64_t second = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    stop_api();
    start_api(DELAY_MS);
    uint64_t third = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    cr_assert_leq(second - first, 10);
    cr_assert_leq(third - second, 10);
    stop_api();
}

/* A client that is only about to connect would rightly be refused. */
static bool all_are_served(void *arg)
{
    (void)arg;
    return load.served == load.thread_count;
}

Test(embedded, sigterm_answers_all_that_was_accepted)
{
    set_load(ENDLESS);
    load_start(&load);
    cr_assert(wait_until(all_are_served, NULL, LIMIT_MS));
    stop_api();
    load_join(&load);
    load_expect_no_failure(&load);
    cr_assert_eq(load.closed, THREADS, "%zu clients were asked to close", load.closed);
    cr_assert_eq(count_where("1"), (int64_t)load.accepted);
    expect_accepted_orders();
}

/* It stands still meanwhile, so none of them is accepted before it is asked to stop. */
Test(embedded, sigterm_answers_those_that_wait_to_be_accepted)
{
    static const char request[] =
        "POST /order HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nContent-Length: 64\r\n"
        "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n\r\n" EXPECT_GOOD_ORDER;
    struct raw_http *queued[QUEUED];
    process_signal(&api.process, SIGSTOP);
    for (size_t i = 0; i < QUEUED; i++) {
        queued[i] = raw_http_open(api.port);
        cr_assert(raw_http_send(queued[i], request, sizeof request - 1));
    }
    process_signal(&api.process, SIGTERM);
    process_signal(&api.process, SIGCONT);
    for (size_t i = 0; i < QUEUED; i++) {
        cr_assert_eq(raw_http_read(queued[i], 1, LIMIT_MS), 1, "connection %zu", i);
        cr_assert_eq(raw_http_status(queued[i], 0), 200);
        raw_http_close(queued[i]);
    }
    close_client();
    cr_assert_eq(process_wait_exit(&api.process, SERVICE_STOP_MS), 0);
    cr_assert_eq(count_where("1 = 1"), QUEUED);
}

Test(embedded, orders_left_at_sigterm_complete_after_the_next_start)
{
    set_load(100);
    load_run(&load);
    stop_api();
    cr_assert_gt(count_where("status < 2"), 0);
    start_api(DELAY_MS);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert_eq(count_where("status = 2"), 100);
    expect_exact_metrics();
    stop_api();
}

Test(embedded, sigint_ends_it_too)
{
    close_client();
    process_signal(&api.process, SIGINT);
    cr_assert_eq(process_wait_exit(&api.process, SERVICE_STOP_MS), 0);
}

Test(embedded, an_idle_connection_does_not_hold_up_the_stop)
{
    uint64_t start_ms = wait_now_ms();
    expect_status(http_get(client, "/livez"), 200);
    process_stop_cleanly(&api.process, 3000);
    cr_assert_lt(wait_now_ms() - start_ms, 3000);
}
