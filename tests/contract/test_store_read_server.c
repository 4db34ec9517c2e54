/* SPDX-License-Identifier: MIT */
/* The store's contract: a cold read whose connection is lost on the way. SQLite has none to lose.
 */
#include <stdio.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/store/store_read.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

#define MARK "a.id % 7 + b.id % 7"

TestSuite(store_read_server, .init = start, .fini = finish, .timeout = 120);

static bool is_running(void *arg)
{
    return sql_integer(arg, url.kind == DATABASE_MYSQL
                                ? "SELECT count(*) FROM information_schema.processlist "
                                  "WHERE info LIKE 'SELECT sum(a.id % 7%'"
                                : "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                                  "AND query LIKE 'SELECT sum(a.id % 7%'") == 1;
}

/* Ends the connection of the read, from the server's side, while it runs. */
static void *end_connection(void *arg)
{
    struct sql *admin = arg;
    char kill[40];
    if (!wait_until(is_running, admin, LIMIT_MS)) {
        return NULL;
    }
    if (url.kind == DATABASE_MYSQL) {
        snprintf(kill, sizeof kill, "KILL %lld",
                 (long long)sql_integer(admin, "SELECT id FROM information_schema.processlist "
                                               "WHERE info LIKE 'SELECT sum(a.id % 7%'"));
        sql_execute(admin, kill);
    } else {
        sql_integer(admin, "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity "
                           "WHERE state = 'active' AND query LIKE 'SELECT sum(a.id % 7%'");
    }
    return admin;
}

static enum status ignore_row(void *context, const struct store_value values[])
{
    (void)values;
    (*(size_t *)context)++;
    return STATUS_OK;
}

static bool is_up(void *arg)
{
    (void)arg;
    return store_ping(store) == STATUS_OK;
}

Test(store_read_server, a_connection_that_is_lost_on_the_way_is_opened_again)
{
    static const enum store_type column = STORE_INT64;
    const struct store_query query = {
        .name = "test",
        .sql = "SELECT sum(" MARK " + c.id % 7 + d.id % 7) "
               "FROM orders AS a, orders AS b, orders AS c, orders AS d",
        .columns = &column,
        .column_count = 1,
        .rows_max = 1,
    };
    size_t calls = 0;
    struct store_rows rows = {.row = ignore_row, .context = &calls};
    void *ended = NULL;
    struct sql *admin = database_open_admin(&database);
    insert_new(STORE_BATCH_MAX);
    pthread_t thread = thread_start("ender", end_connection, admin);
    enum status status = store_read(store, &query, &rows);
    pthread_join(thread, &ended);
    cr_assert_not_null(ended, "the read was never seen");
    cr_assert_eq(status, STATUS_UNAVAILABLE);
    cr_assert_eq(calls, 0);
    sql_close(admin);
    cr_assert(wait_until(is_up, NULL, LIMIT_MS));
    insert_new(1);
}
