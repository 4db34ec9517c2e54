/* SPDX-License-Identifier: MIT */
/*
 * The numbered steps that make the schema, embedded from the .sql files beside this header. Steps
 * are only ever added; a step that has been released is never edited.
 *
 * While a new version is rolled out, programs of the one before run beside it on the new schema. So
 * a step only adds: tables, indexes, columns that may be left out of an INSERT. What a program of
 * the version before reads or writes keeps its name, its type and its meaning; it goes with a step
 * of a later version, when no program uses it any more. A program that is started on a schema newer
 * than its own refuses, because of that later version.
 *
 * A step waits for a table a few seconds at most and is then tried again as a whole. SQLite and
 * PostgreSQL undo what a step has done when it fails; MySQL commits each statement by itself, so
 * there each must do no harm when it is repeated.
 */
#ifndef COMMON_STORE_SCHEMA_SCHEMA_H
#define COMMON_STORE_SCHEMA_SCHEMA_H

#include <stddef.h>

#include "common/url/database_url.h"

enum { SCHEMA_VERSIONS_MAX = 64 }; /* a bit each in `struct store` */

struct schema_step {
    int version; /* 1, 2, 3, ... without gaps */
    const char *name;
    const char *sql; /* statements, each ended by a semicolon at the end of a line */
};

/* The steps for one kind of database, in order; never none. */
const struct schema_step *schema_steps(enum database_kind kind, size_t *count);

#endif
