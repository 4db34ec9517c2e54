/* SPDX-License-Identifier: MIT */
/*
 * What only PostgreSQL can show: connections the server ends, locks that are held, a server that
 * hangs or does not answer a commit.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/captured_log.h"
#include "tests/support/wait_until.h"

static struct sql *sql; /* as the superuser */

static void start_postgres(void)
{
    start();
    sql = database_open_admin(&database);
}

static void finish_postgres(void)
{
    sql_close(sql);
    finish();
}

TestSuite(store_postgres, .init = start_postgres, .fini = finish_postgres, .timeout = 120);

/* May be called again with the same id. */
static enum status insert(order_id id)
{
    return insert_range(store, id, 1);
}

/* Ends or starts the server; the superuser's connection goes with it. */
static void stop_server(void)
{
    sql_close(sql);
    sql = NULL;
    postgres_server_stop(&database.postgres);
}

static void kill_server(void)
{
    sql_close(sql);
    sql = NULL;
    postgres_server_kill(&database.postgres);
}

static void restart_server(void)
{
    postgres_server_restart(&database.postgres);
    sql = sql_open_postgres_admin(&database.postgres);
}

static void end_connections(void)
{
    sql_execute(sql, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                     "WHERE application_name = 'orders'");
}

/* A claim in a thread of its own, while the test's main thread does something to the server. */
struct pending_claim {
    order_id ids[2];
    size_t count;
    enum status status;
    pthread_t thread;
};

static void *run_claim(void *arg)
{
    struct pending_claim *claim = arg;
    claim->status = store_claim(store, claim->ids, &claim->count, LONG_DELAY_MS, NULL);
    return NULL;
}

static bool a_connection_waits(void *arg)
{
    (void)arg;
    return sql_integer(sql, "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                            "'orders' AND wait_event_type = 'Lock'") > 0;
}

static void start_claim(struct pending_claim *claim)
{
    claim->thread = thread_start("claim", run_claim, claim);
    cr_assert(wait_until(a_connection_waits, NULL, LIMIT_MS));
}

Test(store_postgres, a_user_who_may_not_change_the_schema_is_enough_once_it_is_there)
{
    struct database_url limited_url = url;
    snprintf(limited_url.user, sizeof limited_url.user, "limited");
    sql_execute(sql, "CREATE ROLE limited LOGIN PASSWORD '" POSTGRES_PASSWORD "'");
    sql_execute(sql, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public "
                     "TO limited");
    struct store *limited = store_create(&limited_url);
    order_id id = 0;
    cr_assert_eq(store_migrate(limited), STATUS_OK);
    cr_assert_eq(store_reserve_ids(limited, 1, &id), STATUS_OK);
    store_destroy(limited);
}

Test(store_postgres, a_connection_the_server_has_ended_is_opened_again)
{
    order_id id = insert_new(1);
    end_connections();
    cr_assert_eq(insert(id + 1), STATUS_UNAVAILABLE);
    wait_until_back();
    cr_assert_eq(insert(id + 1), STATUS_OK);
    expect_created_and_started(2, 0);
}

Test(store_postgres, a_connection_that_is_ended_in_a_transaction_leaves_nothing_of_it)
{
    struct pending_claim claim = {.ids = {insert_new(1), insert_new(1)}, .count = 2};
    order_id ids[] = {claim.ids[0], claim.ids[1]};
    lock_order(sql, ids[1]);
    start_claim(&claim); /* has moved the first order */
    end_connections();
    pthread_join(claim.thread, NULL);
    cr_assert_eq(claim.status, STATUS_UNAVAILABLE);
    sql_execute(sql, "ROLLBACK");
    wait_until_back();
    expect_created_and_started(2, 0);
    size_t count = 2;
    cr_assert_eq(store_claim(store, ids, &count, LONG_DELAY_MS, NULL), STATUS_OK);
    cr_assert_eq(count, 2);
}

/* At the isolation levels above, the claim would fail instead of asking its guard again. */
Test(store_postgres,
     what_another_transaction_has_moved_is_left_alone_whatever_the_default_isolation)
{
    struct pending_claim claim = {.ids = {insert_new(1), insert_new(1)}, .count = 2};
    order_id free_one = claim.ids[0];
    sql_execute(sql, "ALTER ROLE orders SET default_transaction_isolation = 'serializable'");
    end_connections();
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    wait_until_back();
    lock_order(sql, claim.ids[1]);
    sql_execute(sql, "UPDATE orders SET status = 1, started_at = now() WHERE id = (SELECT max(id) "
                     "FROM orders)");
    sql_execute(sql, "UPDATE counters SET started = started + 1 WHERE created > 0");
    start_claim(&claim);
    sql_execute(sql, "COMMIT");
    pthread_join(claim.thread, NULL);
    cr_assert_eq(claim.status, STATUS_OK);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.ids[0], free_one);
    expect_created_and_started(2, 2);
}

