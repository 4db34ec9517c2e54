/* SPDX-License-Identifier: MIT */
/*
 * The moment in which nobody knows: the connection dies in a COMMIT, before it, after it, or long
 * before the server gets it. No order is lost, none is doubled, and a client that repeats its call
 * with the same key gets the same order.
 */
#include <inttypes.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"
#include "tests/system/fault_fixture.h"

enum {
    RATE_PER_S = 200,
    PATIENCE_MS = 20000,
    SHORT_PATIENCE_MS = 300,
    LOAD_ORDERS = 400,
    LOAD_ORDERS_MAX = 12000, /* what RATE_PER_S makes of LIMIT_MS */
    EVERY = 3,
    COUNT = 12,
    LATE_MS = 3000,
    SOON_LATE_MS = 700, /* before MariaDB gives the idle transaction up */
};

TestSuite(commit_faults, .init = start_with_faults, .fini = finish_with_faults, .timeout = 120);

/* The first order is through, so the next COMMIT of the API is that of an insert. */
static void start_api(void)
{
    start_apis_behind_proxies(1);
    post_orders(1);
}

static void use(struct fault_proxy *proxy, enum fault_commit kind, uint32_t count, uint32_t hold_ms)
{
    fault_proxy_commits(proxy,
                        &(struct fault_commits){.kind = kind, .count = count, .hold_ms = hold_ms});
}

static void expect_rows(int64_t count)
{
    cr_assert_eq(count_where("1 = 1"), count);
    expect_counters_to_equal_a_recount();
}

static size_t fired(struct fault_proxy *proxy)
{
    struct fault_counts counts = fault_proxy_counts(proxy);
    return counts.eaten_oks + counts.eaten_commits + counts.late_commits;
}

/* `arg`: the proxy. */
static bool no_commit_is_late(void *arg)
{
    struct fault_counts counts = fault_proxy_counts(arg);
    return counts.late_answered + counts.late_lost == counts.late_commits;
}

/* The client is answered 200 and knows nothing of it, whether it has sent a key or not. */
static void expect_one_order(enum fault_commit kind, uint32_t hold_ms)
{
    start_api();
    use(api_proxy, kind, 1, hold_ms);
    post_orders(1);
    cr_assert(wait_until(no_commit_is_late, api_proxy, LIMIT_MS));
    expect_rows(2);
    use(api_proxy, kind, 1, hold_ms);
    uint64_t id = expect_created(post_with_key("key"));
    cr_assert_eq(fired(api_proxy), 2);
    cr_assert(wait_until(no_commit_is_late, api_proxy, LIMIT_MS));
    expect_rows(3);
    cr_assert_eq(expect_created(post_with_key("key")), id);
    expect_rows(3);
    start_workers_behind_proxies(1);
    expect_all_completed_once(3);
    stop_services();
}

Test(commit_faults, an_order_whose_answer_is_eaten_is_stored_once)
{
    expect_one_order(FAULT_EAT_OK, 0);
    cr_assert_eq(fault_proxy_counts(api_proxy).eaten_oks, 2);
}

Test(commit_faults, an_order_whose_commit_is_eaten_is_stored_once)
{
    expect_one_order(FAULT_EAT_COMMIT, 0);
    cr_assert_eq(fault_proxy_counts(api_proxy).eaten_commits, 2);
}

Test(commit_faults, an_order_whose_commit_is_late_is_stored_once)
{
    expect_one_order(FAULT_LATE_COMMIT, LATE_MS);
    cr_assert_eq(fault_proxy_counts(api_proxy).late_commits, 2);
}

/* The first attempt ends well while the second one waits for its locks. */
Test(commit_faults, an_order_whose_commit_is_a_little_late_is_stored_once)
{
    expect_one_order(FAULT_LATE_COMMIT, SOON_LATE_MS);
    cr_assert_eq(fault_proxy_counts(api_proxy).late_answered, 2);
}

/* All of it fails until the deadline has passed: 503, and nobody knows. */
static void expect_unknown(enum fault_commit kind, uint32_t hold_ms)
{
    start_api();
    use(api_proxy, kind, 0, hold_ms);
    const struct http_response *response = post_with_key("key");
    expect_problem(response, 503, "/order");
    expect_header(response, "Retry-After", "1");
    fault_proxy_pass(api_proxy);
    cr_assert_geq(fired(api_proxy), 1);
}

static void expect_repeat(int64_t rows_before)
{
    expect_rows(rows_before);
    post_until_stored();
    uint64_t id = expect_created(post_with_key("key"));
    cr_assert_eq(expect_created(post_with_key("key")), id);
    expect_rows(3);
    start_workers_behind_proxies(1);
    expect_all_completed_once(3);
    stop_services();
}

