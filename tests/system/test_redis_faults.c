/* SPDX-License-Identifier: MIT */
/*
 * Whatever Redis does, requests do not notice: orders are accepted at once and completed in time,
 * and when it serves again hints are delivered again. Each on every kind of database.
 */
#include <signal.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/redis_faults.h"
#include "tests/support/wait_until.h"
#include "tests/system/fault_fixture.h"

#define KEY "orders:pending"

enum {
    POSTS = 20,
    SLOW_MS = 110 /* each way, and still an answer in time */,
    RUBBISH = 3000,
    BREAKS = 3
};

TestSuite(redis_faults, .init = start_with_faults, .fini = finish_with_faults, .timeout = 90);

static void start_services(void)
{
    start_apis_behind_proxies(1);
    start_workers_behind_proxies(1);
    post_orders(1);
    expect_completed_soon();
}

static bool a_hint_comes(void *arg)
{
    (void)arg;
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    return redis_server_command(&redis, "LLEN " KEY) > 0;
}

/* Without the worker, which would take them. */
static void expect_hints_again(void)
{
    process_stop_cleanly(&workers[0].process, SERVICE_STOP_MS);
    cr_assert(wait_until(a_hint_comes, NULL, LIMIT_MS), "the API is not back on Redis");
    start_workers_behind_proxies(1);
    expect_all_completed_once(count_where("1 = 1"));
    stop_services();
}

static void expect_orders_unhindered(void)
{
    post_unhindered(POSTS);
    expect_completed_soon();
}

static char counted[64];

/* An API that waits before its next attempt has to be given something to announce. */
static bool both_have_counted_it(void *arg)
{
    const bool *worker_too = arg;
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    return process_log_contains(&apis[0].process, counted) &&
           (!*worker_too || process_log_contains(&workers[0].process, counted));
}

static void expect_counted(const char *kind, bool worker_too)
{
    snprintf(counted, sizeof counted, "kind=%s ", kind);
    cr_assert(wait_until(both_have_counted_it, &worker_too, LIMIT_MS), "not counted as %s", kind);
}

static void expect_unnoticed(const struct redis_fault *fault)
{
    start_services();
    fault->begin(&redis, KEY);
    post_unhindered(POSTS);
    expect_counted(fault->kind, fault->refuses_pops);
    expect_completed_soon();
    fault->end(&redis, KEY);
    expect_hints_again();
}

Test(redis_faults, no_request_notices_oom)
{
    expect_unnoticed(&redis_faults[REDIS_OOM]);
}

Test(redis_faults, no_request_notices_readonly)
{
    expect_unnoticed(&redis_faults[REDIS_READONLY]);
}

Test(redis_faults, no_request_notices_noauth)
{
    expect_unnoticed(&redis_faults[REDIS_NOAUTH]);
}

Test(redis_faults, no_request_notices_misconf)
{
    expect_unnoticed(&redis_faults[REDIS_MISCONF]);
}

Test(redis_faults, no_request_notices_noreplicas)
{
    expect_unnoticed(&redis_faults[REDIS_NOREPLICAS]);
}

Test(redis_faults, no_request_notices_wrongtype)
{
    expect_unnoticed(&redis_faults[REDIS_WRONGTYPE]);
}

Test(redis_faults, no_request_notices_loading)
{
    expect_unnoticed(&redis_faults[REDIS_LOADING]);
}

/* No byte, no end, no reset: as a pulled cable. */
Test(redis_faults, no_request_notices_a_silence)
{
    start_services();
    fault_proxy_silence(redis_proxy);
    expect_orders_unhindered();
    expect_counted("timeout", true);
    fault_proxy_pass(redis_proxy);
    expect_hints_again();
}

static bool both_are_connected(void *arg)
{
    (void)arg;
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    return fault_proxy_counts(redis_proxy).open == 2;
}

Test(redis_faults, no_request_notices_connections_that_break)
{
    start_services();
    for (int i = 0; i < BREAKS; i++) {
        cr_assert(wait_until(both_are_connected, NULL, LIMIT_MS));
        fault_proxy_reset(redis_proxy);
        post_unhindered(4);
    }
    expect_completed_soon();
    /* One of the two may just have given up a Redis that was slow to answer. */
    cr_assert_geq(fault_proxy_counts(redis_proxy).resets, BREAKS);
    expect_counted("broken", true);
    expect_hints_again();
}

/* Until whoever goes through the proxy is answered. */
static uint64_t round_trip_ms(void)
{
    struct redis_server behind = redis;
    behind.port = fault_proxy_port(redis_proxy);
    uint64_t start_ms = wait_now_ms();
    redis_server_command(&behind, "LLEN " KEY);
    return wait_now_ms() - start_ms;
}

Test(redis_faults, no_request_notices_a_slow_redis)
{
    start_services();
    fault_proxy_delay(redis_proxy, SLOW_MS);
    cr_assert_geq(round_trip_ms(), 2 * SLOW_MS);
    expect_orders_unhindered();
    fault_proxy_pass(redis_proxy);
    expect_hints_again();
}

/* Garbage, hints that come twice, foreign orders, and old hints, as a replica that was behind has
 * them: all dropped, and nothing but the orders' own way is done. */
Test(redis_faults, rubbish_in_the_list_changes_nothing)
{
    start_services();
    redis_server_command(
        &redis, "EVAL %s 1 " KEY " %d",
        "for i = 1, ARGV[1] do "
        "redis.call('LPUSH', KEYS[1], 'garbage', 'ORD' .. i % 50, 'ORD' .. i % 50, "
        "'ORD99999999' .. i, string.rep('x', 1000)) end",
        RUBBISH);
    post_unhindered(POSTS);
    expect_completed_soon();
    cr_assert(process_log_contains(&workers[0].process, "not order ids"));
    expect_hints_again();
}

/*
 * It has committed and not announced: its hints wait for a Redis that does not answer. The proxy
 * stays silent, or it would deliver what the API has sent.
 */
Test(redis_faults, an_api_killed_between_commit_and_hint_leaves_its_orders_to_workers)
{
    start_apis_behind_proxies(1);
    fault_proxy_silence(redis_proxy);
    uint64_t sent_before = fault_proxy_counts(redis_proxy).bytes[FAULT_TO_SERVER];
    load.order_count = POSTS;
    load.thread_count = 4;
    load_run(&load);
    cr_assert_eq(count_where("1 = 1"), POSTS);
    process_kill(&apis[0].process);
    through_redis = NULL;
    start_workers(1);
    expect_completed_soon();
    cr_assert_eq(count_where("status = 2"), POSTS);
    cr_assert_eq(fault_proxy_counts(redis_proxy).bytes[FAULT_TO_SERVER], sent_before,
                 "Redis was given hints of orders");
    expect_counters_to_equal_a_recount();
    process_stop_cleanly(&workers[0].process, SERVICE_STOP_MS);
}
