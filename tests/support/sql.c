/* SPDX-License-Identifier: MIT */
#include "tests/support/sql.h"

#include <stdlib.h>
#include <string.h>

#include <mysql.h>
#include <sqlite3.h>

#include <criterion/criterion.h>

enum { BUSY_LIMIT_MS = 10000 };

/* One of the two is open. */
struct sql {
    sqlite3 *sqlite;
    MYSQL *mysql;
};

static struct sql *create(void)
{
    struct sql *sql = calloc(1, sizeof *sql);
    cr_assert_not_null(sql);
    return sql;
}

struct sql *sql_open_sqlite(const char *path)
{
    struct sql *sql = create();
    int code = sqlite3_open_v2(path, &sql->sqlite, SQLITE_OPEN_READWRITE, NULL);
    cr_assert_eq(code, SQLITE_OK, "%s: %s", path, sqlite3_errstr(code));
    sqlite3_busy_timeout(sql->sqlite, BUSY_LIMIT_MS);
    return sql;
}

struct sql *sql_open_mariadb(const struct mariadb_server *server)
{
    struct sql *sql = create();
    sql->mysql = mysql_init(NULL);
    cr_assert_not_null(sql->mysql);
    MYSQL *connected = mysql_real_connect(sql->mysql, "127.0.0.1", MARIADB_USER, MARIADB_PASSWORD,
                                          MARIADB_DATABASE, server->port, NULL, 0);
    cr_assert_not_null(connected, "%s", mysql_error(sql->mysql));
    return sql;
}

void sql_close(struct sql *sql)
{
    if (sql != NULL) {
        sqlite3_close(sql->sqlite);
        if (sql->mysql != NULL) {
            mysql_close(sql->mysql);
        }
        free(sql);
    }
}

void sql_execute(struct sql *sql, const char *statement)
{
    if (sql->sqlite != NULL) {
        int code = sqlite3_exec(sql->sqlite, statement, NULL, NULL, NULL);
        cr_assert_eq(code, SQLITE_OK, "%s: %s", statement, sqlite3_errmsg(sql->sqlite));
        return;
    }
    cr_assert_eq(mysql_query(sql->mysql, statement), 0, "%s: %s", statement,
                 mysql_error(sql->mysql));
    MYSQL_RES *result = mysql_store_result(sql->mysql);
    if (result != NULL) {
        mysql_free_result(result);
    }
}

static void sqlite_row(struct sql *sql, const char *query, int64_t values[], size_t columns)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sql->sqlite, query, -1, &statement, NULL);
    cr_assert_eq(code, SQLITE_OK, "%s: %s", query, sqlite3_errmsg(sql->sqlite));
    code = sqlite3_step(statement);
    cr_assert_eq(code, SQLITE_ROW, "%s: %s", query, sqlite3_errmsg(sql->sqlite));
    for (size_t i = 0; i < columns; i++) {
        values[i] = sqlite3_column_int64(statement, (int)i);
    }
    sqlite3_finalize(statement);
}

static void mysql_row(struct sql *sql, const char *query, int64_t values[], size_t columns)
{
    cr_assert_eq(mysql_query(sql->mysql, query), 0, "%s: %s", query, mysql_error(sql->mysql));
    MYSQL_RES *result = mysql_store_result(sql->mysql);
    cr_assert_not_null(result, "%s: %s", query, mysql_error(sql->mysql));
    cr_assert_geq(mysql_num_fields(result), columns, "%s", query);
    MYSQL_ROW row = mysql_fetch_row(result);
    cr_assert_not_null(row, "%s: no row", query);
    for (size_t i = 0; i < columns; i++) {
        values[i] = row[i] == NULL ? 0 : strtoll(row[i], NULL, 10);
    }
    mysql_free_result(result);
}

void sql_row(struct sql *sql, const char *query, int64_t values[], size_t columns)
{
    if (sql->sqlite != NULL) {
        sqlite_row(sql, query, values, columns);
    } else {
        mysql_row(sql, query, values, columns);
    }
}

int64_t sql_integer(struct sql *sql, const char *query)
{
    int64_t value = 0;
    sql_row(sql, query, &value, 1);
    return value;
}