Test(store_postgres, a_hung_server_is_given_up_in_time)
{
    postgres_server_signal(&database.postgres, SIGSTOP);
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(insert(1), STATUS_UNAVAILABLE, "sent, and not answered");
    uint64_t sent_ms = wait_now_ms() - before_ms;
    uint64_t connecting_ms = 0;
    while (connecting_ms < 1000) { /* until it really tries, instead of waiting for its backoff */
        before_ms = wait_now_ms();
        cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
        connecting_ms = wait_now_ms() - before_ms;
    }
    postgres_server_signal(&database.postgres, SIGCONT);
    cr_assert_lt(sent_ms, 6000);
    cr_assert_lt(connecting_ms, 3000);
    wait_until_back();
    cr_assert_eq(insert(1), STATUS_OK);
    expect_created_and_started(1, 0);
}

static atomic_bool commits_flow;

/* Commits transactions, one after the other. */
static void *commit_on(void *arg)
{
    while (!atomic_load(&commits_flow)) {
        sql_execute(arg, "SELECT pg_logical_emit_message(true, 'test', '')");
    }
    return NULL;
}

/* After a reload a setting is not active at once: only a commit that waits shows that it is. */
static bool a_commit_waits(void *arg)
{
    (void)arg;
    return sql_integer(sql, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") >
           0;
}

/* The server has stored the order, but waits for a missing replica before it answers. */
Test(store_postgres, a_commit_that_is_not_answered_is_unknown_and_may_be_repeated)
{
    struct sql *committing = sql_open_postgres(&database.postgres);
    pthread_t committer;
    sql_execute(sql, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    sql_execute(sql, "SELECT pg_reload_conf()");
    cr_assert_eq(pthread_create(&committer, NULL, commit_on, committing), 0);
    cr_assert(wait_until(a_commit_waits, NULL, LIMIT_MS));
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(insert(1), STATUS_UNAVAILABLE);
    cr_assert_lt(wait_now_ms() - before_ms, 6000);
    sql_execute(sql, "ALTER SYSTEM RESET synchronous_standby_names");
    sql_execute(sql, "SELECT pg_reload_conf()");
    /* The server releases all waiting commits at once. */
    atomic_store(&commits_flow, true);
    pthread_join(committer, NULL);
    sql_close(committing);
    wait_until_back();
    cr_assert_eq(insert(1), STATUS_OK);
    expect_created_and_started(1, 0);
}

Test(store_postgres, a_database_that_is_read_only_is_an_outage_until_it_is_not)
{
    order_id id = insert_new(1);
    sql_execute(sql, "ALTER DATABASE orders SET default_transaction_read_only = on");
    end_connections();
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    cr_assert_eq(insert(id + 1), STATUS_UNAVAILABLE);
    sql_execute(sql, "ALTER DATABASE orders RESET default_transaction_read_only");
    wait_until_back();
    cr_assert_eq(insert(id + 1), STATUS_OK);
    expect_created_and_started(2, 0);
}

static bool a_session_has_been_idle_for_long(void *arg)
{
    (void)arg;
    return sql_integer(sql, "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                            "'orders' AND state = 'idle' AND clock_timestamp() - state_change > "
                            "interval '300 ms'") > 0;
}

Test(store_postgres, a_limit_on_idle_sessions_does_not_end_the_stores)
{
    sql_execute(sql, "ALTER DATABASE orders SET idle_session_timeout = '100 ms'");
    end_connections();
    wait_until_back();
    cr_assert(wait_until(a_session_has_been_idle_for_long, NULL, LIMIT_MS));
    cr_assert_eq(store_ping(store), STATUS_OK);
}

Test(store_postgres, a_migration_that_fails_half_way_leaves_nothing_and_can_be_repeated)
{
    struct sql *owner = sql_open_postgres(&database.postgres);
    sql_execute(owner, "DROP TABLE schema_versions, orders, orders_archive, counters, id_blocks, "
                       "idempotency_keys");
    sql_execute(owner, "CREATE TABLE idempotency_keys (in_the_way int)");
    cr_assert_neq(store_migrate(store), STATUS_OK);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 1);
    sql_execute(owner, "DROP TABLE idempotency_keys");
    sql_close(owner);
    wait_until_back();
    cr_assert_eq(store_migrate(store), STATUS_OK);
    insert_new(1);
    expect_created_and_started(1, 0);
}

/* Each statement that inserts orders adds a row to the table `statements`. */
static void count_statements(void)
{
    sql_execute(sql, "CREATE TABLE statements (number int)");
    sql_execute(sql, "GRANT INSERT ON statements TO orders");
    sql_execute(sql, "CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN INSERT INTO statements VALUES (1); RETURN NULL; END'");
    sql_execute(sql, "CREATE TRIGGER note_statement AFTER INSERT ON orders "
                     "EXECUTE FUNCTION note_statement()");
}

/* More than one statement, so all of it hangs on the transaction around them. */
Test(store_postgres, a_batch_sent_in_parts_is_stored_whole_or_not_at_all)
{
    enum { COUNT = 40 };
    static char items[ORDER_ITEMS_TEXT_MAX];
    static struct order orders[COUNT];
    struct store_insert entries[COUNT];
    memset(items, '\'', sizeof items);
    for (size_t i = 0; i < COUNT; i++) {
        orders[i] = make_order(i + 1, "acme");
        orders[i].items_json = items;
        orders[i].items_json_len = sizeof items;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    count_statements();
    strcpy(orders[0].idempotency_key, "key");
    strcpy(orders[COUNT - 2].idempotency_key, "key");
    orders[COUNT - 1].user_id_len = ORDER_USER_ID_CHARS_MAX + 1;
    memset(orders[COUNT - 1].user_id, 'x', orders[COUNT - 1].user_id_len);
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_INVALID);
    expect_created_and_started(0, 0);
    orders[COUNT - 1].user_id_len--;
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_OK);
    cr_assert_eq(entries[0].stored_id, 1);
    cr_assert_eq(entries[COUNT - 2].stored_id, 1, "its key was used in the first part");
    cr_assert_eq(entries[COUNT - 1].stored_id, COUNT);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM statements"), 3, "of at most 1 MiB each");
    expect_created_and_started(COUNT - 1, 0);
}

