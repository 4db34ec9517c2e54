/* SPDX-License-Identifier: MIT */
/*
 * One connection to an SQLite file, set up as the store needs it, and with sqlite_files.c and
 * sqlite_backup.c the only place that knows the SQLite library. It runs the statements of a table
 * of texts, prepared on first use, one at a time: sqlite_session_start, sqlite_session_next for
 * each row, sqlite_session_finish.
 *
 * Blocks: for the disk, and up to 3 s for the file's write lock. Threads: one at a time.
 * Owns: the connection and its statements. Borrows the store, for its address and to log failures.
 *
 * A call answers STATUS_OK, or what SQLite's error means to the caller: CONFLICT (the file stayed
 * locked), INVALID (it refuses the data), REFUSED (no room, or not to be written to) or UNAVAILABLE
 * (all else). It is logged.
 */
#ifndef COMMON_STORE_SQLITE_SQLITE_SESSION_H
#define COMMON_STORE_SQLITE_SQLITE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/status.h"

struct sqlite3;
struct sqlite_session;
struct store;

enum sqlite_kind {
    SQLITE_KIND_NUMBER,
    SQLITE_KIND_TEXT,
    SQLITE_KIND_BYTES,
    SQLITE_KIND_NULL,
    SQLITE_KIND_REAL, /* of columns only; has no value here */
};

/* A parameter of a statement, or a column of a row. Text and bytes of a parameter are borrowed
 * until sqlite_session_finish. */
struct sqlite_value {
    enum sqlite_kind kind;
    int64_t number;
    const void *bytes;
    size_t len;
};

static inline struct sqlite_value sqlite_number(int64_t number)
{
    return (struct sqlite_value){.kind = SQLITE_KIND_NUMBER, .number = number};
}

static inline struct sqlite_value sqlite_string(const char *text, size_t len)
{
    return (struct sqlite_value){.kind = SQLITE_KIND_TEXT, .bytes = text, .len = len};
}

static inline struct sqlite_value sqlite_string_of(const char *text)
{
    return sqlite_string(text, strlen(text));
}

static inline struct sqlite_value sqlite_bytes(const void *bytes, size_t len)
{
    return (struct sqlite_value){.kind = SQLITE_KIND_BYTES, .bytes = bytes, .len = len};
}

/* STATUS_UNAVAILABLE: the library is too old for the statements. */
MUST_CHECK enum status sqlite_session_check_library(struct store *store);

/*
 * `texts` are the `count` statements, constants. STATUS_OK sets `*session`, otherwise it is NULL.
 * STATUS_NOT_FOUND: the store must not make a file (store_open_existing), and there is none. A file
 * is made by store_durability and store_migrate only, with which a service starts: one that has
 * gone later has been moved, and an empty one in its place would hide that.
 */
MUST_CHECK enum status sqlite_session_open(struct store *store, const char *const texts[],
                                           size_t count, struct sqlite_session **session);

/* Takes NULL. */
void sqlite_session_close(struct sqlite_session *session);

/* For what only the library can do. */
struct sqlite3 *sqlite_session_connection(struct sqlite_session *session);

/* Runs statements that are not in the table, such as a step of the schema; their rows are ignored.
 */
MUST_CHECK enum status sqlite_session_script(struct sqlite_session *session, const char *sql,
                                             const char *operation);

/* Starts statement `index`; parameters are ?1, ?2, ... Finish it, unless this fails. */
MUST_CHECK enum status sqlite_session_start(struct sqlite_session *session, size_t index,
                                            const struct sqlite_value parameters[], size_t count);

/* True: there is a row. False: there are no more, or it failed; sqlite_session_finish says which.
 */
bool sqlite_session_next(struct sqlite_session *session);

/* A column of the row; bytes are good until the next row. */
int64_t sqlite_session_column(struct sqlite_session *session, int column);
const void *sqlite_session_column_bytes(struct sqlite_session *session, int column, size_t *len);

/* Steps to the statement's end and makes it ready for its next start. */
MUST_CHECK enum status sqlite_session_finish(struct sqlite_session *session);

/* Starts a statement that returns nothing, and finishes it. */
MUST_CHECK enum status sqlite_session_change(struct sqlite_session *session, size_t index,
                                             const struct sqlite_value parameters[], size_t count);

/* What goes into a statement of numbers, and what comes out of its first row. */
struct sqlite_numbers {
    const int64_t *in;
    size_t in_count;
    int64_t *out; /* left alone if there is no row */
    size_t out_count;
};

/* All of it, for statements of numbers. */
MUST_CHECK enum status sqlite_session_run(struct sqlite_session *session, size_t index,
                                          const struct sqlite_numbers *numbers);

/* A statement that is too seldom to be in the table of texts. */
struct sqlite_query {
    const char *operation; /* names it in the log */
    const char *sql;
    const struct sqlite_value *parameters;
    size_t parameter_count;
    size_t column_count; /* as many as the statement has */
    uint32_t limit_ms;   /* how long it may take */
    /* Gets each row; its bytes are good until it returns. Not STATUS_OK: the last. */
    enum status (*row)(void *context, const struct sqlite_value columns[]);
    void *context;
};

/* Runs it. STATUS_TIMEOUT: it took too long. Any other status may be the callback's. */
MUST_CHECK enum status sqlite_session_query(struct sqlite_session *session,
                                            const struct sqlite_query *query);

/* How many rows the last INSERT, UPDATE or DELETE changed. */
int64_t sqlite_session_changes(const struct sqlite_session *session);

/* `status`, unless what was written or read is not where the database's name leads. The ends of
 * transactions look by themselves. */
MUST_CHECK enum status sqlite_session_check_files(struct sqlite_session *session,
                                                  enum status status);

/* Whether the file answers, and is the one with its name. */
MUST_CHECK enum status sqlite_session_ping(struct sqlite_session *session);

/* Ends commit if `status` is STATUS_OK, else roll back. They return `status`, or why that failed:
 * STATUS_UNAVAILABLE also when the file that was written or read was renamed, removed or replaced.
 */
MUST_CHECK enum status sqlite_session_begin_write(struct sqlite_session *session);
MUST_CHECK enum status sqlite_session_end_write(struct sqlite_session *session, enum status status);
/* Rolls back whatever `status` is, after what was changed has found its room on the disk. */
MUST_CHECK enum status sqlite_session_undo_write(struct sqlite_session *session,
                                                 enum status status);
MUST_CHECK enum status sqlite_session_begin_read(struct sqlite_session *session);
MUST_CHECK enum status sqlite_session_end_read(struct sqlite_session *session, enum status status);

#endif
