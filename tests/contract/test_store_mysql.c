/* SPDX-License-Identifier: MIT */
/* What is special about MySQL: a server that dies, locks that are held, refused connections. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "common/store/store.h"
#include "common/url/database_url.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/sql.h"
#include "tests/support/wait_until.h"

enum { LIMIT_MS = 30000, LONG_DELAY_MS = 600000 };

static struct mariadb_server server;
static struct database_url url;
static struct store *store;

static void start(void)
{
    char reason[URL_REASON_SIZE];
    mariadb_server_start(&server);
    cr_assert_eq(database_url_parse(server.url, &url, reason), STATUS_OK, "%s", reason);
    store = store_create(&url);
    cr_assert_eq(store_migrate(store), STATUS_OK);
}

static void finish(void)
{
    store_destroy(store);
    mariadb_server_discard(&server);
}

TestSuite(store_mysql, .init = start, .fini = finish, .timeout = 120);

static struct order make_order(order_id id)
{
    return (struct order){.id = id,
                          .total_cents = 100,
                          .items_json = "[1]",
                          .items_json_len = 3,
                          .user_id = "user",
                          .user_id_len = 4,
                          .client_id = "acme",
                          .idempotency_key = "key"};
}

/* May be called again with the same id. */
static enum status insert(order_id id)
{
    struct order order = make_order(id);
    order.idempotency_key[0] = '\0';
    return store_insert(store, &(struct store_insert){.order = &order, .repeated = true}, 1);
}

static order_id insert_new(void)
{
    order_id id = 0;
    cr_assert_eq(store_reserve_ids(store, 1, &id), STATUS_OK);
    cr_assert_eq(insert(id), STATUS_OK);
    return id;
}

static void expect_created_and_started(int64_t created, int64_t started)
{
    struct store_verification found;
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    cr_assert_not(store_has_drift(&found));
    cr_assert_eq(found.counted.created, created);
    cr_assert_eq(found.counted.started, started);
}

static bool answers(void *arg)
{
    (void)arg;
    return store_ping(store) == STATUS_OK;
}

Test(store_mysql, a_server_killed_and_restarted_loses_and_doubles_nothing)
{
    order_id id = insert_new();
    order_id next = 0;
    cr_assert_eq(store_reserve_ids(store, 1, &next), STATUS_OK);
    struct order order = make_order(next);
    struct store_insert entry = {.order = &order};
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_OK);
    mariadb_server_kill(&server);
    entry.repeated = true;
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_UNAVAILABLE);
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(insert(id), STATUS_UNAVAILABLE);
    cr_assert_lt(wait_now_ms() - before_ms, 3000, "an absent server is not waited for");
    mariadb_server_restart(&server);
    cr_assert(wait_until(answers, NULL, LIMIT_MS));
    cr_assert_eq(insert(id), STATUS_OK);
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_OK);
    cr_assert_eq(entry.stored_id, next);
    expect_created_and_started(2, 0);
}

Test(store_mysql, a_lock_that_is_held_makes_a_conflict_and_changes_nothing)
{
    order_id ids[] = {insert_new(), insert_new()};
    struct sql *other = sql_open_mariadb(&server);
    sql_execute(other, "START TRANSACTION");
    char statement[80];
    snprintf(statement, sizeof statement, "SELECT id FROM orders WHERE id = %llu FOR UPDATE",
             (unsigned long long)ids[1]);
    cr_assert_eq(sql_integer(other, statement), (int64_t)ids[1]);

    size_t count = 2;
    cr_assert_eq(store_claim(store, ids, &count, LONG_DELAY_MS, NULL), STATUS_CONFLICT);
    expect_created_and_started(2, 0);
    sql_execute(other, "ROLLBACK");
    sql_close(other);
    count = 2;
    cr_assert_eq(store_claim(store, ids, &count, LONG_DELAY_MS, NULL), STATUS_OK);
    cr_assert_eq(count, 2);
    expect_created_and_started(2, 2);
}