static bool statistics_of_a_claim_came(void *arg)
{
    (void)arg;
    return sql_integer(sql, "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes "
                            "WHERE relname = 'orders'") > 0;
}

/* Statistics that say there are few open orders must not make a claim read all there are by now. */
Test(store_postgres, a_claim_finds_its_orders_by_their_ids_whatever_the_statistics)
{
    static struct order orders[STORE_BATCH_MAX];
    struct store_insert entries[STORE_BATCH_MAX];
    order_id ids[100];
    size_t count = 100;
    sql_execute(sql,
                "INSERT INTO orders SELECT i, 1, now(), now(), now(), now(), 2, 'c', 'u', '[]' "
                "FROM generate_series(100001, 130000) i");
    sql_execute(sql, "ANALYZE orders");
    for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
        orders[i] = make_order(i + 1, "acme");
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, STORE_BATCH_MAX), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        ids[i] = 10 * i + 1;
    }
    cr_assert_eq(store_claim(store, ids, &count, 0, NULL), STATUS_OK);
    cr_assert_eq(store_complete(store, ids, &count), STATUS_OK);
    cr_assert_eq(count, 100);
    end_connections(); /* the server then collects their statistics */
    cr_assert(wait_until(statistics_of_a_claim_came, NULL, LIMIT_MS));
    cr_assert_eq(sql_integer(sql, "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE "
                                  "indexrelname IN ('orders_pending', 'orders_processing')"),
                 0);
}

Test(store_postgres, an_order_is_on_the_disk_also_where_commits_need_not_be)
{
    stop_server();
    postgres_server_configure(&database.postgres,
                              "synchronous_commit = off\nwal_writer_delay = 10s\n");
    restart_server();
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    wait_until_back();
    cr_assert_eq(insert(1), STATUS_OK);
    kill_server();
    restart_server();
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM orders"), 1);
}

