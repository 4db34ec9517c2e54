/* SPDX-License-Identifier: MIT */
/*
 * What the server's errors mean, and what an administrator can do about them. For
 * postgres_session.c. Does not block. Owns nothing.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_ERROR_H
#define COMMON_STORE_POSTGRES_POSTGRES_ERROR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/status.h"

/* Names as SQL takes them, in quotes where they need some. Empty: not known. */
struct postgres_names {
    char user[136]; /* 63 bytes, each of which may be a quote */
    char schema[136];
    bool is_migrating; /* other rights are needed */
};

/* An error that the caller may have to deal with; STATUS_UNAVAILABLE for all others. */
enum status postgres_error_classify(const char *sqlstate);

/* Of an error that is ALREADY_EXISTS. False: an index or a trigger of the owner's says so, which is
 * about the data. */
bool postgres_error_is_of_own_key(const PGresult *result);

/* The server is not the one to write to any more. */
bool postgres_error_is_demotion(const char *sqlstate);

/* Why the server does not do it, as store_refused takes it; NULL: it is no such error. */
const char *postgres_error_refusal(const char *sqlstate);

/*
 * The error of a statement: its code, the primary message (the details may quote a client's data),
 * and the statement that gives the right that is missing.
 */
void postgres_error_describe(const PGresult *result, const struct postgres_names *names,
                             const char *operation, char text[], size_t size);

/* What libpq says of a connection, which is one or more lines, as one. */
void postgres_error_describe_connection(const PGconn *connection, char text[], size_t size);

#endif
