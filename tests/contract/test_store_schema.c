/* SPDX-License-Identifier: MIT */
/* The store's contract: the versions of the schema, and which locks a migration waits for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/store/store_backend.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

enum { STATEMENT_LIMIT_MS = 5000 };

TestSuite(store_schema, .init = start_empty, .fini = finish, .timeout = 120);

static size_t versions_of(struct store_version versions[SCHEMA_VERSIONS_MAX])
{
    size_t count = 99;
    cr_assert_eq(store_versions(store, versions, SCHEMA_VERSIONS_MAX, &count), STATUS_OK);
    return count;
}

static int64_t count_tables(struct sql *sql)
{
    switch (url.kind) {
    case DATABASE_MYSQL:
        return sql_integer(sql, "SELECT count(*) FROM information_schema.tables "
                                "WHERE table_schema = DATABASE()");
    case DATABASE_POSTGRES:
        return sql_integer(sql, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    default:
        return sql_integer(sql, "SELECT count(*) FROM sqlite_schema");
    }
}

Test(store_schema, an_empty_database_has_no_versions_and_gets_none_by_asking)
{
    if (url.kind == DATABASE_SQLITE) { /* where a file of no bytes is an empty database */
        FILE *file = fopen(url.path, "a");
        cr_assert_not_null(file, "%s: %m", url.path);
        fclose(file);
    }
    struct store_version versions[SCHEMA_VERSIONS_MAX];
    cr_assert_eq(versions_of(versions), 0);
    struct sql *sql = open_sql();
    cr_assert_eq(count_tables(sql), 0);
    sql_close(sql);
}

Test(store_schema, each_step_has_its_version_and_time)
{
    struct store_version versions[SCHEMA_VERSIONS_MAX];
    int64_t before_s = time(NULL);
    cr_assert_eq(store_migrate(store), STATUS_OK);
    int64_t after_s = time(NULL);
    int newest = store_program_version(store);
    cr_assert_eq(versions_of(versions), (size_t)newest);
    for (int i = 0; i < newest; i++) {
        cr_assert_eq(versions[i].version, newest - i, "the newest first");
        cr_assert_geq(versions[i].applied_at_s, before_s);
        cr_assert_leq(versions[i].applied_at_s, after_s);
    }
}

