/* SPDX-License-Identifier: MIT */
/*
 * The values of a `.env` file, only for dotenv.c: quotes, escapes and `${NAME}` as docker compose
 * has them. Pure but for the environment.
 */
#ifndef COMMON_PROGRAM_DOTENV_VALUE_H
#define COMMON_PROGRAM_DOTENV_VALUE_H

#include "common/base/text.h"
#include "common/program/dotenv.h"

/*
 * Reads the value that begins at `at` into `value`, as far as it can be read; `env` has the entries
 * before it. Returns where the rest of its last line begins. `*wrong` becomes NULL, or a constant
 * that says what to change.
 */
const char *dotenv_value_read(const struct dotenv *env, const char *at, struct text *value,
                              const char **wrong);

#endif
