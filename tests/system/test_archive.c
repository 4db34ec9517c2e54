/* SPDX-License-Identifier: MIT */
/* Moving Completed orders out of the way while the service runs: the command, cut off and repeated.
 */
#include <inttypes.h>
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
    OLD = 1200,
    NEW = 20000, /* at most */
    RATE_PER_S = 300,
    DELAY_MS = 200,
    LIMIT_MS = 30000,
};

static struct service api;
static struct service command;
static struct http_client *client;
static struct load old;
static struct load load;

static void finish(void)
{
    load_finish(&load);
    load_finish(&old);
    http_client_destroy(client);
    process_discard(&api.process);
    process_discard(&command.process);
    any_database_discard();
}

TestSuite(archive, .init = any_database_start, .fini = finish, .timeout = 150);

static void start_api(void)
{
    const struct service_settings settings = {.folder = any_database_folder(),
                                              .database_url = any_database_url(),
                                              .delay_ms = DELAY_MS};
    service_start_api(&api, &settings);
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static int run(const char *option, const char *value)
{
    const char *const arguments[] = {"archive", option, value, NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    return service_run_command(&command, arguments, settings, any_database_folder());
}

static bool says(const char *text)
{
    return process_log_contains(&command.process, text);
}

static void expect_verified(void)
{
    const char *const arguments[] = {"verify", NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    int code = service_run_command(&command, arguments, settings, any_database_folder());
    cr_expect_eq(code, 0);
    if (code != 0) {
        process_print_log(&command.process);
    }
}

static bool all_are_completed(void *arg)
{
    char figure[64];
    snprintf(figure, sizeof figure, "\"completed_orders\":%zu}", *(const size_t *)arg);
    return strstr(http_get(client, "/metrics")->body, figure) != NULL;
}

static void wait_completed(size_t count)
{
    cr_assert(wait_until(all_are_completed, &count, LIMIT_MS), "%s",
              http_get(client, "/metrics")->body);
}

static void start_load(struct load *started, size_t count, uint32_t rate_per_s)
{
    started->ports[0] = api.port;
    started->port_count = 1;
    started->thread_count = 4;
    started->order_count = count;
    started->rate_per_s = rate_per_s;
    load_start(started);
}

/* Orders that were completed two days ago. */
static void make_old_orders(void)
{
    const char *shift = any_database_is("mysql")      ? "- INTERVAL 2 DAY"
                        : any_database_is("postgres") ? "- interval '2 days'"
                                                      : "- 172800000000";
    char statement[512];
    start_load(&old, OLD, 0);
    load_join(&old);
    load_expect_no_failure(&old);
    wait_completed(OLD);
    snprintf(statement, sizeof statement,
             "UPDATE orders SET created_at = created_at %s, started_at = started_at %s, "
             "due_at = due_at %s, completed_at = completed_at %s",
             shift, shift, shift, shift);
    any_database_execute(statement);
}

static void expect_all_completed(const struct load *loaded)
{
    char path[64];
    for (size_t i = 0; i < loaded->accepted; i++) {
        snprintf(path, sizeof path, "/order/ORD%" PRIu64, loaded->ids[i]);
        const struct http_response *response = http_get(client, path);
        cr_assert_eq(response->status, 200, "%s: %ld", path, response->status);
        cr_assert_not_null(strstr(response->body, "\"order_status\":\"Completed\""), "%s: %s", path,
                           response->body);
    }
}

static int64_t count_archived(void)
{
    return any_database_ask("SELECT count(*) FROM orders_archive");
}

static bool some_are_archived(void *arg)
{
    (void)arg;
    return count_archived() > 0;
}

/* In small batches, which with their pauses take long enough to be met by kill -9. */
static void archive_and_kill(void)
{
    static const char *const argv[] = {"archive", "--older-than", "1", "--batch=5", NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    service_launch_command(&command, argv, settings, any_database_folder());
    cr_assert(wait_until(some_are_archived, NULL, LIMIT_MS));
    process_kill(&command.process);
    int64_t archived = count_archived();
    cr_assert_lt(archived, OLD, "it was too fast to be killed");
    cr_assert_eq(any_database_ask("SELECT count(*) FROM orders WHERE id IN "
                                  "(SELECT id FROM orders_archive)"),
                 0);
}

Test(archive, under_load_old_orders_move_even_when_killed_half_way_and_nothing_is_lost)
{
    start_api();
    make_old_orders();
    start_load(&load, NEW, RATE_PER_S);
    archive_and_kill();
    expect_verified();
    cr_assert_eq(run("--older-than", "1"), 0);
    cr_assert(says("archived "));
    expect_verified();
    cr_assert_lt(load.accepted + load.failed, load.order_count, "the load ended too early");
    load_stop(&load);
    load_expect_no_failure(&load);
    wait_completed(OLD + load.accepted);
    cr_assert_eq(count_archived(), OLD);
    cr_assert_eq(any_database_ask("SELECT count(*) FROM orders"), (int64_t)load.accepted);
    expect_verified();
    expect_all_completed(&old);
    expect_all_completed(&load);
    cr_assert_eq(run("--older-than", "1"), 0);
    cr_assert(says("archived 0 orders and deleted 0 idempotency keys in "));
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(archive, a_date_says_what_is_old_and_recent_orders_are_refused)
{
    start_api();
    make_old_orders();
    cr_assert_eq(run("--before", "2001-01-31"), 0);
    cr_assert(says("archived 0 orders "));
    cr_assert_eq(run("--before=2001-01-31T12:30:00.5+02:00", NULL), 0);
    cr_assert_eq(run("--older-than", "3"), 0);
    cr_assert(says("archived 0 orders "));
    cr_assert_eq(run("--before", "2999-01-01"), 2);
    cr_assert(says("--before must be an hour ago or more"));
    cr_assert_eq(count_archived(), 0);
    cr_assert_eq(run("--older-than", "2"), 0);
    cr_assert(says("archived 1200 orders "));
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

static void expect_refused(const char *option, const char *value, const char *reason)
{
    cr_expect_eq(run(option, value), 2);
    cr_expect(says(reason), "%s %s", option, value);
    cr_expect_eq(process_log_count(&command.process, "\n"), 1);
}

Test(archive, what_to_move_must_be_said_in_a_way_that_is_understood)
{
    expect_refused(NULL, NULL, "say what to move");
    expect_refused("--before=2001-01-31", "--older-than=3", "not both");
    expect_refused("--before", "yesterday", "--before must be a date");
    expect_refused("--older-than", "0", "--older-than must be a number of days from 1 to 36500");
    expect_refused("--older-than", "-1", "--older-than must be");
    expect_refused("--batch", "1001", "--batch must be a number from 1 to 1000");
    cr_assert_eq(any_database_count_tables(), 0);
}

/* As a hand in the database would have done it. */
Test(archive, an_order_that_is_in_both_tables_is_named_after_all_before_it_were_moved)
{
    enum { CULPRIT = 700 };
    char statement[512];
    start_api();
    make_old_orders();
    snprintf(statement, sizeof statement,
             "INSERT INTO orders_archive (id, client_id, user_id, item_ids, total_cents, status, "
             "created_at, started_at, due_at, completed_at, archived_at) SELECT id, client_id, "
             "user_id, item_ids, total_cents, status, created_at, started_at, due_at, "
             "completed_at, completed_at FROM orders WHERE id = %d",
             CULPRIT);
    any_database_execute(statement);
    cr_assert_eq(run("--older-than", "1"), 1);
    cr_expect(says("not finished: archived 699 orders "));
    cr_expect(says("the next order behind ORD699 is in orders_archive too"));
    cr_assert_eq(any_database_ask("SELECT count(*) FROM orders"), OLD - (CULPRIT - 1));
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

static bool so_many_are_archived(void *arg)
{
    return count_archived() == *(const int64_t *)arg;
}

/* On SQLite who holds an order holds them all. */
Test(archive, an_order_that_somebody_holds_is_waited_for_and_no_other_of_its_batch)
{
    static const char *const argv[] = {"archive", "--older-than", "1", "--batch=2", NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    bool one_writer = any_database_is("sqlite");
    int64_t free_orders = one_writer ? 0 : 699;
    start_api();
    make_old_orders();
    struct sql *holder = any_database_open_sql();
    sql_execute(holder, one_writer ? "BEGIN IMMEDIATE" : "BEGIN");
    sql_execute(holder, "UPDATE orders SET total_cents = 1 WHERE id = 700");
    service_launch_command(&command, argv, settings, any_database_folder());
    cr_expect(wait_until(so_many_are_archived, &free_orders, LIMIT_MS), "%" PRId64,
              count_archived());
    sql_execute(holder, "COMMIT");
    sql_close(holder);
    cr_assert_eq(process_wait_exit(&command.process, LIMIT_MS), 0);
    cr_assert_eq(count_archived(), OLD);
    cr_assert_eq(any_database_ask("SELECT total_cents FROM orders_archive WHERE id = 700"), 1);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(archive, a_database_that_is_away_or_without_schema_is_reported_in_one_line)
{
    static const char *const arguments[] = {"archive", "--older-than", "1", NULL};
    const char *const settings[] = {any_database_setting_away(), "LOG_LEVEL=error", NULL};
    cr_assert_eq(service_run_command(&command, arguments, settings, any_database_folder()), 1);
    cr_assert(says("order-api archive: DATABASE_URL: "));
    sql_close(any_database_open_sql());
    cr_assert_eq(run("--older-than", "1"), 1);
    cr_assert(says("order-api archive: the database's schema has version 0"));
    cr_assert_eq(any_database_count_tables(), 0);
}
