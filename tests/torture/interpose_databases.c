/* SPDX-License-Identifier: MIT */
/*
 * The program's calls into the three databases' libraries. A call that talks to a server fails
 * because its connection has just broken, and the library notices that too. Other calls fail as if
 * there were no memory.
 */
#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/socket.h>

#include "tests/torture/interposer.h"

#define INTERPOSE(...) INTERPOSE_WHEN(interposer_fails_program, __VA_ARGS__)

enum { MYSQL_NO_MEMORY = 2008 }; /* CR_OUT_OF_MEMORY */

static void break_mysql(MYSQL *mysql)
{
    shutdown((int)mysql_get_socket(mysql), SHUT_RDWR);
}

static void refuse_mysql(MYSQL *mysql)
{
    mysql->net.last_errno = MYSQL_NO_MEMORY;
    snprintf(mysql->net.last_error, sizeof mysql->net.last_error, "made to fail");
}

INTERPOSE(int, mysql_server_init, (int argc, char **argv, char **groups), (argc, argv, groups),
          return 1;)
INTERPOSE(MYSQL *, mysql_init, (MYSQL * mysql), (mysql), return NULL;)
INTERPOSE(int, mysql_options, (MYSQL * mysql, enum mysql_option option, const void *value),
          (mysql, option, value), return 1;)
INTERPOSE(MYSQL *, mysql_real_connect,
          (MYSQL * mysql, const char *host, const char *user, const char *password,
           const char *database, unsigned port, const char *path, unsigned long flags),
          (mysql, host, user, password, database, port, path, flags), refuse_mysql(mysql);
          return NULL;)
INTERPOSE(int, mysql_ping, (MYSQL * mysql), (mysql), break_mysql(mysql);)
INTERPOSE(int, mysql_real_query, (MYSQL * mysql, const char *sql, unsigned long len),
          (mysql, sql, len), break_mysql(mysql);)
INTERPOSE(MYSQL_RES *, mysql_store_result, (MYSQL * mysql), (mysql), refuse_mysql(mysql);
          return NULL;)

static void break_postgres(const PGconn *connection)
{
    shutdown(PQsocket(connection), SHUT_RDWR);
}

INTERPOSE(PGconn *, PQconnectStartParams,
          (const char *const *names, const char *const *values, int expand),
          (names, values, expand), return NULL;)
INTERPOSE(PostgresPollingStatusType, PQconnectPoll, (PGconn * connection), (connection),
          break_postgres(connection);
          return PGRES_POLLING_FAILED;)
INTERPOSE(int, PQsetnonblocking, (PGconn * connection, int on), (connection, on), return -1;)
INTERPOSE(int, PQsendQuery, (PGconn * connection, const char *sql), (connection, sql),
          break_postgres(connection);
          return 0;)
INTERPOSE(int, PQsendQueryParams,
          (PGconn * connection, const char *sql, int count, const Oid *types,
           const char *const *values, const int *lengths, const int *formats, int format),
          (connection, sql, count, types, values, lengths, formats, format),
          break_postgres(connection);
          return 0;)
INTERPOSE(int, PQflush, (PGconn * connection), (connection), break_postgres(connection); return -1;)
INTERPOSE(int, PQconsumeInput, (PGconn * connection), (connection), break_postgres(connection);
          return 0;)

INTERPOSE(int, sqlite3_open_v2, (const char *path, sqlite3 **db, int flags, const char *vfs),
          (path, db, flags, vfs), *db = NULL;
          return SQLITE_NOMEM;)
INTERPOSE(int, sqlite3_prepare_v2,
          (sqlite3 * db, const char *sql, int len, sqlite3_stmt **statement, const char **rest),
          (db, sql, len, statement, rest), *statement = NULL;
          return SQLITE_NOMEM;)
INTERPOSE(int, sqlite3_prepare_v3,
          (sqlite3 * db, const char *sql, int len, unsigned flags, sqlite3_stmt **statement,
           const char **rest),
          (db, sql, len, flags, statement, rest), *statement = NULL;
          return SQLITE_NOMEM;)
INTERPOSE(int, sqlite3_exec,
          (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *arg,
           char **error),
          (db, sql, row, arg, error), return SQLITE_IOERR;)
INTERPOSE(int, sqlite3_step, (sqlite3_stmt * statement), (statement), return SQLITE_FULL;)
INTERPOSE(int, sqlite3_bind_int64, (sqlite3_stmt * statement, int index, sqlite3_int64 value),
          (statement, index, value), return SQLITE_NOMEM;)
INTERPOSE(int, sqlite3_bind_text,
          (sqlite3_stmt * statement, int index, const char *text, int len, void (*destroy)(void *)),
          (statement, index, text, len, destroy), return SQLITE_NOMEM;)
INTERPOSE(int, sqlite3_bind_blob,
          (sqlite3_stmt * statement, int index, const void *bytes, int len,
           void (*destroy)(void *)),
          (statement, index, bytes, len, destroy), return SQLITE_NOMEM;)
