/* SPDX-License-Identifier: MIT */
/* Names that were probably meant otherwise. Pure. */
#ifndef COMMON_PROGRAM_SPELLING_H
#define COMMON_PROGRAM_SPELLING_H

#include <stdbool.h>

/*
 * Whether `name` becomes `meant` by one, or where that is a long name by two, of: a character too
 * many, one too few, another one, two neighbours exchanged. A name that is `meant` is not close to
 * it.
 */
bool spelling_is_close(const char *name, const char *meant);

#endif
