/* SPDX-License-Identifier: MIT */
/*
 * The `.env` file, read as docker compose reads the same file. The file may be other programs' too,
 * so an entry that cannot be read is an error only for who asks for it. Two things are errors where
 * docker compose goes on with what was hardly meant: a variable that is not set, and a comment in
 * the place of the value (`A= # x`).
 */
#ifndef COMMON_PROGRAM_DOTENV_H
#define COMMON_PROGRAM_DOTENV_H

#include <stddef.h>

#include "common/base/status.h"

enum { DOTENV_SIZE_MAX = 1024 * 1024 }; /* bytes of the whole file, and of each value */

struct dotenv_entry {
    char *name;
    char *value;       /* empty if something is wrong */
    const char *wrong; /* what to change, a constant; NULL: nothing, and `value` is good */
    int line;          /* where the entry begins, from 1 */
};

struct dotenv {
    struct dotenv_entry *entries;
    size_t count;
    size_t value_bytes; /* of all values */
};

/*
 * Reads the file at `path`; dotenv_finish follows in any case. STATUS_NOT_FOUND: there is none, and
 * `env` is empty. STATUS_INVALID: it is no text; `reason` (of `reason_size` bytes) says more.
 */
MUST_CHECK enum status dotenv_read(const char *path, struct dotenv *env, char *reason,
                                   size_t reason_size);
void dotenv_finish(struct dotenv *env);

/* The last entry called `name`, NULL if there is none. Owned by `env`. */
const struct dotenv_entry *dotenv_find(const struct dotenv *env, const char *name);

#endif
