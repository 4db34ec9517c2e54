/* SPDX-License-Identifier: MIT */
/* What only MySQL can show: its packets, its TLS, its schema changes that commit one by one. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"
#include "tests/support/captured_log.h"
#include "tests/support/fault_proxy.h"

TestSuite(store_mysql, .init = start, .fini = finish, .timeout = 120);

Test(store_mysql, a_migration_that_was_cut_off_is_finished)
{
    order_id id = insert_new(1);
    struct sql *sql = sql_open_mariadb(&database.mariadb);
    sql_execute(sql, "DELETE FROM schema_versions");
    sql_execute(sql, "DROP TABLE idempotency_keys");
    sql_execute(sql, "DELETE FROM counters WHERE slot = 63");
    sql_close(sql);
    cr_assert_eq(store_migrate(store), STATUS_OK);
    struct order order = make_order(id + 1, "acme");
    cr_assert_eq(store_insert(store, &(struct store_insert){.order = &order}, 1), STATUS_OK);
    expect_created_and_started(2, 0);
}

static void restart_with_packets_of(unsigned bytes)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SET GLOBAL max_allowed_packet = %u;\n", bytes);
    mariadb_server_stop(&database.mariadb);
    temp_dir_write(&database.mariadb.dir, "init.sql", sql);
    mariadb_server_restart(&database.mariadb);
    wait_until_back();
}

static struct order make_large(order_id id, size_t items_len)
{
    static char items[ORDER_ITEMS_TEXT_MAX];
    struct order order = make_order(id, "acme");
    memset(items, '\'', sizeof items);
    order.items_json = items;
    order.items_json_len = items_len;
    return order;
}

/* Fails if a statement is longer than the server takes. */
Test(store_mysql, a_batch_larger_than_a_packet_is_stored)
{
    enum { COUNT = 40 };
    static struct order orders[COUNT];
    struct store_insert entries[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        orders[i] = make_large(i + 1, ORDER_ITEMS_TEXT_MAX);
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    restart_with_packets_of(262144);
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_OK);
    expect_created_and_started(COUNT, 0);
}

/* The server would answer by ending the connection. Each byte here takes two of a packet. */
Test(store_mysql, an_order_larger_than_a_packet_is_refused_and_one_that_fits_is_stored)
{
    enum { FITS = 7500, TOO_LARGE = 8300 };
    enum status status = STATUS_OK;
    order_id id = 1;
    restart_with_packets_of(16384);
    for (size_t len = FITS; len < TOO_LARGE; len += status == STATUS_OK ? 7 : 70, id++) {
        struct order order = make_large(id, len);
        enum status now = store_insert(store, &(struct store_insert){.order = &order}, 1);
        cr_assert(now == status || (now == STATUS_TOO_LARGE && len > FITS), "%zu bytes: %s", len,
                  status_name(now));
        cr_assert(look_up(id, "acme").found == (now == STATUS_OK));
        status = now;
    }
    cr_assert_eq(status, STATUS_TOO_LARGE);
    cr_assert_not_null(strstr(store_last_failure(store), "at most 16384 bytes in one statement"));
    cr_assert_not_null(strstr(store_last_failure(store), "max_allowed_packet"));
}

/* Their keys go first, in a statement of their own. */
Test(store_mysql, keys_that_fill_more_than_a_packet_are_too_large_together)
{
    enum { COUNT = 100 };
    struct order orders[COUNT];
    struct store_insert entries[COUNT];
    char key[ORDER_IDEMPOTENCY_KEY_SIZE];
    restart_with_packets_of(16384);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "%0255zu", i);
        orders[i] = make_keyed(i + 1, "acme", key, 1);
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_TOO_LARGE);
    expect_created_and_started(0, 0);
    cr_assert_eq(store_insert(store, entries, COUNT / 4), STATUS_OK);
    expect_created_and_started(COUNT / 4, 0);
}

/* Orders that came before the limit was lowered must go on all the same. */
Test(store_mysql, orders_whose_ids_fill_more_than_a_packet_are_moved_and_found)
{
    enum { SPACING = 7 };
    static struct store_insert entries[STORE_BATCH_MAX];
    static struct order orders[STORE_BATCH_MAX];
    static struct store_lookup lookups[STORE_BATCH_MAX];
    order_id ids[STORE_BATCH_MAX];
    for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
        ids[i] = ORDER_ID_MAX - SPACING * (order_id)(STORE_BATCH_MAX - i);
        orders[i] = make_order(ids[i], "acme");
        entries[i] = (struct store_insert){.order = &orders[i]};
        lookups[i] = (struct store_lookup){.id = ids[i], .client_id = "acme"};
    }
    cr_assert_eq(store_insert(store, entries, STORE_BATCH_MAX), STATUS_OK);
    restart_with_packets_of(16384);
    cr_assert_eq(store_lookup(store, lookups, STORE_BATCH_MAX), STATUS_OK);
    for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
        cr_assert(lookups[i].found, "order %zu", i);
    }
    cr_assert_eq(claim(ids, STORE_BATCH_MAX / 2, 0), STORE_BATCH_MAX / 2);
    struct store_claim_waiting waiting = {.max = STORE_BATCH_MAX, .ids = ids + STORE_BATCH_MAX / 2};
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_eq(waiting.count, STORE_BATCH_MAX / 2);
    cr_assert_eq(complete(ids, STORE_BATCH_MAX), STORE_BATCH_MAX);
    expect_created_and_started(STORE_BATCH_MAX, STORE_BATCH_MAX);
}

