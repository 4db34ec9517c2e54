/* SPDX-License-Identifier: MIT */
/*
 * A database that is restored under a running order-api: it then has other clients' orders under
 * ids that this order-api has reserved. Every order it acknowledges is stored all the same.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"

#define NEWS "was restored or failed over"

enum {
    RESTORES = 5,
    ORDERS_EACH = 23, /* not whole blocks of ids: each restore meets one that is begun */
    DELAY_MS = 60000, /* what becomes of the orders afterwards is no matter of this test */
    THREADS = 8,
    ORDERS = 2000,
};

static struct temp_dir dir;
static struct mariadb_server mariadb;
static struct service api;
static struct http_client *client;
static struct sql *sql;
static struct load load;

static void finish(void)
{
    http_client_destroy(client);
    load_finish(&load);
    sql_close(sql);
    process_discard(&api.process);
    mariadb_server_discard(&mariadb);
    temp_dir_remove(&dir);
}

TestSuite(restored, .fini = finish, .timeout = 90);

/* Posts one order whose total is `cents`, and finds it stored as it was sent. */
static uint64_t post_and_check(int cents)
{
    char body[128], query[256];
    snprintf(body, sizeof body,
             "{\"user_id\":\"user %d\",\"item_ids\":[%d],\"total_amount\":%d.%02d}", cents, cents,
             cents / 100, cents % 100);
    uint64_t id = expect_created(http_post_order(client, body));
    snprintf(query, sizeof query,
             "SELECT count(*) FROM orders WHERE id = %" PRIu64 " AND client_id = '%s' "
             "AND user_id = 'user %d' AND item_ids = '[%d]' AND total_cents = %d",
             id, SERVICE_CLIENT_ID, cents, cents, cents);
    cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is not what was sent", id);
    return id;
}

Test(restored, every_order_is_stored_as_it_was_sent_around_the_orders_that_came_back)
{
    char path[128], statement[512];
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path, .delay_ms = DELAY_MS});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    sql = sql_open_sqlite(path);
    uint64_t last = post_and_check(1);
    for (int restore = 0; restore < RESTORES; restore++) {
        /* The next id, and then every third of those that follow. */
        snprintf(statement, sizeof statement,
                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 3 FROM n WHERE i < 300) "
                 "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
                 "created_at, due_at) SELECT %" PRIu64 " + i, 'foreign', 'u', '[1]', 1, 0, 1, 1 "
                 "FROM n",
                 last);
        sql_execute(sql, statement);
        for (int i = 0; i < ORDERS_EACH; i++) {
            last = post_and_check(100 + restore * ORDERS_EACH + i);
        }
        cr_assert_eq(process_log_count(&api.process, NEWS), (size_t)restore + 1);
    }
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM orders WHERE client_id <> 'foreign'"),
                 1 + RESTORES * ORDERS_EACH);
    cr_assert_eq(sql_integer(sql, "SELECT sum(created) FROM counters"), 1 + RESTORES * ORDERS_EACH);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* Rows come back a little ahead of the ids that are being given out. */
static void restore_ahead(void)
{
    char statement[512];
    int64_t ahead = 5 + sql_integer(sql, "SELECT MAX(id) FROM orders WHERE client_id = "
                                         "'" SERVICE_CLIENT_ID "'");
    snprintf(statement, sizeof statement,
             "INSERT IGNORE INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
             "created_at, due_at) VALUES (%" PRId64 ", 'foreign', 'u', '[1]', 1, 0, now(), now()), "
             "(%" PRId64 ", 'foreign', 'u', '[1]', 1, 0, now(), now())",
             ahead, ahead + 7);
    sql_execute(sql, statement);
}

Test(restored, under_load_no_acknowledged_order_is_lost_and_none_is_doubled)
{
    char query[128];
    mariadb_server_start(&mariadb);
    service_start_api(&api, &(struct service_settings){.folder = mariadb.dir.path,
                                                       .database_url = mariadb.url,
                                                       .delay_ms = DELAY_MS});
    sql = sql_open_mariadb(&mariadb);
    load.ports[0] = api.port;
    load.port_count = 1;
    load.thread_count = THREADS;
    load.order_count = ORDERS;
    load_start(&load);
    while (atomic_load(&load.accepted) + atomic_load(&load.failed) < ORDERS) {
        restore_ahead();
    }
    load_join(&load);
    load_expect_no_failure(&load);
    cr_assert(process_log_contains(&api.process, NEWS), "no id was taken");
    for (size_t i = 0; i < load.accepted; i++) {
        snprintf(query, sizeof query,
                 "SELECT COUNT(*) FROM orders WHERE client_id = '" SERVICE_CLIENT_ID "' AND id = "
                 "%" PRIu64,
                 load.ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is not ours", load.ids[i]);
    }
    cr_assert_eq(sql_integer(sql, "SELECT COUNT(*) FROM orders WHERE client_id <> 'foreign'"),
                 ORDERS);
    cr_assert_eq(sql_integer(sql, "SELECT SUM(created) FROM counters"), ORDERS);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
