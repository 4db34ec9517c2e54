/* SPDX-License-Identifier: MIT */
#include "tests/system/any_database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/temp_dir.h"

static struct temp_dir dir;
static struct mariadb_server mariadb;
static struct postgres_server postgres;
static const char *kind;
static char setting[256] = "DATABASE_URL=";
static char path[128];

void any_database_start(void)
{
    kind = getenv("ORDERS_SYSTEM_DATABASE");
    cr_assert_not_null(kind, "ORDERS_SYSTEM_DATABASE is not set: sqlite, mysql or postgres");
    temp_dir_create(&dir);
    size_t len = strlen(setting);
    if (any_database_is("mysql")) {
        mariadb_server_start(&mariadb);
        snprintf(setting + len, sizeof setting - len, "%s", mariadb.url);
    } else if (any_database_is("postgres")) {
        postgres_server_start(&postgres);
        snprintf(setting + len, sizeof setting - len, "%s", postgres.url);
    } else {
        cr_assert(any_database_is("sqlite"), "no database is called %s", kind);
        snprintf(path, sizeof path, "%s/orders.db", dir.path);
        snprintf(setting + len, sizeof setting - len, "sqlite:///%s", path);
    }
}

void any_database_discard(void)
{
    mariadb_server_discard(&mariadb);
    postgres_server_discard(&postgres);
    temp_dir_remove(&dir);
}

bool any_database_is(const char *name)
{
    return strcmp(kind, name) == 0;
}

const char *any_database_url(void)
{
    return strchr(setting, '=') + 1;
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
    return dir.path;
}

struct sql *any_database_open_sql(void)
{
    if (any_database_is("mysql")) {
        return sql_open_mariadb(&mariadb);
    }
    if (any_database_is("postgres")) {
        return sql_open_postgres(&postgres);
    }
    if (access(path, F_OK) != 0) {
        temp_dir_write(&dir, "orders.db", ""); /* an empty file is an empty database */
    }
    return sql_open_sqlite(path);
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
        return access(path, F_OK) == 0 ? any_database_ask("SELECT count(*) FROM sqlite_schema") : 0;
    }
    return any_database_ask(any_database_is("mysql")
                                ? "SELECT count(*) FROM information_schema.tables "
                                  "WHERE table_schema = DATABASE()"
                                : "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
}