Test(commit_faults, an_order_that_was_stored_unknown_to_all_is_found_by_its_key)
{
    expect_unknown(FAULT_EAT_OK, 0);
    expect_repeat(2);
}

Test(commit_faults, an_order_that_was_not_stored_unknown_to_all_is_stored_by_its_key)
{
    expect_unknown(FAULT_EAT_COMMIT, 0);
    expect_repeat(1);
}

static bool a_late_commit_was_answered(void *arg)
{
    (void)arg;
    return fault_proxy_counts(api_proxy).late_answered > 0;
}

/* `arg`: the proxy. */
static bool a_commit_is_late(void *arg)
{
    return fault_proxy_counts(arg).late_commits > 0;
}

/* The client has given up, and so has the API, and then its order is stored after all. */
Test(commit_faults, an_order_stored_after_all_have_given_up_is_found_by_its_key)
{
    start_api();
    use(api_proxy, FAULT_LATE_COMMIT, 0, SOON_LATE_MS);
    http_client_set_patience(client, SHORT_PATIENCE_MS);
    uint64_t start_ms = wait_now_ms();
    cr_assert_eq(post_with_key("key")->status, 0, "it was answered");
    cr_assert(wait_until(a_commit_is_late, api_proxy, LIMIT_MS));
    process_kill(&apis[0].process);
    int64_t rows = count_where("1 = 1");
    /* On a machine that has been held up for so long nobody knows whether it was. */
    cr_assert(rows == 1 || wait_now_ms() - start_ms >= SOON_LATE_MS, "it is not late");
    cr_assert(wait_until(a_late_commit_was_answered, NULL, LIMIT_MS), "no late COMMIT came");
    fault_proxy_pass(api_proxy);
    http_client_destroy(client);
    sql_close(sql);
    start_apis_behind_proxies(1);
    expect_repeat(2);
}

/* The load has been long enough, or fails; orders that come together share a COMMIT. */
static bool all_have_fired(void *arg)
{
    (void)arg;
    return load.failed > 0 ||
           (load.accepted >= LOAD_ORDERS && fired(api_proxy) == COUNT && fired(worker_proxy) > 0);
}

/*
 * API and workers lose every third COMMIT, each in its own way, under load. Clients send no keys
 * and are all answered 200; but while the locks of a late COMMIT hold others up the API may refuse
 * orders, so there they repeat them with keys.
 */
static void expect_nothing_lost(enum fault_commit of_api, enum fault_commit of_worker,
                                uint32_t hold_ms)
{
    start_apis_behind_proxies(2);
    start_workers_behind_proxies(2);
    load.order_count = LOAD_ORDERS_MAX;
    load.rate_per_s = RATE_PER_S;
    load.patience_ms = hold_ms > 0 ? PATIENCE_MS : 0;
    fault_proxy_commits(api_proxy, &(struct fault_commits){.kind = of_api,
                                                           .every = EVERY,
                                                           .count = COUNT,
                                                           .hold_ms = hold_ms});
    fault_proxy_commits(worker_proxy, &(struct fault_commits){.kind = of_worker,
                                                              .every = EVERY,
                                                              .count = COUNT,
                                                              .hold_ms = hold_ms});
    load_start(&load);
    cr_assert(wait_until(all_have_fired, NULL, LIMIT_MS), "%zu of the API's, %zu of the worker's",
              fired(api_proxy), fired(worker_proxy));
    load_stop(&load);
    load_expect_no_failure(&load);
    expect_accepted_orders();
    cr_assert(wait_until(no_commit_is_late, api_proxy, LIMIT_MS));
    cr_assert(wait_until(no_commit_is_late, worker_proxy, LIMIT_MS));
    expect_all_completed_once((int64_t)load.accepted);
    stop_services();
}

Test(commit_faults, eaten_answers_under_load_lose_and_double_nothing)
{
    expect_nothing_lost(FAULT_EAT_OK, FAULT_EAT_OK, 0);
}

Test(commit_faults, eaten_commits_under_load_lose_and_double_nothing)
{
    expect_nothing_lost(FAULT_EAT_COMMIT, FAULT_EAT_COMMIT, 0);
}

Test(commit_faults, late_commits_under_load_lose_and_double_nothing)
{
    expect_nothing_lost(FAULT_LATE_COMMIT, FAULT_LATE_COMMIT, SOON_LATE_MS);
}

Test(commit_faults, commits_three_seconds_late_under_load_lose_and_double_nothing)
{
    expect_nothing_lost(FAULT_LATE_COMMIT, FAULT_EAT_OK, LATE_MS);
}
