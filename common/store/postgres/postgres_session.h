/* SPDX-License-Identifier: MIT */
/*
 * One connection to a PostgreSQL server, set up as the store needs it, and with
 * postgres_exchange.c and postgres_connect.c the only place that knows libpq. The statements of
 * orders are constants; what varies are their parameters, $1, $2, ..., numbers or whole arrays.
 *
 * Blocks: every call that sends waits for the server, at most 5 s (a day for a store that is
 * no_statement_timeout), the first 2 s or the URL's connect_timeout; the server itself gives up
 * before that. Only looking up a host's name has no limit but the system's own. Threads: one at a
 * time. Owns: the connection, the arrays and the last result. Borrows the store, for its address
 * and to log failures.
 *
 * Through a pooler nothing of a session lasts longer than a transaction: each begins with the
 * settings, and a statement outside of one is sent with a transaction around it, at once.
 *
 * A call that sends answers STATUS_OK, or what the server's error means to the caller: CONFLICT
 * (serialization, deadlock, lock timeout), ALREADY_EXISTS (a row with this key exists), INVALID (it
 * refuses the data), REFUSED (it does not do this, whatever the data) or UNAVAILABLE (all else). It
 * is logged.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_SESSION_H
#define COMMON_STORE_POSTGRES_POSTGRES_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/store/sql_text.h"

enum {
    POSTGRES_ARRAYS = 7, /* that a session keeps */
};

struct postgres_session;
struct store;

/* The numbers of the types in the catalog pg_type; they are the same in every server. */
enum postgres_type {
    POSTGRES_ANY = 0, /* what the statement says */
    POSTGRES_BYTEA = 17,
    POSTGRES_BIGINT = 20,
    POSTGRES_TEXT = 25,
};

/* A parameter: an array if there is one, else text or bytes if its type says so, else a bigint. */
struct postgres_value {
    const struct text *array;
    enum postgres_type type;
    bool is_null;
    int64_t number;
    const void *bytes;
    size_t len;
};

static inline struct postgres_value postgres_number(int64_t number)
{
    return (struct postgres_value){.number = number};
}

static inline struct postgres_value postgres_array(const struct text *array)
{
    return (struct postgres_value){.array = array};
}

/* STATUS_OK sets `*session`. Otherwise it is NULL, and why is logged with the server's words. */
MUST_CHECK enum status postgres_session_open(struct store *store,
                                             struct postgres_session **session);

/* Takes NULL. A transaction that is open is rolled back by the server. */
void postgres_session_close(struct postgres_session *session);

/* The process of the server that began the session. A pooler makes this number up. */
int postgres_session_backend(const struct postgres_session *session);

/* There is a pooler in between. `local`, whose memory goes to the session, is SQL that sets what a
 * transaction needs; $1 is how many milliseconds a statement may take. */
void postgres_session_set_pooled(struct postgres_session *session, struct text *local);

/* Logs a failure the server did not report by itself and passes `status` on. */
enum status postgres_session_failed(struct postgres_session *session, enum status status,
                                    const char *operation, const char *message);

/* The session's user and schema, as SQL takes them, for what it says of a missing right. */
void postgres_session_note_names(struct postgres_session *session, const char *user,
                                 const char *schema);

/* One of the POSTGRES_ARRAYS in which parameters are put together; its memory is kept. */
struct text *postgres_session_array(struct postgres_session *session, size_t index);

/*
 * Sends one statement and reads its whole answer. `operation` names it in the log. Outside of a
 * transaction the statement is one: STATUS_OK means that it is committed, STATUS_UNAVAILABLE that
 * this is unknown, any other that nothing was changed.
 */
MUST_CHECK enum status postgres_session_run(struct postgres_session *session, const char *operation,
                                            const char *sql,
                                            const struct postgres_value parameters[], size_t count);

/*
 * The same for a statement that comes again and again: the server reads it once for a session, and
 * plans it anew only while a plan for the very parameters promises more than it costs. So its plan
 * must not hang on them. `sql` is known by its address, and lives as long as the session.
 */
MUST_CHECK enum status postgres_session_run_prepared(struct postgres_session *session,
                                                     const char *operation, const char *sql,
                                                     const struct postgres_value parameters[],
                                                     size_t count);

/*
 * The same for a cold read: STATUS_TIMEOUT if the server has ended it because it took too long.
 * Other statements are small, so for them that means that the server is in trouble: UNAVAILABLE.
 */
MUST_CHECK enum status postgres_session_run_cold(struct postgres_session *session,
                                                 const char *operation, const char *sql,
                                                 const struct postgres_value parameters[],
                                                 size_t count);

/* How long a statement may take from now on. In a transaction that has failed nothing is done: when
 * it is rolled back the limit is what it was before. */
MUST_CHECK enum status postgres_session_set_limit(struct postgres_session *session,
                                                  uint32_t limit_ms);

/* Like `postgres_session_run`, for several statements without parameters, whose rows are ignored.
 */
MUST_CHECK enum status postgres_session_script(struct postgres_session *session,
                                               const char *operation, const char *sql);

/*
 * The rows of the last answer. A value is a whole number in text, or NULL, which counts as 0; or
 * text, good until the next statement, empty for NULL.
 */
size_t postgres_session_rows(const struct postgres_session *session);
int64_t postgres_session_number(const struct postgres_session *session, size_t row, size_t column);
const char *postgres_session_text(const struct postgres_session *session, size_t row,
                                  size_t column);

/* The same with the length; NULL for NULL. */
const char *postgres_session_value(const struct postgres_session *session, size_t row,
                                   size_t column, size_t *len);
size_t postgres_session_columns(const struct postgres_session *session);

MUST_CHECK enum status postgres_session_begin(struct postgres_session *session);

/* A transaction that only reads, and reads everything as it was at its first statement. */
MUST_CHECK enum status postgres_session_begin_snapshot(struct postgres_session *session);

/*
 * Commits if `status` is STATUS_OK, else rolls back. Returns `status`, or why that failed: a COMMIT
 * without an answer is STATUS_UNAVAILABLE.
 */
MUST_CHECK enum status postgres_session_end(struct postgres_session *session, enum status status);

/* Rolls back. Returns `status`, or STATUS_UNAVAILABLE if that failed. */
MUST_CHECK enum status postgres_session_undo(struct postgres_session *session, enum status status);

#endif
