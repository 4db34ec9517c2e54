/* SPDX-License-Identifier: MIT */
/*
 * The cold read: any SELECT, written once for all kinds of database, with typed parameters and
 * typed columns. For what is read now and then: lists, reports, checks, settings. The statements
 * that every order goes through (insert, claim, complete, lookup, counts) are not built on it; each
 * kind of database has its own text for those, prepared where that helps.
 *
 * Blocks: for the database, at most `limit_ms`, and up to 5 s where a server does not answer at
 * all. Threads: as the store, one at a time. Owns: nothing. The rows are handed to a callback; text
 * and bytes in them are good until it returns, so it copies what it keeps. Everything in a query is
 * borrowed for the time of the call.
 *
 * A statement is written like this:
 *
 *     SELECT id, {us:created_at} FROM orders WHERE client_id = ? AND id < ? ORDER BY id DESC
 *
 * It begins with SELECT, and has no LIMIT at its end: that is `rows_max`, and is added. Each `?` is
 * a parameter, in their order; so a statement has no other question mark, not even in quotes.
 * `{name}` and `{name:argument}` stand for what the kinds of database write differently. All have:
 *
 *     {now}           the time now, as columns of times have it; of the database's own clock
 *     {now_us}        the same as microseconds since the epoch
 *     {us:TIME}       a time as microseconds since the epoch; NULL for what has not happened
 *     {time:US}       the reverse
 *     {ago:US}        the time so many microseconds ago
 *     {happened:TIME} the column started_at or completed_at; NULL for what has not happened
 *     {duration_us}   the sum of the durations of Completed orders
 *     {id:N}          a number that is compared with ids and may be below zero
 *     {open_orders:CONDITION}  "orders WHERE CONDITION", read in the order of the index of open
 *                     orders; CONDITION is `status = ` with the number of Pending or of Processing
 *     {schema_exists} 1 where the table schema_versions is there, else 0
 *
 * An argument ends at the first `}`; it may hold `?` but no `{`. A new name is one line in each of
 * mysql_dialect.c, postgres_dialect.c and sqlite_dialect.c. Write nothing into a statement that
 * comes from outside the program; that is what parameters are for.
 */
#ifndef COMMON_STORE_STORE_READ_H
#define COMMON_STORE_STORE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/status.h"

enum {
    STORE_READ_PARAMETERS_MAX = 16,
    STORE_READ_COLUMNS_MAX = 32,
    STORE_READ_ROWS_MAX = 10000,
    STORE_READ_LIMIT_MS = 4000, /* the longest a read may take, and what a `limit_ms` of 0 means */
};

struct store;

enum store_type {
    STORE_INT64,
    STORE_TEXT,  /* UTF-8; as a parameter without NUL characters */
    STORE_BYTES, /* anything */
};

/* A parameter, or a column of a row. Of text and bytes `bytes` is not NUL-terminated. */
struct store_value {
    enum store_type type;
    bool is_null;
    int64_t number; /* STORE_INT64 */
    const void *bytes;
    size_t len;
};

static inline struct store_value store_int64(int64_t number)
{
    return (struct store_value){.type = STORE_INT64, .number = number};
}

static inline struct store_value store_text(const char *text, size_t len)
{
    return (struct store_value){.type = STORE_TEXT, .bytes = text, .len = len};
}

static inline struct store_value store_string(const char *string)
{
    return store_text(string, strlen(string));
}

static inline struct store_value store_bytes(const void *bytes, size_t len)
{
    return (struct store_value){.type = STORE_BYTES, .bytes = bytes, .len = len};
}

static inline struct store_value store_null(enum store_type type)
{
    return (struct store_value){.type = type, .is_null = true};
}

struct store_query {
    const char *name; /* for the log: "list orders" */
    const char *sql;
    const struct store_value *parameters;
    size_t parameter_count;         /* as many as the statement has question marks */
    const enum store_type *columns; /* what the statement's columns are; each may be NULL */
    size_t column_count;            /* as many as the statement has */
    size_t rows_max;                /* 1 to STORE_READ_ROWS_MAX. A row of orders can hold 64 KiB of
                                       items, and all rows are in memory at once: choose with that
                                       in mind */
    uint32_t limit_ms; /* how long it may take, at most STORE_READ_LIMIT_MS; 0: that. On PostgreSQL
                          a shorter one costs two more round trips */
};

/* Where the rows go. */
struct store_rows {
    /* Gets each row: `column_count` values of the types of `columns`. Anything but STATUS_OK ends
     * the reading and becomes the status of store_read; say STATUS_INVALID for a row that makes no
     * sense. Must not use the store. */
    enum status (*row)(void *context, const struct store_value values[]);
    void *context;
    size_t count; /* out: how many rows the callback got */
    bool more;    /* out: the statement has more than `rows_max` */
};

/*
 * Runs the statement. Outside of a transaction it sees everything that is committed.
 *
 * STATUS_INVALID: a text parameter is not UTF-8 or has a NUL, or a column holds what is not of its
 * type, such as a number that does not fit into 64 bits; trying again gives the same. A boolean is
 * of no type: make it a number (CASE WHEN ... THEN 1 ELSE 0 END).
 * STATUS_TIMEOUT: it took longer than `limit_ms`; the connection is good.
 * STATUS_CONFLICT: it lost against a concurrent transaction; try again.
 * STATUS_UNAVAILABLE: the database is away, the connection was lost on the way, or the database
 * refuses the statement itself. The callback may have got some rows.
 * Each but STATUS_TIMEOUT is in the log with the database's own words; so is that.
 */
MUST_CHECK enum status store_read(struct store *store, const struct store_query *query,
                                  struct store_rows *rows);

#endif
