/* SPDX-License-Identifier: MIT */
/*
 * The test's own eyes on a database: statements that do not go through the code under test.
 * One thread at a time. A statement that fails fails the test. In all, a backslash in a string is a
 * backslash.
 */
#ifndef TESTS_SUPPORT_SQL_H
#define TESTS_SUPPORT_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/mariadb_server.h"
#include "tests/support/postgres_server.h"

struct sql;

struct sql *sql_open_sqlite(const char *path);
struct sql *sql_open_mariadb(const struct mariadb_server *server);

/* As root over the socket, for what the program's user may not do. */
struct sql *sql_open_mariadb_admin(const struct mariadb_server *server);
struct sql *sql_open_postgres(const struct postgres_server *server);

/* As the superuser `postgres`, for what the program's user may not do. */
struct sql *sql_open_postgres_admin(const struct postgres_server *server);

/* Takes NULL. */
void sql_close(struct sql *sql);

void sql_execute(struct sql *sql, const char *statement);

/* The same for a statement that may fail, and then returns false. */
bool sql_try(struct sql *sql, const char *statement);

/* The first `columns` columns of the query's first row; NULL counts as 0. There must be a row. */
void sql_row(struct sql *sql, const char *query, int64_t values[], size_t columns);

/*
 * The first `max` rows at most, one behind the other in `values`; NULL counts as 0, a text as the
 * number it begins with. Returns how many there were.
 */
size_t sql_rows(struct sql *sql, const char *query, int64_t values[], size_t columns, size_t max);

/* sql_row for one column. */
int64_t sql_integer(struct sql *sql, const char *query);

#endif
