/* SPDX-License-Identifier: MIT */
/* Comparing the counters with the orders while the service runs: the command, and over HTTP. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/service.h"
#include "tests/support/wait_until.h"
#include "tests/system/any_database.h"

enum {
    ORDERS = 1500,
    MANY = 100000, /* until they are stopped, however slow the machine */
    RATE_PER_S = 500,
    DELAY_MS = 200,
    LONG_DELAY_MS = 60000,
    LIMIT_MS = 30000,
};

static struct service api;
static struct service command;
static struct http_client *client;
static struct load load;

static void finish(void)
{
    load_finish(&load);
    http_client_destroy(client);
    process_discard(&api.process);
    process_discard(&command.process);
    any_database_discard();
}

TestSuite(verify, .init = any_database_start, .fini = finish, .timeout = 150);

static void start_api(uint32_t delay_ms)
{
    const struct service_settings settings = {.folder = any_database_folder(),
                                              .database_url = any_database_url(),
                                              .delay_ms = delay_ms};
    service_start_api(&api, &settings);
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static void start_load(size_t count)
{
    load.ports[0] = api.port;
    load.port_count = 1;
    load.thread_count = 4;
    load.order_count = count;
    load.rate_per_s = RATE_PER_S;
    load_start(&load);
}

static bool load_goes_on(void)
{
    return load.accepted + load.failed < load.order_count;
}

static void end_load(void)
{
    load_join(&load);
    load_expect_no_failure(&load);
}

/* NULL: no option. */
static int verify(const char *option)
{
    const char *const arguments[] = {"verify", option, NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    return service_run_command(&command, arguments, settings, any_database_folder());
}

static bool says(const char *text)
{
    return process_log_contains(&command.process, text);
}

static void expect_clean(int code)
{
    cr_expect_eq(code, 0);
    cr_expect(says("the counters are right\n"));
    if (code != 0) {
        process_print_log(&command.process);
    }
}

static const struct http_response *verify_over_http(void)
{
    const struct http_response *response = http_get(client, "/metrics?verify=1");
    expect_status(response, 200);
    return response;
}

static void expect_clean_over_http(void)
{
    const struct http_response *response = verify_over_http();
    cr_expect_not_null(strstr(response->body, ",\"clean\":true}"), "%s", response->body);
}

static void post_orders(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    }
}

Test(verify, while_orders_come_in_and_complete_there_is_no_drift)
{
    start_api(DELAY_MS);
    start_load(ORDERS);
    do {
        expect_clean(verify(NULL));
        expect_clean_over_http();
    } while (load_goes_on());
    end_load();
    expect_clean(verify(NULL));
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(verify, a_row_that_is_changed_by_hand_is_found_and_repaired_while_orders_come_in)
{
    start_api(DELAY_MS);
    post_orders(3);
    any_database_execute("DELETE FROM orders WHERE id = 2");
    start_load(MANY);
    cr_assert_eq(verify(NULL), 1);
    cr_assert(says("the counters have drifted; order-api verify --repair repairs them\n"));
    const struct http_response *response = verify_over_http();
    cr_assert_not_null(strstr(response->body, ",\"drift\":{\"total_orders\":1,"), "%s",
                       response->body);
    cr_assert_not_null(strstr(response->body, ",\"clean\":false}"), "%s", response->body);
    cr_assert_eq(verify(NULL), 1, "looking repairs nothing");
    expect_clean(verify("--repair"));
    cr_assert(says("repaired: total_orders -1, "));
    expect_clean(verify(NULL));
    expect_clean(verify("--repair"));
    cr_assert_not(says("repaired"), "there is nothing left to repair");
    cr_assert(load_goes_on(), "the orders came in too fast to prove anything");
    load_stop(&load);
    load_expect_no_failure(&load);
    expect_clean_over_http();
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    expect_clean(verify(NULL));
    cr_assert_eq(any_database_ask("SELECT sum(created) FROM counters"), (int64_t)load.accepted + 2);
}

Test(verify, an_impossible_row_is_reported_and_left_alone)
{
    start_api(LONG_DELAY_MS);
    post_orders(2);
    any_database_execute("UPDATE orders SET completed_at = created_at WHERE id = 2");
    any_database_execute("UPDATE counters SET completed = completed + 1");
    cr_assert_eq(verify("--repair"), 1);
    cr_assert(says("repaired: "));
    cr_assert(says("rows in impossible states: "));
    cr_assert(says(": ORD2\n"));
    cr_assert(says("the counters are right\n"));
    cr_assert_eq(any_database_ask("SELECT count(*) FROM orders WHERE completed_at = created_at"),
                 1);
    const struct http_response *response = verify_over_http();
    cr_assert_not_null(strstr(response->body, "\"order_ids\":[\"ORD2\"]"), "%s", response->body);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

static bool all_are_processing(void *arg)
{
    (void)arg;
    return strstr(http_get(client, "/metrics")->body, "\"pending_orders\":0,") != NULL;
}

Test(verify, the_figures_are_those_of_metrics)
{
    char metrics[256];
    start_api(LONG_DELAY_MS);
    post_orders(3);
    cr_assert(wait_until(all_are_processing, NULL, LIMIT_MS));
    snprintf(metrics, sizeof metrics, "%s", http_get(client, "/metrics")->body);
    metrics[strlen(metrics) - 1] = ','; /* in place of the brace */
    const struct http_response *response = verify_over_http();
    cr_assert_eq(strncmp(response->body, metrics, strlen(metrics)), 0, "%s\n%s", metrics,
                 response->body);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(verify, who_may_not_see_the_metrics_may_not_verify_them)
{
    start_api(LONG_DELAY_MS);
    struct http_client *stranger = http_client_create(api.port, NULL, NULL);
    expect_status(http_get(stranger, "/metrics?verify=1"), 401);
    http_client_destroy(stranger);
    expect_status(http_get(client, "/metrics?verify=2"), 400);
    expect_status(http_get(client, "/metrics?verify="), 400);
    expect_status(http_get(client, "/metrics?other=1"), 200);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* Servers let a test hold a table that a recount reads; SQLite's readers wait for nobody. */
static const char *hold_counters(void)
{
    return any_database_is("mysql") ? "LOCK TABLES counters WRITE" : "BEGIN; LOCK TABLE counters";
}

static bool is_verified(void *arg)
{
    return http_get(arg, "/metrics?verify=1")->status == 200;
}

/* Again and again, until it has an answer. */
static void *verify_held(void *arg)
{
    struct http_client *own =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    *(bool *)arg = wait_until(is_verified, own, LIMIT_MS);
    http_client_destroy(own);
    return NULL;
}

static bool is_refused(void *arg)
{
    (void)arg;
    const struct http_response *response = http_get(client, "/metrics?verify=1");
    return response->status == 503 && strstr(response->body, "another recount") != NULL;
}

Test(verify, a_recount_that_takes_long_holds_up_nothing_but_another)
{
    bool verified = false;
    pthread_t thread;
    start_api(LONG_DELAY_MS);
    uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    if (any_database_is("sqlite")) {
        expect_clean_over_http();
        process_stop_cleanly(&api.process, SERVICE_STOP_MS);
        return;
    }
    struct sql *sql = any_database_open_sql();
    sql_execute(sql, hold_counters());
    cr_assert_eq(pthread_create(&thread, NULL, verify_held, &verified), 0);
    cr_assert(wait_until(is_refused, NULL, LIMIT_MS));
    char path[64];
    char retry[16];
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
    cr_assert(
        http_header(http_get(client, "/metrics?verify=1"), "Retry-After", retry, sizeof retry));
    uint64_t before_ms = wait_now_ms();
    expect_status(http_get(client, path), 200);
    cr_assert_lt(wait_now_ms() - before_ms, 1000);
    sql_close(sql);
    pthread_join(thread, NULL);
    cr_assert(verified);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(verify, a_database_that_is_away_or_without_schema_is_reported_in_one_line)
{
    static const char *const arguments[] = {"verify", NULL};
    const char *const settings[] = {any_database_setting_away(), "LOG_LEVEL=error", NULL};
    cr_assert_eq(service_run_command(&command, arguments, settings, any_database_folder()), 1);
    cr_assert(says("order-api verify: DATABASE_URL: "));
    cr_assert_eq(process_log_count(&command.process, "\n"), 1);
    sql_close(any_database_open_sql());
    cr_assert_eq(verify(NULL), 1);
    cr_assert(says("run order-api migrate\n"));
    cr_assert_eq(any_database_count_tables(), 0);
}
