/* SPDX-License-Identifier: MIT */
#include "tests/support/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>

#include <criterion/criterion.h>

enum { BUSY_LIMIT_MS = 10000 };

/* One of them is open. */
struct sql {
    sqlite3 *sqlite;
    MYSQL *mysql;
    PGconn *postgres;
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

/* Defaults as servers have them, whatever the options of this one say; a Galera node shows the
 * events of its whole cluster. */
static struct sql *open_mariadb(const char *host, uint16_t port, const char *socket,
                                const char *user, const char *password)
{
    struct sql *sql = create();
    sql->mysql = mysql_init(NULL);
    cr_assert_not_null(sql->mysql);
    mysql_options(sql->mysql, MYSQL_INIT_COMMAND,
                  "SET SESSION autocommit = 1, completion_type = 'NO_CHAIN', "
                  "sql_mode = 'STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES', time_zone = 'SYSTEM', "
                  "sql_select_limit = DEFAULT, sql_safe_updates = 0, sql_big_selects = 1");
    mysql_options(sql->mysql, MYSQL_INIT_COMMAND, "SET NAMES utf8mb4");
    if (!mariadb_server_is_mysql()) {
        mysql_options(sql->mysql, MYSQL_INIT_COMMAND, "SET SESSION wsrep_sync_wait = 1");
    }
    mysql_options(sql->mysql, MYSQL_INIT_COMMAND,
                  "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE");
    mysql_options(sql->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    MYSQL *connected =
        mysql_real_connect(sql->mysql, host, user, password, MARIADB_DATABASE, port, socket, 0);
    cr_assert_not_null(connected, "%s", mysql_error(sql->mysql));
    return sql;
}

struct sql *sql_open_mariadb(const struct mariadb_server *server)
{
    return open_mariadb("127.0.0.1", server->port, NULL, MARIADB_USER, MARIADB_PASSWORD);
}

struct sql *sql_open_mariadb_admin(const struct mariadb_server *server)
{
    char socket[128];
    snprintf(socket, sizeof socket, "%s/socket", server->dir.path);
    return open_mariadb(NULL, 0, socket, "root", NULL);
}

static struct sql *open_postgres(const char *host, uint16_t port, const char *user,
                                 const char *password)
{
    struct sql *sql = create();
    char text[16];
    snprintf(text, sizeof text, "%u", (unsigned)port);
    const char *const names[] = {"host", "port", "user", "password", "dbname", "client_encoding",
                                 NULL};
    const char *const values[] = {host, text, user, password, POSTGRES_DATABASE, "UTF8", NULL};
    sql->postgres = PQconnectdbParams(names, values, 0);
    cr_assert_eq(PQstatus(sql->postgres), CONNECTION_OK, "%s", PQerrorMessage(sql->postgres));
    return sql;
}

struct sql *sql_open_postgres(const struct postgres_server *server)
{
    return open_postgres("127.0.0.1", server->port, POSTGRES_USER, POSTGRES_PASSWORD);
}

struct sql *sql_open_postgres_admin(const struct postgres_server *server)
{
    return open_postgres(server->dir.path, server->port, "postgres", NULL);
}

void sql_close(struct sql *sql)
{
    if (sql != NULL) {
        sqlite3_close(sql->sqlite);
        if (sql->mysql != NULL) {
            mysql_close(sql->mysql);
        }
        PQfinish(sql->postgres);
        free(sql);
    }
}

/* The result of a statement; PQclear() it. NULL: it has failed. */
static PGresult *postgres_result(struct sql *sql, const char *statement)
{
    PGresult *result = PQexec(sql->postgres, statement);
    ExecStatusType kind = PQresultStatus(result);
    if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK) {
        return result;
    }
    PQclear(result);
    return NULL;
}

static const char *last_error(struct sql *sql)
{
    if (sql->postgres != NULL) {
        return PQerrorMessage(sql->postgres);
    }
    return sql->sqlite != NULL ? sqlite3_errmsg(sql->sqlite) : mysql_error(sql->mysql);
}

bool sql_try(struct sql *sql, const char *statement)
{
    if (sql->postgres != NULL) {
        PGresult *result = postgres_result(sql, statement);
        PQclear(result);
        return result != NULL;
    }
    if (sql->sqlite != NULL) {
        return sqlite3_exec(sql->sqlite, statement, NULL, NULL, NULL) == SQLITE_OK;
    }
    if (mysql_query(sql->mysql, statement) != 0) {
        return false;
    }
    MYSQL_RES *result = mysql_store_result(sql->mysql);
    if (result != NULL) {
        mysql_free_result(result);
    }
    return true;
}

void sql_execute(struct sql *sql, const char *statement)
{
    bool done = sql_try(sql, statement);
    cr_assert(done, "%s: %s", statement, last_error(sql));
}

static size_t sqlite_rows(struct sql *sql, const char *query, int64_t values[], size_t columns,
                          size_t max)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sql->sqlite, query, -1, &statement, NULL);
    cr_assert_eq(code, SQLITE_OK, "%s: %s", query, last_error(sql));
    size_t count = 0;
    while (count < max && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (size_t i = 0; i < columns; i++) {
            *values++ = sqlite3_column_int64(statement, (int)i);
        }
        count++;
    }
    cr_assert(code == SQLITE_ROW || code == SQLITE_DONE || max == 0, "%s: %s", query,
              last_error(sql));
    sqlite3_finalize(statement);
    return count;
}

static size_t mysql_rows(struct sql *sql, const char *query, int64_t values[], size_t columns,
                         size_t max)
{
    cr_assert_eq(mysql_query(sql->mysql, query), 0, "%s: %s", query, last_error(sql));
    MYSQL_RES *result = mysql_store_result(sql->mysql);
    cr_assert_not_null(result, "%s: %s", query, last_error(sql));
    cr_assert_geq(mysql_num_fields(result), columns, "%s", query);
    size_t count = 0;
    MYSQL_ROW row;
    while (count < max && (row = mysql_fetch_row(result)) != NULL) {
        for (size_t i = 0; i < columns; i++) {
            *values++ = row[i] == NULL ? 0 : strtoll(row[i], NULL, 10);
        }
        count++;
    }
    mysql_free_result(result);
    return count;
}

static size_t postgres_rows(struct sql *sql, const char *query, int64_t values[], size_t columns,
                            size_t max)
{
    PGresult *result = postgres_result(sql, query);
    cr_assert_not_null(result, "%s: %s", query, last_error(sql));
    cr_assert_geq((size_t)PQnfields(result), columns, "%s", query);
    size_t count = (size_t)PQntuples(result) < max ? (size_t)PQntuples(result) : max;
    for (size_t row = 0; row < count; row++) {
        for (size_t i = 0; i < columns; i++) {
            *values++ = strtoll(PQgetvalue(result, (int)row, (int)i), NULL, 10);
        }
    }
    PQclear(result);
    return count;
}

size_t sql_rows(struct sql *sql, const char *query, int64_t values[], size_t columns, size_t max)
{
    if (sql->sqlite != NULL) {
        return sqlite_rows(sql, query, values, columns, max);
    }
    return sql->postgres != NULL ? postgres_rows(sql, query, values, columns, max)
                                 : mysql_rows(sql, query, values, columns, max);
}

void sql_row(struct sql *sql, const char *query, int64_t values[], size_t columns)
{
    cr_assert_eq(sql_rows(sql, query, values, columns, 1), 1, "%s: no row", query);
}

int64_t sql_integer(struct sql *sql, const char *query)
{
    int64_t value = 0;
    sql_row(sql, query, &value, 1);
    return value;
}