Test(store_schema, the_newest_versions_are_those_that_are_read)
{
    struct store_version newest;
    size_t count;
    cr_assert_eq(store_migrate(store), STATUS_OK);
    struct sql *sql = open_sql();
    sql_execute(sql,
                url.kind == DATABASE_SQLITE
                    ? "INSERT INTO schema_versions VALUES (77, 'later', 1000000)"
                    : "INSERT INTO schema_versions VALUES (77, 'later', '1970-01-01 00:00:01')");
    sql_close(sql);
    cr_assert_eq(store_versions(store, &newest, 1, &count), STATUS_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(newest.version, 77);
    cr_assert_eq(store_migrate(store), STATUS_INVALID);
}

/* If no step is missing, migrating only reads. */
Test(store_schema, a_schema_that_is_up_to_date_needs_no_lock)
{
    cr_assert_eq(store_migrate(store), STATUS_OK);
    struct sql *other = open_sql();
    switch (url.kind) {
    case DATABASE_MYSQL:
        sql_execute(other, "SELECT GET_LOCK('orders:orders', 0)");
        break;
    case DATABASE_POSTGRES:
        sql_execute(other, "SELECT pg_advisory_lock(x'6f7264657273'::bigint)");
        break;
    default:
        sql_execute(other, "BEGIN IMMEDIATE");
    }
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(store_migrate(store), STATUS_OK);
    cr_assert_lt(wait_now_ms() - before_ms, 1500);
    sql_close(other);
}

/* Of the backend itself, with a step no program has. */
Test(store_schema, a_step_may_take_longer_than_a_connections_limits)
{
    static const char *const slow[] = {
        /* SQLite has no limits. */
        [DATABASE_SQLITE] = "CREATE TABLE slow (id INTEGER);\n",
        [DATABASE_MYSQL] = "DO SLEEP(6);\n",
        [DATABASE_POSTGRES] = "SELECT pg_sleep(6);\n",
    };
    cr_assert_eq(store_migrate(store), STATUS_OK);
    const struct schema_step step = {.version = store_program_version(store) + 1,
                                     .name = "slow",
                                     .sql = slow[url.kind]};
    struct store *migrator = store_create(&url);
    int version = 0;
    migrator->no_statement_timeout = true;
    cr_assert_eq(store_ping(migrator), STATUS_OK);
    uint64_t before_ms = wait_now_ms();
    cr_assert_eq(migrator->ops->migrate_begin(migrator, &version), STATUS_OK);
    cr_assert_eq(version, step.version - 1);
    cr_assert_eq(migrator->ops->migrate_step(migrator, &step), STATUS_OK);
    cr_assert_eq(migrator->ops->migrate_end(migrator, STATUS_OK), STATUS_OK);
    cr_assert(url.kind == DATABASE_SQLITE || wait_now_ms() - before_ms > STATEMENT_LIMIT_MS);
    store_destroy(migrator);
    struct store_version versions[SCHEMA_VERSIONS_MAX];
    cr_assert_eq(versions_of(versions), (size_t)step.version);
}

struct held_table {
    struct sql *sql;
    const char *release;
};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* Releases the table after all time limits of a connection. */
static void *release_later(void *arg)
{
    struct held_table *held = arg;
    wait_until(never, NULL, STATEMENT_LIMIT_MS + 1000);
    sql_execute(held->sql, held->release);
    return NULL;
}

static void hold_what_the_next_step_needs(struct held_table *held)
{
    held->sql = open_sql();
    held->release = "ROLLBACK";
    switch (url.kind) {
    case DATABASE_MYSQL:
        sql_execute(held->sql, "DELETE FROM schema_versions");
        sql_execute(held->sql, "LOCK TABLES orders READ, counters READ");
        held->release = "UNLOCK TABLES";
        break;
    case DATABASE_POSTGRES:
        sql_execute(held->sql,
                    "DROP TABLE orders, orders_archive, counters, id_blocks, idempotency_keys");
        sql_execute(held->sql, "DELETE FROM schema_versions");
        sql_execute(held->sql, "BEGIN");
        sql_execute(held->sql, "LOCK TABLE schema_versions");
        break;
    default:
        sql_execute(held->sql, "DROP TABLE orders");
        sql_execute(held->sql, "DROP TABLE orders_archive");
        sql_execute(held->sql, "DROP TABLE counters");
        sql_execute(held->sql, "DROP TABLE id_blocks");
        sql_execute(held->sql, "DROP TABLE idempotency_keys");
        sql_execute(held->sql, "DELETE FROM schema_versions");
        sql_execute(held->sql, "BEGIN IMMEDIATE");
    }
}

/* As often as a service at its start. */
Test(store_schema, a_step_whose_table_is_held_for_long_comes_after_it)
{
    struct held_table held;
    cr_assert_eq(store_migrate(store), STATUS_OK);
    hold_what_the_next_step_needs(&held);
    pthread_t thread = thread_start("holder", release_later, &held);
    uint64_t before_ms = wait_now_ms();
    enum status status;
    do {
        status = store_migrate(store);
    } while (status != STATUS_OK && status != STATUS_INVALID &&
             wait_now_ms() - before_ms < LIMIT_MS);
    cr_expect_eq(status, STATUS_OK);
    cr_expect_gt(wait_now_ms() - before_ms, STATEMENT_LIMIT_MS);
    pthread_join(thread, NULL);
    sql_close(held.sql);
    struct store_version versions[SCHEMA_VERSIONS_MAX];
    cr_assert_eq(versions_of(versions), (size_t)store_program_version(store));
    insert_new(1);
}

Test(store_schema, reading_versions_creates_no_sqlite_file)
{
    struct store *looker = store_create(&url);
    struct store_version version;
    size_t count;
    store_open_existing(looker);
    if (url.kind == DATABASE_SQLITE) {
        cr_assert_eq(store_versions(looker, &version, 1, &count), STATUS_NOT_FOUND);
        cr_assert_eq(access(url.path, F_OK), -1);
    }
    cr_assert_eq(store_migrate(store), STATUS_OK);
    looker->retry_at_ms = 0;
    cr_assert_eq(store_versions(looker, &version, 1, &count), STATUS_OK);
    cr_assert_eq(version.version, store_program_version(store));
    store_destroy(looker);
}
