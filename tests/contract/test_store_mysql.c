/* SPDX-License-Identifier: MIT */
/* What only MySQL can show: its packets, its TLS, its schema changes that commit one by one. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"

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

/* Fails if a statement is longer than the server takes. */
Test(store_mysql, a_batch_larger_than_a_packet_is_stored)
{
    enum { COUNT = 40 };
    static char items[ORDER_ITEMS_TEXT_MAX];
    static struct order orders[COUNT];
    struct store_insert entries[COUNT];
    mariadb_server_stop(&database.mariadb);
    temp_dir_write(&database.mariadb.dir, "init.sql", "SET GLOBAL max_allowed_packet = 262144;\n");
    mariadb_server_restart(&database.mariadb);
    memset(items, '\'', sizeof items);
    for (size_t i = 0; i < COUNT; i++) {
        orders[i] = make_order(i + 1, "acme");
        orders[i].items_json = items;
        orders[i].items_json_len = sizeof items;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    wait_until_back();
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_OK);
    expect_created_and_started(COUNT, 0);
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
