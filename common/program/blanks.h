/* SPDX-License-Identifier: MIT */
/* Blanks beyond ASCII, which look like a space or like nothing: no-break space and others. Pure. */
#ifndef COMMON_PROGRAM_BLANKS_H
#define COMMON_PROGRAM_BLANKS_H

#include <stddef.h>

/* The bytes of the blank beyond ASCII that `text` begins with; 0: it begins with none. */
size_t blanks_wide_at_start(const char *text);

/* The same for the end of the `len` bytes of `text`. */
size_t blanks_wide_at_end(const char *text, size_t len);

#endif
