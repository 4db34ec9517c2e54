/* SPDX-License-Identifier: MIT */
/*
 * SIGTERM under load, again and again: the API answers all it has accepted and exits with 0, a
 * worker exits with 0 at once and leaves its orders to their deadlines.
 */
#include <inttypes.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

/* The limits leave room for a busy machine; tests/chaos/measure has the figures. */
enum {
    ROUNDS = 5,
    ENDLESS = 1000000,
    WORKER_STOP_MS = 3000,            /* promised is 1 s, a call to the database may take 5 s */
    LATE_LIMIT_US = 10 * 1000 * 1000, /* promised is 1 s, a lease would take minutes */
};

TestSuite(sigterm, .init = start, .fini = finish, .timeout = 150);

/* A client that is only about to connect would rightly be refused. */
static bool all_are_served(void *arg)
{
    (void)arg;
    return load.served == load.thread_count;
}

static void start_endless_load(void)
{
    load_finish(&load);
    load.ports[0] = apis[0].port;
    load.port_count = 1;
    load.thread_count = THREADS;
    load.order_count = ENDLESS;
    load_start(&load);
    cr_assert(wait_until(all_are_served, NULL, LIMIT_MS));
}

static bool is_processing(void *arg)
{
    (void)arg;
    return any_is_processing(NULL);
}

Test(sigterm, an_api_under_load_answers_all_it_has_accepted)
{
    int64_t accepted = 0;
    start_workers(1);
    for (int round = 0; round < ROUNDS; round++) {
        http_client_destroy(client);
        sql_close(sql);
        start_apis(1);
        start_endless_load();
        process_stop_cleanly(&apis[0].process, SERVICE_STOP_MS);
        load_join(&load);
        load_expect_no_failure(&load);
        cr_assert_eq(load.closed, THREADS, "%zu clients were asked to close", load.closed);
        accepted += (int64_t)load.accepted;
        cr_assert_eq(count_where("1 = 1"), accepted);
        expect_accepted_orders();
    }
    http_client_destroy(client);
    sql_close(sql);
    start_apis(1);
    expect_all_completed_once(accepted);
    stop_services();
}

static bool the_hints_are_taken(void *arg)
{
    (void)arg;
    return redis_server_command(&redis, "LLEN orders:pending") == 0;
}

Test(sigterm, a_worker_does_not_wait_for_a_database_that_does_not_answer)
{
    start_apis(1);
    post_orders_with_hints(FEW_ORDERS);
    database_hold_orders(&database, sql);
    start_workers(1);
    cr_assert(wait_until(the_hints_are_taken, NULL, LIMIT_MS));
    process_stop_cleanly(&workers[0].process, WORKER_STOP_MS);
    database_release_orders(&database, sql);
    start_workers(1);
    expect_all_completed_once(FEW_ORDERS);
    stop_services();
}

/* Whatever it is doing in that moment: taking, claiming, completing. */
Test(sigterm, a_worker_under_load_leaves_its_orders_to_their_deadlines)
{
    start_apis(1);
    start_workers(2);
    load.order_count = ENDLESS;
    load.rate_per_s = 400;
    load_start(&load);
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct service_settings own = settings((size_t)round % 2);
        cr_assert(wait_until(is_processing, NULL, LIMIT_MS));
        process_stop_cleanly(&workers[round % 2].process, WORKER_STOP_MS);
        service_start_worker(&workers[round % 2], &own);
    }
    load_stop(&load);
    load_expect_no_failure(&load);
    expect_accepted_orders();
    expect_all_completed_once((int64_t)load.accepted);
    int64_t late_us = latest_us();
    cr_assert_leq(late_us, LATE_LIMIT_US, "%" PRId64 " us late", late_us);
    stop_services();
}
