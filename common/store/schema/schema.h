/* SPDX-License-Identifier: MIT */
/*
 * The numbered steps that make the schema, embedded from the .sql files beside this header. Steps
 * are only ever added; a step that has been released is never edited.
 */
#ifndef COMMON_STORE_SCHEMA_SCHEMA_H
#define COMMON_STORE_SCHEMA_SCHEMA_H

#include <stddef.h>

#include "common/database_url.h"

enum { SCHEMA_VERSIONS_MAX = 64 }; /* that are read at once */

struct schema_step {
    int version; /* 1, 2, 3, ... without gaps */
    const char *name;
    const char *sql; /* statements, each ended by a semicolon at the end of a line */
};

/* The steps for one kind of database, in order; never none. */
const struct schema_step *schema_steps(enum database_kind kind, size_t *count);

#endif
