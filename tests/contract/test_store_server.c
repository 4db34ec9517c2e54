/* SPDX-License-Identifier: MIT */
/*
 * What every database server shows and a file does not: it dies, another session holds a lock, a
 * login is refused.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store_backend.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/captured_log.h"
#include "tests/support/wait_until.h"

TestSuite(store_server, .init = start, .fini = finish, .timeout = 120);

Test(store_server, killed_and_restarted_it_loses_and_doubles_nothing)
{
    order_id unkeyed = insert_new(1);
    order_id keyed = reserve(1);
    struct order order = make_keyed(keyed, "acme", "key", 1);
    struct store_insert entry = insert_one(&order);
    database_kill(&database);
    entry.repeated = true;
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_UNAVAILABLE);
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(insert_range(store, unkeyed, 1), STATUS_UNAVAILABLE);
    cr_assert_lt(wait_now_ms() - before_ms, 3000, "an absent server is not waited for");
    database_restart(&database);
    wait_until_back();
    cr_assert_eq(insert_range(store, unkeyed, 1), STATUS_OK);
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_OK);
    cr_assert_eq(entry.stored_id, keyed);
    expect_created_and_started(2, 0);
}

Test(store_server, a_lock_that_is_held_makes_a_conflict_and_changes_nothing)
{
    order_id first = insert_new(2);
    order_id ids[] = {first, first + 1};
    size_t count = 2;
    struct sql *other = database_open_admin(&database);
    lock_order(other, ids[1]);
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(store_claim(store, ids, &count, LONG_DELAY_MS, NULL), STATUS_CONFLICT);
    cr_assert_lt(wait_now_ms() - before_ms, 4000);
    expect_created_and_started(2, 0);
    sql_close(other);
    cr_assert_eq(claim(ids, 2, LONG_DELAY_MS), 2);
    expect_created_and_started(2, 2);
}

Test(store_server, claim_waiting_does_not_wait_for_a_locked_order)
{
    order_id locked = insert_new(2);
    order_id ids[10];
    struct store_claim_waiting waiting = {.delay_ms = LONG_DELAY_MS, .max = 10, .ids = ids};
    struct sql *other = database_open_admin(&database);
    lock_order(other, locked);
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_lt(wait_now_ms() - before_ms, 1500);
    cr_assert_eq(waiting.count, 1);
    cr_assert_eq(ids[0], locked + 1);
    sql_close(other);
}

/* What is rolled back never was: nobody may have read it. */
Test(store_server, what_is_not_committed_is_not_read)
{
    struct order_counts counts;
    order_id id = insert_new(1);
    struct sql *other = database_open_admin(&database);
    sql_execute(other, "START TRANSACTION");
    sql_execute(other, "UPDATE orders SET status = 1");
    sql_execute(other, "UPDATE counters SET started = started + 1 WHERE created > 0");
    expect_status(id, ORDER_PENDING);
    cr_assert_eq(store_counts(store, &counts), STATUS_OK);
    cr_assert_eq(counts.started, 0);
    sql_close(other);
}

Test(store_server, a_missing_table_is_refused_and_no_reason_to_doubt_the_orders)
{
    struct sql *sql = database_open_sql(&database);
    sql_execute(sql, "ALTER TABLE orders RENAME TO hidden");
    cr_assert_eq(insert_range(store, 7, 1), STATUS_REFUSED);
    cr_assert_str_eq(store_refusal(store), "a table or column is not there");
    sql_execute(sql, "ALTER TABLE hidden RENAME TO orders");
    sql_close(sql);
    wait_until_back();
    cr_assert_eq(insert_range(store, 7, 1), STATUS_OK);
    cr_assert_null(store_refusal(store));
    expect_created_and_started(1, 0);
}

static void set_read_only(struct sql *admin, bool on)
{
    if (url.kind == DATABASE_MYSQL) {
        sql_execute(admin, on ? "SET GLOBAL read_only = 1" : "SET GLOBAL read_only = 0");
        return;
    }
    sql_execute(admin, on ? "ALTER SYSTEM SET default_transaction_read_only = on"
                          : "ALTER SYSTEM RESET default_transaction_read_only");
    sql_execute(admin, "SELECT pg_reload_conf()");
}

static bool a_write_fails(void *arg)
{
    order_id id = *(const order_id *)arg;
    return insert_range(store, id, 1) == STATUS_UNAVAILABLE;
}

/* As after a failover, when the name leads elsewhere and old connections still live. */
Test(store_server, a_demotion_that_one_connection_notices_makes_all_of_them_anew)
{
    struct store *reader = store_create(&url);
    struct sql *admin = database_open_admin(&database);
    order_id id = insert_new(1);
    struct store_lookup lookup = {.id = id, .client_id = "acme"};
    cr_assert_eq(store_lookup(reader, &lookup, 1), STATUS_OK);
    set_read_only(admin, true);
    cr_assert_eq(store_lookup(reader, &lookup, 1), STATUS_OK, "nobody has noticed yet");
    cr_assert(wait_until(a_write_fails, &id, LIMIT_MS));
    cr_assert_eq(store_lookup(reader, &lookup, 1), STATUS_UNAVAILABLE,
                 "it still reads from a server that is known to be demoted");
    set_read_only(admin, false);
    sql_close(admin);
    wait_until_back();
    reader->retry_at_ms = 0;
    cr_assert_eq(store_lookup(reader, &lookup, 1), STATUS_OK);
    cr_assert(lookup.found);
    store_destroy(reader);
}

static void ping_with_wrong_password(void)
{
    struct database_url wrong = url;
    strcpy(wrong.password, "hunter2-is-wrong");
    struct store *refused = store_create(&wrong);
    cr_assert_eq(store_ping(refused), STATUS_UNAVAILABLE);
    store_destroy(refused);
}

Test(store_server, a_wrong_password_is_an_outage_and_is_not_logged)
{
    const char *refusal =
        url.kind == DATABASE_MYSQL ? "Access denied" : "password authentication failed";
    const char *log = captured_log(ping_with_wrong_password);
    cr_assert_not_null(strstr(log, refusal), "%s", log);
    cr_assert_null(strstr(log, "hunter2"), "%s", log);
}

Test(store_server, the_unix_socket_of_the_url_is_used)
{
    struct database_url over_socket = url;
    const char *folder = database.folder;
    over_socket.host[0] = '\0';
    over_socket.password[0] = '\0'; /* the server knows who opens its socket */
    if (url.kind == DATABASE_MYSQL) {
        strcpy(over_socket.user, "root");
        snprintf(over_socket.path, sizeof over_socket.path, "%s/socket", folder);
    } else {
        snprintf(over_socket.path, sizeof over_socket.path, "%s", folder);
    }
    struct store *by_socket = store_create(&over_socket);
    struct store_lookup lookup = {.id = insert_new(1), .client_id = "acme"};
    cr_assert_eq(store_lookup(by_socket, &lookup, 1), STATUS_OK);
    cr_assert(lookup.found);
    store_destroy(by_socket);
}
