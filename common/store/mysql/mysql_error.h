/* SPDX-License-Identifier: MIT */
/*
 * What the server's errors mean, and what an administrator can do about them. For mysql_session.c
 * and mysql_connect.c. Owns nothing.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_ERROR_H
#define COMMON_STORE_MYSQL_MYSQL_ERROR_H

#include <mysql.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/status.h"

/*
 * `code` is mysql_errno(), `sqlstate` mysql_sqlstate(). CONFLICT (deadlock, lock timeout),
 * ALREADY_EXISTS (a row with this key exists), INVALID (it refuses the data) or UNAVAILABLE (all
 * else).
 */
enum status mysql_error_classify(unsigned int code, const char *sqlstate);

/*
 * Of an error that is ALREADY_EXISTS. False: an index or a trigger of the owner's says so, which is
 * about the data. MariaDB does not name the table, so a primary key is taken for an own one; so is
 * what is not said in English.
 */
bool mysql_error_is_of_own_key(const char *message);

/* The server is not the one to write to any more. */
bool mysql_error_is_demotion(unsigned int code);

/* The server has ended the statement because it took too long. */
bool mysql_error_is_timeout(unsigned int code);

/* Why the server does not do it, as store_refused takes it; NULL: it is no such error. `message` is
 * the server's. */
const char *mysql_error_refusal(unsigned int code, const char *message);

/*
 * The last error, and the statement that gives the right that is missing: `rights` to the user as
 * the server sees it, for which it is asked. Blocks then, and the error is lost.
 */
void mysql_error_describe(MYSQL *connection, const char *rights, char text[], size_t size);

/* The error of a connection that was not made. */
void mysql_error_describe_connection(MYSQL *connection, char text[], size_t size);

#endif
