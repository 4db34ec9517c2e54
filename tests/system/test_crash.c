/* SPDX-License-Identifier: MIT */
/*
 * A database server that is killed under load again and again, and started on what it left, while
 * clients that soon lose patience send every order that was not answered again with the same key,
 * to the other API. ORDERS_CRASH_ROUNDS says how often, unless it is to be a few times.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

enum {
    ROUNDS = 3,
    ROUNDS_MAX = 1000,
    RATE_PER_S = 400,
    ROUND_ORDERS_MIN = 50,
    ROUND_ORDERS_SPREAD = 350,
    ROUND_LIMIT_MS = 60000,
    PATIENCE_MS = 100, /* less than a restart takes, so that most orders under way are repeated
                          while their API still tries to store them */
    LONG_OUTAGE_EVERY = 3,
};

TestSuite(crash, .init = start, .fini = finish, .timeout = 1500);

static long rounds(void)
{
    const char *text = getenv("ORDERS_CRASH_ROUNDS");
    long count = text != NULL ? strtol(text, NULL, 10) : ROUNDS;
    cr_assert(count >= 1 && count <= ROUNDS_MAX, "ORDERS_CRASH_ROUNDS is %s", text);
    return count;
}

/* `arg`: how often an API answered that the database is away. */
static bool an_api_has_given_up(void *arg)
{
    const size_t *before = arg;
    return load.refused > *before;
}

/* `seed`: so that it happens at another point of things each time. */
static void kill_under_load(unsigned int *seed, bool long_outage)
{
    wait_for_accepted(load.accepted + ROUND_ORDERS_MIN +
                      (size_t)rand_r(seed) % ROUND_ORDERS_SPREAD);
    sql_close(sql);
    sql = NULL;
    size_t refused = load.refused;
    database_kill(&database);
    cr_assert(!long_outage || wait_until(an_api_has_given_up, &refused, ROUND_LIMIT_MS));
    database_restart(&database);
    sql = database_open_sql(&database);
}

static int64_t count_keys(void)
{
    return sql_integer(sql, "SELECT count(*) FROM idempotency_keys k JOIN orders o "
                            "ON o.id = k.order_id AND o.client_id = k.client_id");
}

Test(crash, no_order_is_lost_or_doubled_however_often_the_database_dies)
{
    unsigned int seed = 1;
    long count = rounds();
    start_apis(APIS);
    start_workers(WORKERS);
    load.order_count = (size_t)ROUND_LIMIT_MS / 1000 * RATE_PER_S * (size_t)count;
    load.rate_per_s = RATE_PER_S;
    load.patience_ms = PATIENCE_MS;
    uint64_t start_ms = wait_now_ms();
    load_start(&load);
    for (long round = 1; round <= count; round++) {
        kill_under_load(&seed, round % LONG_OUTAGE_EVERY == 0);
        fprintf(stderr,
                "round %ld of %ld: %zu orders accepted, %" PRId64
                " completed; %zu sent again so far, %zu of them after a 503\n",
                round, count, (size_t)load.accepted, count_where("status = 2"),
                (size_t)load.repeated, (size_t)load.refused);
    }
    load_stop(&load);
    load_expect_no_failure(&load);
    int64_t accepted = (int64_t)load.accepted;
    expect_accepted_orders();
    expect_all_completed_once(accepted);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM idempotency_keys"), accepted);
    cr_assert_eq(count_keys(), accepted, "a key belongs to no order, or two to one");
    int64_t both[8];
    database_recount(&database, sql, both);
    int64_t average_ms = both[3] / both[2] / 1000;
    int64_t took_ms = (int64_t)(wait_now_ms() - start_ms);
    cr_assert(average_ms >= DELAY_MS && average_ms < took_ms, "%" PRId64 " ms", average_ms);
    fprintf(stderr,
            "%" PRId64 " orders, each stored and completed once, in %" PRId64
            " ms on average; %" PRId64 " ms in all\n",
            accepted, average_ms, took_ms);
    stop_services();
}