static void ping_latin1(void)
{
    struct database_url latin1 = url;
    strcpy(latin1.database, "latin1");
    struct store *refused = store_create(&latin1);
    cr_assert_eq(store_ping(refused), STATUS_UNAVAILABLE);
    store_destroy(refused);
}

Test(store_postgres, a_database_that_could_not_hold_every_order_is_refused)
{
    sql_execute(sql, "CREATE DATABASE latin1 OWNER orders TEMPLATE template0 ENCODING 'LATIN1'");
    const char *log = captured_log(ping_latin1);
    cr_assert_not_null(strstr(log, "ENCODING 'UTF8'"), "%s", log);
}

/* It hides the rows of odd orders from the program's user, who may write them. */
static const char *const hiding_policy[] = {
    "ALTER TABLE idempotency_keys OWNER TO postgres",
    "GRANT ALL ON idempotency_keys TO orders",
    "ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY writing ON idempotency_keys FOR INSERT WITH CHECK (true)",
    "CREATE POLICY changing ON idempotency_keys FOR UPDATE USING (true)",
    "CREATE POLICY reading ON idempotency_keys FOR SELECT USING (order_id % 2 = 0)",
};

Test(store_postgres, rows_that_a_policy_hides_are_not_taken_for_rows_that_are_not_there)
{
    order_id first = reserve(2);
    struct order orders[] = {make_keyed(first, "acme", "one", 1),
                             make_keyed(first + 1, "acme", "two", 1)};
    insert_one(&orders[0]);
    insert_one(&orders[1]);
    for (size_t i = 0; i < sizeof hiding_policy / sizeof hiding_policy[0]; i++) {
        sql_execute(sql, hiding_policy[i]);
    }
    first = reserve(2);
    struct store_insert entries[2];
    for (size_t i = 0; i < 2; i++) {
        orders[i].id = first + i;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, 2), STATUS_REFUSED);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM orders"), 2);
}

Test(store_postgres, an_order_that_a_policy_hides_is_not_reported_as_unknown)
{
    struct store_lookup lookup = {.id = insert_new(1), .client_id = "acme"};
    sql_execute(sql, "ALTER TABLE orders OWNER TO postgres");
    sql_execute(sql, "GRANT ALL ON orders TO orders");
    sql_execute(sql, "ALTER TABLE orders ENABLE ROW LEVEL SECURITY");
    cr_assert_eq(store_lookup(store, &lookup, 1), STATUS_REFUSED);
}

/* With its key: else every later request with the key would be answered with an order that is not
 * there. */
Test(store_postgres, an_order_that_a_trigger_leaves_out_is_refused_with_its_key)
{
    sql_execute(sql, "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN RETURN CASE WHEN NEW.id % 2 = 0 THEN NEW END; END'");
    sql_execute(sql, "CREATE TRIGGER leave_out BEFORE INSERT ON orders FOR EACH ROW "
                     "EXECUTE FUNCTION leave_out()");
    order_id first = reserve(2);
    struct order orders[] = {make_keyed(first, "acme", "one", 1), make_order(first + 1, "acme")};
    struct store_insert entries[] = {{.order = &orders[0]}, {.order = &orders[1]}};
    cr_assert_eq(store_insert(store, entries, 2), STATUS_INVALID);
    size_t even = first % 2 == 0 ? 0 : 1;
    cr_assert_eq(store_insert(store, &entries[even], 1), STATUS_OK);
    cr_assert_eq(store_insert(store, &entries[1 - even], 1), STATUS_INVALID);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM idempotency_keys k WHERE NOT EXISTS "
                                  "(SELECT 1 FROM orders o WHERE o.id = k.order_id)"),
                 0);
    expect_created_and_started(1, 0);
}

/* A counter that is written is a row to lock, to log and to clean up. */
Test(store_postgres, what_stores_and_moves_nothing_writes_no_counter)
{
    static const char last_write[] = "SELECT max(xmin::text::bigint) FROM counters";
    order_id id = insert_new(1);
    int64_t written = sql_integer(sql, last_write);
    cr_assert_eq(insert(id), STATUS_OK);
    cr_assert_eq(complete(&id, 1), 0);
    cr_assert_eq(claim((order_id[]){id + 1}, 1, 0), 0);
    cr_assert_eq(sql_integer(sql, last_write), written);
}
