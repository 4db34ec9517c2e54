/* SPDX-License-Identifier: MIT */
/*
 * The `.env` file: NAME=value a line, as docker compose reads it. Blank lines, `#` comments and a
 * leading `export` are skipped; a value may stand in single or double quotes; in an unquoted one `
 * #` starts a comment. Nothing is substituted.
 */
#ifndef COMMON_PROGRAM_DOTENV_H
#define COMMON_PROGRAM_DOTENV_H

#include <stddef.h>

#include "common/base/status.h"

enum {
    DOTENV_ENTRIES_MAX = 128,    /* the message in dotenv.c names it */
    DOTENV_SIZE_MAX = 64 * 1024, /* bytes of the whole file */
};

struct dotenv {
    char *text; /* the file, cut up into the strings below */
    size_t count;
    struct {
        const char *name;
        const char *value;
    } entries[DOTENV_ENTRIES_MAX];
};

/*
 * Reads the file at `path`. STATUS_NOT_FOUND: there is none, and `env` is empty.
 * STATUS_INVALID: `reason` (of `reason_size` bytes) says which line is wrong and why.
 */
MUST_CHECK enum status dotenv_read(const char *path, struct dotenv *env, char *reason,
                                   size_t reason_size);
void dotenv_finish(struct dotenv *env);

/* The value of the last entry called `name`, NULL if there is none. Owned by `env`. */
const char *dotenv_get(const struct dotenv *env, const char *name);

#endif