Test(store_mysql, claim_waiting_does_not_wait_for_a_locked_order)
{
    order_id locked = insert_new();
    order_id free_one = insert_new();
    struct sql *other = sql_open_mariadb(&server);
    sql_execute(other, "START TRANSACTION");
    char statement[80];
    snprintf(statement, sizeof statement, "SELECT id FROM orders WHERE id = %llu FOR UPDATE",
             (unsigned long long)locked);
    cr_assert_eq(sql_integer(other, statement), (int64_t)locked);
    order_id ids[10];
    struct store_claim_waiting waiting = {.delay_ms = LONG_DELAY_MS, .max = 10, .ids = ids};
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_lt(wait_now_ms() - before_ms, 1500);
    cr_assert_eq(waiting.count, 1);
    cr_assert_eq(ids[0], free_one);
    sql_close(other);
}

Test(store_mysql, a_migration_that_was_cut_off_is_finished)
{
    order_id id = insert_new();
    struct sql *sql = sql_open_mariadb(&server);
    sql_execute(sql, "DELETE FROM schema_versions");
    sql_execute(sql, "DROP TABLE idempotency_keys");
    sql_execute(sql, "DELETE FROM counters WHERE slot = 63");
    sql_close(sql);
    cr_assert_eq(store_migrate(store), STATUS_OK);
    struct order order = make_order(id + 1);
    cr_assert_eq(store_insert(store, &(struct store_insert){.order = &order}, 1), STATUS_OK);
    expect_created_and_started(2, 0);
}

Test(store_mysql, a_missing_table_is_an_outage_and_no_reason_to_doubt_the_orders)
{
    struct sql *sql = sql_open_mariadb(&server);
    sql_execute(sql, "RENAME TABLE orders TO hidden");
    cr_assert_eq(insert(7), STATUS_UNAVAILABLE);
    sql_execute(sql, "RENAME TABLE hidden TO orders");
    sql_close(sql);
    cr_assert(wait_until(answers, NULL, LIMIT_MS));
    cr_assert_eq(insert(7), STATUS_OK);
    expect_created_and_started(1, 0);
}

/* Fails if a statement is longer than the server takes. */
Test(store_mysql, a_batch_larger_than_a_packet_is_stored)
{
    enum { COUNT = 40 };
    static char items[ORDER_ITEMS_TEXT_MAX];
    static struct order orders[COUNT];
    struct store_insert entries[COUNT];
    mariadb_server_stop(&server);
    temp_dir_write(&server.dir, "init.sql", "SET GLOBAL max_allowed_packet = 262144;\n");
    mariadb_server_restart(&server);
    memset(items, '\'', sizeof items);
    for (size_t i = 0; i < COUNT; i++) {
        orders[i] = make_order(i + 1);
        orders[i].idempotency_key[0] = '\0';
        orders[i].items_json = items;
        orders[i].items_json_len = sizeof items;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert(wait_until(answers, NULL, LIMIT_MS));
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_OK);
    expect_created_and_started(COUNT, 0);
}

Test(store_mysql, the_unix_socket_of_the_url_is_used)
{
    struct database_url socket_url = {.kind = DATABASE_MYSQL,
                                      .user = "root",
                                      .database = MARIADB_DATABASE};
    snprintf(socket_url.path, sizeof socket_url.path, "%s/socket", server.dir.path);
    struct store *over_socket = store_create(&socket_url);
    order_id id = insert_new();
    struct store_lookup lookup = {.id = id, .client_id = "acme"};
    cr_assert_eq(store_lookup(over_socket, &lookup, 1), STATUS_OK);
    cr_assert(lookup.found);
    store_destroy(over_socket);
}

/* Connector/C refuses such a server once it is set to check certificates. */
Test(store_mysql, a_server_without_tls_is_good_enough)
{
    mariadb_server_stop(&server);
    server.without_tls = true;
    mariadb_server_restart(&server);
    cr_assert(wait_until(answers, NULL, LIMIT_MS));
    insert_new();
    expect_created_and_started(1, 0);
}

Test(store_mysql, a_wrong_password_is_an_outage_and_is_not_logged)
{
    struct database_url wrong = url;
    strcpy(wrong.password, "hunter2-is-wrong");
    struct store *refused = store_create(&wrong);
    fflush(stderr);
    cr_redirect_stderr();
    cr_assert_eq(store_ping(refused), STATUS_UNAVAILABLE);
    store_destroy(refused);
    static char log[4096];
    size_t len = fread(log, 1, sizeof log - 1, cr_get_redirected_stderr());
    log[len] = '\0';
    cr_assert_not_null(strstr(log, "Access denied"), "%s", log);
    cr_assert_null(strstr(log, "hunter2"), "%s", log);
}
