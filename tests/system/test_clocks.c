/* SPDX-License-Identifier: MIT */
/*
 * Hosts whose clocks differ by an hour: only the database's counts, so nothing changes. Not for
 * SQLite, which has no other clock than that of its one host.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/faketime.h"
#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

/* Clocks that counted would make it an hour. */
enum { LATE_LIMIT_US = 10 * 1000 * 1000, OPTIONS_SIZE = 512, SHIFTED = 2 };

static pid_t shifted[2 * SHIFTED];

static void finish_shifted(void)
{
    finish();
    for (size_t i = 0; i < sizeof shifted / sizeof shifted[0]; i++) {
        faketime_remove_traces(shifted[i]);
    }
}

TestSuite(clocks, .init = start, .fini = finish_shifted, .timeout = 120);

/* The library changes what the process sees of the calendar, not how fast time goes by. */
static struct service_settings settings_with_clock(size_t index, const char *shift)
{
    static const char *others[2 * 3][6];
    static char options[OPTIONS_SIZE];
    static size_t used;
    const char *inherited = getenv("ASAN_OPTIONS");
    struct service_settings own = settings(index);
    const char **list = others[used++];
    snprintf(options, sizeof options, "ASAN_OPTIONS=%s%sverify_asan_link_order=0",
             inherited != NULL ? inherited : "", inherited != NULL ? ":" : "");
    list[0] = "LD_PRELOAD=" FAKETIME_PATH;
    list[1] = FAKETIME_TRUE_MONOTONIC;
    list[2] = FAKETIME_TRUE_WAITS;
    list[3] = shift;
    list[4] = options;
    own.others = list;
    return own;
}

static void start_shifted(void)
{
    static const char *const shifts[] = {"FAKETIME=+1h", "FAKETIME=-1h"};
    start_apis(0);
    for (size_t i = 0; i < SHIFTED; i++) {
        struct service_settings of_api = settings_with_clock(i, shifts[i]);
        struct service_settings of_worker = settings_with_clock(i, shifts[1 - i]);
        service_start_api(&apis[i], &of_api);
        service_start_worker(&workers[i], &of_worker);
        shifted[2 * i] = apis[i].process.pid;
        shifted[2 * i + 1] = workers[i].process.pid;
        load.ports[i] = apis[i].port;
    }
    load.port_count = SHIFTED;
    http_client_destroy(client);
    client = http_client_create(apis[0].port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

/* What a log line is stamped with: hours of the day, which differ by two. */
static int hour_of(const struct service *service)
{
    int hour = -1;
    char *log = process_log_read(&service->process);
    cr_assert_eq(sscanf(log, "time=%*4d-%*2d-%*2dT%2d:", &hour), 1, "%s", log);
    free(log);
    return hour;
}

Test(clocks, that_differ_by_two_hours_change_nothing)
{
    start_shifted();
    int difference = (hour_of(&apis[0]) - hour_of(&apis[1]) + 24) % 24;
    cr_assert(difference == 1 || difference == 2, "the clocks differ by %d hours", difference);
    load_run(&load);
    expect_all_completed_once(ORDERS);
    int64_t late_us = latest_us();
    cr_assert_leq(late_us, LATE_LIMIT_US, "%" PRId64 " us late", late_us);
    char query[256];
    snprintf(query, sizeof query, "SELECT max(%s) FROM orders",
             database_us(&database, "created_at", "completed_at"));
    cr_assert_leq(sql_integer(sql, query), (int64_t)LIMIT_MS * 1000);
    stop_services();
}

/* Recovery goes by the database's clock too: an order that looks an hour old is not taken from its
 * worker, and one that looks as if it came in an hour is found. */
Test(clocks, that_differ_do_not_mislead_recovery)
{
    start_shifted();
    redis_server_kill(&redis);
    load.order_count = FEW_ORDERS;
    load_run(&load);
    process_kill(&workers[0].process);
    expect_all_completed_once(FEW_ORDERS);
    int64_t late_us = latest_us();
    cr_assert_leq(late_us, LATE_LIMIT_US, "%" PRId64 " us late", late_us);
    stop_services();
}
