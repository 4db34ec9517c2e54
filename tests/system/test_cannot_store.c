/* SPDX-License-Identifier: MIT */
/*
 * The database answers, and refuses to store: a privilege is missing, its file cannot be written
 * to, its disk is full. order-api is not ready then and says why, refuses orders at once, and goes
 * on by itself when that is put right. So does order-worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/small_disk.h"
#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

enum {
    DISK_MB = 20,
    AT_ONCE_MS = 3000, /* an outage is waited for longer */
    MENDED_MS = 20000,
    POSTS = 3,
};

static struct sql *admin;

/* Something that is missing, and what an administrator is told to run. */
struct lack {
    const char *take[4]; /* statements; NULL: no more */
    const char *reason;
    const char *give; /* NULL: it is no statement */
};

#define MYSQL_GRANT "GRANT SELECT, INSERT, UPDATE ON `orders`.* TO 'orders'@'127.0.0.1'"
#define POSTGRES_GRANT "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO orders"
#define NO_PRIVILEGE "its user lacks a privilege"

/* MySQL looks at rights of a database when a connection is made, at a table's with each statement.
 */
static const char mysql_tables[] = "GRANT INSERT, UPDATE ON orders.orders TO 'orders'@'127.0.0.1'";

static const struct lack no_insert[] = {
    {{"REVOKE INSERT ON orders.* FROM 'orders'@'127.0.0.1'"}, NO_PRIVILEGE, MYSQL_GRANT},
    {{"REVOKE INSERT ON orders FROM orders"}, NO_PRIVILEGE, POSTGRES_GRANT},
    {{NULL}, "its file cannot be written to", NULL},
};
static const struct lack no_insert_any_more[] = {
    {{"REVOKE INSERT ON orders.orders FROM 'orders'@'127.0.0.1'"}, NO_PRIVILEGE, MYSQL_GRANT},
    {{"REVOKE INSERT ON orders FROM orders"}, NO_PRIVILEGE, POSTGRES_GRANT},
    {{NULL}, "there is no room left on its disk", NULL},
};
static const struct lack no_update[] = {
    {{"REVOKE UPDATE ON orders.* FROM 'orders'@'127.0.0.1'"}, NULL, MYSQL_GRANT},
    {{"REVOKE UPDATE ON orders FROM orders"}, NULL, POSTGRES_GRANT},
};
static const struct lack no_policy = {
    {"ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "ALTER TABLE orders FORCE ROW LEVEL SECURITY"},
    NO_PRIVILEGE,
    "ALTER ROLE orders BYPASSRLS",
};

static bool is_kind(const char *kind)
{
    const char *own = getenv("ORDERS_SYSTEM_DATABASE");
    return own != NULL && strcmp(own, kind) == 0;
}

static const struct lack *of_this_kind(const struct lack lacks[])
{
    return &lacks[is_kind("mysql") ? 0 : is_kind("postgres") ? 1 : 2];
}

/* With its tables. */
static void start_migrated(void)
{
    struct service migration = {.port = 0};
    char url[256];
    if (is_kind("sqlite")) {
        small_disk_mount(DISK_MB);
    }
    start();
    snprintf(url, sizeof url, "DATABASE_URL=%s", database.url);
    const char *const settings[] = {url, NULL};
    cr_assert_eq(service_run(&migration, false, "migrate", settings, database.folder), 0);
    process_discard(&migration.process);
    admin = database_open_admin(&database);
}

static void finish_all(void)
{
    sql_close(admin);
    finish();
    small_disk_unmount();
}

TestSuite(cannot_store, .init = start_migrated, .fini = finish_all, .timeout = 120);

static void take(const struct lack *lack)
{
    for (size_t i = 0; i < 4 && lack->take[i] != NULL; i++) {
        sql_execute(admin, lack->take[i]);
    }
}

static void expect_detail(const struct http_response *response, const char *words)
{
    cr_assert_not_null(strstr(response->body, words), "not '%s': %s", words, response->body);
}

static void expect_refused_at_once(void)
{
    for (int i = 0; i < POSTS; i++) {
        uint64_t start_ms = wait_now_ms();
        const struct http_response *response = http_post_order(client, EXPECT_GOOD_ORDER);
        cr_assert_lt(wait_now_ms() - start_ms, AT_ONCE_MS);
        expect_problem(response, 503, "/order");
        expect_header(response, "Retry-After", "1");
        expect_detail(response, "the database refuses to store orders; nothing was stored");
    }
}

static void expect_not_ready(const struct lack *lack)
{
    const struct http_response *response = http_get(client, "/readyz");
    expect_problem(response, 503, "/readyz");
    expect_detail(response, lack->reason);
    expect_status(http_get(client, "/livez"), 200);
    expect_status(http_get(client, "/metrics"), 200);
    cr_assert(lack->give == NULL || process_log_contains(&apis[0].process, lack->give));
}

static bool is_ready(void *arg)
{
    (void)arg;
    return http_get(client, "/readyz")->status == 200;
}

/* Nothing but the readiness is asked for, as by a balancer that sends no orders yet. */
static void expect_service_again(int64_t stored)
{
    cr_assert(wait_until(is_ready, NULL, MENDED_MS), "it is not noticed");
    cr_assert_eq(count_where("1 = 1"), stored, "trying must leave nothing");
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    cr_assert_eq(count_where("1 = 1"), stored + 1);
    cr_assert(process_log_contains(&apis[0].process, "database is back"));
    stop_services();
}

static void set_writable(bool writable)
{
    if (writable) {
        cr_assert_eq(umount2(database.file, MNT_DETACH), 0, "%m");
        return;
    }
    cr_assert_eq(mount(database.file, database.file, NULL, MS_BIND, NULL), 0, "%m");
    cr_assert_eq(mount(NULL, database.file, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0, "%m");
}

Test(cannot_store, from_the_start_it_is_not_ready_until_that_is_put_right)
{
    const struct lack *lack = of_this_kind(no_insert);
    take(lack);
    if (lack->give == NULL) {
        set_writable(false);
    }
    start_apis(1);
    expect_not_ready(lack);
    expect_refused_at_once();
    expect_not_ready(lack);
    if (lack->give == NULL) {
        set_writable(true);
    } else {
        sql_execute(admin, lack->give);
    }
    expect_service_again(0);
}

Test(cannot_store, from_some_time_on_it_is_not_ready_until_that_is_put_right)
{
    const struct lack *lack = of_this_kind(no_insert_any_more);
    if (is_kind("mysql")) {
        sql_execute(admin, no_insert[0].take[0]);
        sql_execute(admin, mysql_tables);
        sql_execute(admin, "GRANT INSERT ON orders.idempotency_keys TO 'orders'@'127.0.0.1'");
    }
    start_apis(1);
    expect_status(http_get(client, "/readyz"), 200);
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    take(lack);
    if (lack->give == NULL) {
        small_disk_fill();
    }
    expect_refused_at_once();
    expect_not_ready(lack);
    if (lack->give == NULL) {
        small_disk_free();
    } else {
        sql_execute(admin, lack->give);
    }
    expect_service_again(1);
}

Test(cannot_store, row_level_security_without_a_policy_is_named)
{
    if (!is_kind("postgres")) {
        return;
    }
    take(&no_policy);
    start_apis(1);
    cr_assert(process_log_contains(&apis[0].process, no_policy.give));
    expect_refused_at_once();
    sql_execute(admin, no_policy.give);
    cr_assert(wait_until(is_ready, NULL, MENDED_MS), "it is not noticed");
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    stop_services();
}

static int worker_health(void)
{
    struct service health = {.port = 0};
    char setting[256];
    snprintf(setting, sizeof setting, "HEALTH_FILE=%s/alive", database.folder);
    const char *const settings[] = {setting, NULL};
    int code = service_run(&health, true, "health", settings, database.folder);
    process_discard(&health.process);
    return code;
}

static bool worker_health_is(void *arg)
{
    return worker_health() == *(const int *)arg;
}

/* Its sign of life gets old, as with a database that does not answer. */
Test(cannot_store, a_worker_that_may_not_move_orders_says_so_and_goes_on_when_it_may)
{
    int healthy = 0;
    int unhealthy = 1;
    if (is_kind("sqlite")) {
        return;
    }
    const struct lack *lack = of_this_kind(no_update);
    char setting[256];
    snprintf(setting, sizeof setting, "HEALTH_FILE=%s/alive", database.folder);
    const char *const others[] = {setting, NULL};
    struct service_settings own = settings(0);
    own.others = others;
    start_apis(1);
    take(lack);
    if (is_kind("mysql")) { /* for id_blocks and counters, which order-api changes */
        sql_execute(admin, "GRANT UPDATE ON orders.counters TO 'orders'@'127.0.0.1'");
        sql_execute(admin, "GRANT UPDATE ON orders.id_blocks TO 'orders'@'127.0.0.1'");
    }
    service_start_worker(&workers[0], &own);
    cr_assert(process_wait_line(&workers[0].process, lack->give, LIMIT_MS), "before any order");
    post_orders(1);
    cr_assert(wait_until(worker_health_is, &unhealthy, LIMIT_MS));
    sql_execute(admin, lack->give);
    cr_assert(wait_until(all_are_completed, NULL, LIMIT_MS));
    cr_assert(wait_until(worker_health_is, &healthy, LIMIT_MS));
    stop_services();
}
