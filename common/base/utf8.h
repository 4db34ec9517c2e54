/* SPDX-License-Identifier: MIT */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */
#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length in bytes (1 to 4) of the character that starts at `text`, its number in `*code_point`.
 * 0: no valid character starts there, or fewer than its bytes are left in `len`.
 */
size_t utf8_next(const char *text, size_t len, uint32_t *code_point);

/* True for C0 and C1 control characters and DEL (Unicode general category Cc). */
bool utf8_is_control(uint32_t code_point);

#endif