/* Connector/C refuses such a server once it is set to check certificates. */
Test(store_mysql, a_server_without_tls_is_good_enough)
{
    mariadb_server_stop(&database.mariadb);
    database.mariadb.without_tls = true;
    mariadb_server_restart(&database.mariadb);
    wait_until_back();
    insert_new(1);
    expect_created_and_started(1, 0);
}

/*
 * What comes together needs fewer round trips. But a node of a cluster that rolls the transaction
 * back between two such statements, since another node's was first, executes the second by itself.
 */
Test(store_mysql, statements_of_a_transaction_go_together_but_to_a_node_of_a_cluster)
{
    enum { TOGETHER = 2, ALONE = 4 }; /* START TRANSACTION, orders, counters, COMMIT */
    bool is_cluster = strcmp(database.url, database.other_url) != 0;
    struct fault_proxy *proxy = fault_proxy_start(url.port, FAULT_MYSQL);
    struct database_url through = url;
    through.port = fault_proxy_port(proxy);
    through.tls = DATABASE_TLS_DISABLED; /* or the proxy sees no commands */
    order_id id = insert_new(1);
    struct store *proxied = store_create(&through);
    cr_assert_eq(store_ping(proxied), STATUS_OK);
    size_t before = fault_proxy_counts(proxy).commands;
    size_t count = 1;
    cr_assert_eq(store_claim(proxied, &id, &count, LONG_DELAY_MS, NULL), STATUS_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(fault_proxy_counts(proxy).commands - before, is_cluster ? ALONE : TOGETHER);
    store_destroy(proxied);
    fault_proxy_stop(proxy);
}

/* As whoever sets it believes that it protects the server. */
Test(store_mysql, a_server_that_shortens_every_answer_stores_a_key_once_and_finds_its_orders)
{
    enum { COUNT = 60 };
    struct order orders[COUNT];
    struct store_insert entries[COUNT];
    struct store_lookup lookups[COUNT];
    struct sql *admin = database_open_admin(&database);
    sql_execute(admin, "SET GLOBAL init_connect = 'SET sql_select_limit = 1'");
    sql_close(admin);
    struct store *fresh = store_create(&url);
    for (int round = 0; round < 2; round++) {
        order_id first = reserve(COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            char key[16];
            snprintf(key, sizeof key, "key%zu", i);
            orders[i] = make_keyed(first + i, "acme", key, 1);
            entries[i] = (struct store_insert){.order = &orders[i]};
        }
        cr_assert_eq(store_insert(fresh, entries, COUNT), STATUS_OK);
    }
    expect_created_and_started(COUNT, 0);
    for (size_t i = 0; i < COUNT; i++) {
        lookups[i] = (struct store_lookup){.id = entries[i].stored_id, .client_id = "acme"};
    }
    cr_assert_eq(store_lookup(fresh, lookups, COUNT), STATUS_OK);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert(lookups[i].found, "order %zu", i);
    }
    store_destroy(fresh);
}

static void ping_a_fresh_store(void)
{
    struct store *fresh = store_create(&url);
    cr_assert_eq(store_ping(fresh), STATUS_UNAVAILABLE);
    store_destroy(fresh);
}

/* The server takes the SET, and does less. */
Test(store_mysql, a_session_that_is_not_as_it_was_set_is_not_used)
{
    mariadb_server_stop(&database.mariadb);
    database.mariadb.options[0] = "--maximum-max-sort-length=64";
    mariadb_server_restart(&database.mariadb);
    const char *log = captured_log(ping_a_fresh_store);
    cr_assert_not_null(strstr(log, "the session's max_sort_length is not 1024"), "%s", log);
}

/* What a text is agreed on when a session begins, and this server does not keep to it. */
Test(store_mysql, a_server_that_ignores_the_clients_character_set_keeps_every_character)
{
    mariadb_server_stop(&database.mariadb);
    database.mariadb.options[0] = "--loose-skip-character-set-client-handshake";
    database.mariadb.options[1] = "--character-set-server=latin1";
    mariadb_server_restart(&database.mariadb);
    wait_until_back();
    struct order order = make_order(reserve(1), "acme");
    for (size_t i = 0; i < ORDER_USER_ID_CHARS_MAX; i++) {
        memcpy(order.user_id + 2 * i, "\xc3\xa9", 2);
    }
    order.user_id_len = 2 * ORDER_USER_ID_CHARS_MAX;
    insert_one(&order);
    struct sql *sql = open_sql();
    cr_assert_eq(sql_integer(sql, "SELECT COUNT(*) FROM orders WHERE HEX(user_id) = "
                                  "REPEAT('C3A9', 64)"),
                 1);
    sql_close(sql);
}
