/* SPDX-License-Identifier: MIT */
#include "tests/system/any_database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/database.h"

static struct database database;
static const char *kind;
static char setting[256];

void any_database_start(void)
{
    kind = getenv("ORDERS_SYSTEM_DATABASE");
    cr_assert_not_null(kind, "ORDERS_SYSTEM_DATABASE is not set: sqlite, mysql or postgres");
    database_start(&database, kind);
    snprintf(setting, sizeof setting, "DATABASE_URL=%s", database.url);
}

void any_database_discard(void)
{
    database_discard(&database);
}

bool any_database_is(const char *name)
{
    return strcmp(kind, name) == 0;
}

const char *any_database_url(void)
{
    return database.url;
}

const char *any_database_setting(void)
{
    return setting;
}

const char *any_database_setting_away(void)
{
    if (any_database_is("mysql")) {
        return "DATABASE_URL=mysql://user@127.0.0.1:1/orders";
    }
    return any_database_is("postgres") ? "DATABASE_URL=postgresql://user@127.0.0.1:1/orders"
                                       : "DATABASE_URL=sqlite:///./away.db";
}

const char *any_database_folder(void)
{
    return database.folder;
}

struct sql *any_database_open_sql(void)
{
    if (any_database_is("sqlite") && access(database.file, F_OK) != 0) {
        temp_dir_write(&database.dir, "orders.db", ""); /* an empty file is an empty database */
    }
    return database_open_sql(&database);
}

void any_database_execute(const char *statement)
{
    struct sql *sql = any_database_open_sql();
    sql_execute(sql, statement);
    sql_close(sql);
}

int64_t any_database_ask(const char *query)
{
    struct sql *sql = any_database_open_sql();
    int64_t answer = sql_integer(sql, query);
    sql_close(sql);
    return answer;
}

int64_t any_database_count_tables(void)
{
    if (any_database_is("sqlite")) {
        return access(database.file, F_OK) == 0
                   ? any_database_ask("SELECT count(*) FROM sqlite_schema")
                   : 0;
    }
    return any_database_ask(any_database_is("mysql")
                                ? "SELECT count(*) FROM information_schema.tables "
                                  "WHERE table_schema = DATABASE()"
                                : "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
}
