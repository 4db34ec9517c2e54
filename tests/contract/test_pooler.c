/* SPDX-License-Identifier: MIT */
/* The store on PostgreSQL behind PgBouncer: what each of its modes does to a session. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store_backend.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/captured_log.h"
#include "tests/support/wait_until.h"

static struct pooler pooler;

static void finish_pooled(void)
{
    finish();
    pooler_discard(&pooler);
}

TestSuite(pooler, .init = start, .fini = finish_pooled, .timeout = 60);

/* A store behind a pooler, which hands out the connection that was used last. */
static struct store *open_pooled(const char *mode)
{
    char reason[URL_REASON_SIZE];
    struct database_url pooled;
    pooler_start(&pooler, &database.postgres, mode);
    cr_assert_eq(database_url_parse(pooler.url, &pooled, reason), STATUS_OK, "%s", reason);
    return store_create(&pooled);
}

/* All kinds of statement: alone, in a transaction, in a snapshot, with a shorter limit. */
static void use(struct store *pooled)
{
    struct store_verification found;
    order_id first = insert_new(1);
    order_id ids[] = {first};
    size_t count = 1;
    struct store_lookup lookup = {.id = first, .client_id = "acme"};
    cr_assert_eq(store_lookup(pooled, &lookup, 1), STATUS_OK);
    cr_assert(lookup.found);
    cr_assert_eq(store_claim(pooled, ids, &count, 0, NULL), STATUS_OK);
    cr_assert_eq(store_complete(pooled, ids, &count), STATUS_OK);
    cr_assert_eq(store_verify(pooled, NULL, &found), STATUS_OK);
    cr_assert_eq(count, 1);
}

/* What another client of the pooler finds in the server's session. */
static int64_t ask_as_neighbour(const char *query)
{
    struct postgres_server through = database.postgres;
    through.port = pooler.port;
    struct sql *sql = sql_open_postgres(&through);
    int64_t answer = sql_integer(sql, query);
    sql_close(sql);
    return answer;
}

Test(pooler, in_transaction_mode_nothing_is_left_in_a_session_for_others)
{
    struct store *pooled = open_pooled("transaction");
    use(pooled);
    cr_assert_eq(ask_as_neighbour("SELECT count(*) FROM pg_prepared_statements"), 0);
    cr_assert_eq(ask_as_neighbour("SELECT count(*) FROM pg_settings WHERE source = 'session' AND "
                                  "name IN ('statement_timeout', 'lock_timeout', 'enable_seqscan', "
                                  "'row_security', 'synchronous_commit', 'jit', 'bytea_output')"),
                 0);
    store_destroy(pooled);
}

Test(pooler, session_mode_works_too)
{
    struct store *pooled = open_pooled("session");
    use(pooled);
    store_destroy(pooled);
}

static void ping_in_statement_mode(void)
{
    struct store *pooled = open_pooled("statement");
    cr_assert_eq(store_ping(pooled), STATUS_UNAVAILABLE);
    store_destroy(pooled);
}

Test(pooler, statement_mode_is_refused_and_the_log_says_why)
{
    const char *log = captured_log(ping_in_statement_mode);
    cr_assert_not_null(strstr(log, "statement pooling mode"), "%s", log);
}

static void set_read_only(const char *value)
{
    char statement[80];
    struct sql *admin = database_open_admin(&database);
    snprintf(statement, sizeof statement, "ALTER SYSTEM SET default_transaction_read_only = %s",
             value);
    sql_execute(admin, statement);
    sql_execute(admin, "SELECT pg_reload_conf()");
    sql_close(admin);
}

static bool a_lookup_fails(void *arg)
{
    struct store_lookup lookup = {.id = 1, .client_id = "acme"};
    return store_lookup(arg, &lookup, 1) == STATUS_UNAVAILABLE;
}

/* The connection to the pooler stays while the server behind it becomes another. */
Test(pooler, once_a_server_was_demoted_each_transaction_looks_whether_its_own_takes_writes)
{
    struct store *pooled = open_pooled("transaction");
    cr_assert_eq(store_ping(pooled), STATUS_OK);
    store_primary_has_changed(pooled);
    cr_assert_eq(store_ping(pooled), STATUS_OK);
    set_read_only("on");
    cr_assert(wait_until(a_lookup_fails, pooled, LIMIT_MS));
    cr_assert_not_null(strstr(store_last_failure(pooled), "read-only"));
    store_destroy(pooled);
}
