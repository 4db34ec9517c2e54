/* SPDX-License-Identifier: MIT */
/*
 * One connection to a MySQL or MariaDB server, set up as the store needs it, and with
 * mysql_connect.c the only place that knows the client library. Statements are put together in the
 * session's text and sent whole: `text_add(mysql_session_text(session), ...)`, then
 * mysql_session_run.
 *
 * Blocks: every call that sends waits for the server, at most the read or write timeout of 5 s (see
 * mysql_connect.h for the first), or, for a store that has no_statement_timeout, a day; the server
 * itself gives up before that. Threads: one at a time. Owns: the connection, the text and the last
 * result. Borrows the store, for its address and to log failures.
 *
 * A call that sends answers STATUS_OK, or what the server's error means to the caller: CONFLICT
 * (deadlock, lock timeout), ALREADY_EXISTS (a row with this key exists), INVALID (it refuses the
 * data), TOO_LARGE (more than it takes in one packet; it was not sent), REFUSED (it does not do
 * this, whatever the data) or UNAVAILABLE (all else). It is logged.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_SESSION_H
#define COMMON_STORE_MYSQL_MYSQL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/order/order.h"
#include "common/store/sql_text.h"

struct mysql_session;
struct store;

/* STATUS_OK sets `*session`. Otherwise it is NULL, and why is logged with the server's words. */
MUST_CHECK enum status mysql_session_open(struct store *store, struct mysql_session **session);

/* Takes NULL. A transaction that is open is rolled back by the server. */
void mysql_session_close(struct mysql_session *session);

MUST_CHECK enum status mysql_session_ping(struct mysql_session *session);

/* Logs a failure the server did not report by itself and passes `status` on. */
enum status mysql_session_failed(struct mysql_session *session, enum status status,
                                 const char *operation, const char *message);

/* The text of the next statement, empty unless the caller has added to it since the last one. */
struct text *mysql_session_text(struct mysql_session *session);

/* Adds 'bytes', quoted and escaped. */
void mysql_session_add_string(struct mysql_session *session, const char *bytes, size_t len);

/* MariaDB, else MySQL. */
bool mysql_session_is_mariadb(const struct mysql_session *session);

/* How long a statement may become, in bytes, for the server to take it. */
size_t mysql_session_text_max(const struct mysql_session *session);

/*
 * Sends the text, and empties it. `operation` names it in the log. `*affected`, unless NULL, is the
 * number of rows that were really changed.
 */
MUST_CHECK enum status mysql_session_run(struct mysql_session *session, const char *operation,
                                         uint64_t *affected);

/* What LAST_INSERT_ID(expression) in the last statement evaluated to. */
uint64_t mysql_session_last_id(const struct mysql_session *session);

/* One row: text and length in bytes of each column; NULL for SQL's NULL. */
struct mysql_row {
    char **values;
    const unsigned long *lengths;
};

/* Sends a query, and empties the text. Its rows are read with mysql_session_next. */
MUST_CHECK enum status mysql_session_query(struct mysql_session *session, const char *operation);

/*
 * The same for a cold read: STATUS_TIMEOUT if the server has ended it because it took too long.
 * Other statements are small, so for them that means that the server is in trouble: UNAVAILABLE.
 */
MUST_CHECK enum status mysql_session_query_cold(struct mysql_session *session,
                                                const char *operation);

/* How many columns the last query's rows have. */
size_t mysql_session_columns(const struct mysql_session *session);

/* False: there are no more. A row is good until the next statement. */
bool mysql_session_next(struct mysql_session *session, struct mysql_row *row);

/* For queries that always have one row, of numbers: fills `numbers`, 0 for NULL. STATUS_UNAVAILABLE
 * also when no row came. */
MUST_CHECK enum status mysql_session_query_numbers(struct mysql_session *session,
                                                   const char *operation, int64_t numbers[],
                                                   size_t columns);

/* For queries of one column of at most `max` ids. */
MUST_CHECK enum status mysql_session_query_ids(struct mysql_session *session, const char *operation,
                                               order_id ids[], size_t max, size_t *count);

/*
 * Ends the statement in the text, which is sent together with the next one: each round trip that is
 * saved is time in which no locks are held. To a node of a Galera cluster each goes by itself. What
 * comes after one that fails is not executed, and the call that sends them returns the error. Not
 * for queries.
 */
void mysql_session_defer(struct mysql_session *session);

/* How many rows the last deferred statement that was sent has really changed. */
uint64_t mysql_session_deferred_rows(const struct mysql_session *session);

/* A transaction begins with the next statement that is sent. The text is empty. */
void mysql_session_begin(struct mysql_session *session);

/* Rolls back, and begins anew with the next statement that is sent. */
MUST_CHECK enum status mysql_session_restart(struct mysql_session *session);

/*
 * Commits if `status` is STATUS_OK, else rolls back, also where the server may have done so by
 * itself: after a lock timeout it has not. Returns `status`, or why that failed.
 */
MUST_CHECK enum status mysql_session_end(struct mysql_session *session, enum status status);

/* Rolls back. Returns `status`, or STATUS_UNAVAILABLE if that failed. */
MUST_CHECK enum status mysql_session_undo(struct mysql_session *session, enum status status);

/*
 * Ends and sends an UPDATE of the table `counters`, in the transaction of the rows that are counted
 * and after them: "UPDATE counters SET created = created + 3" becomes one of this connection's own
 * row, so that connections seldom wait for each other. `operation` names it, and what was deferred
 * before it, in the log.
 */
MUST_CHECK enum status mysql_session_count(struct mysql_session *session, const char *operation);

#endif
