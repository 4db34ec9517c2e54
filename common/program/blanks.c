/* SPDX-License-Identifier: MIT */
#include "common/program/blanks.h"

#include <string.h>

/* In UTF-8. The zero width space and the byte order mark are no white space to Unicode, but are
 * pasted like it. */
static const char *const wide_blanks[] = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
    "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
    "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
    "\xe2\x81\x9f", "\xe2\x81\xa0", "\xe3\x80\x80", "\xef\xbb\xbf",
};

enum { COUNT = sizeof wide_blanks / sizeof wide_blanks[0] };

size_t blanks_wide_at_start(const char *text)
{
    for (size_t i = 0; i < COUNT; i++) {
        size_t len = strlen(wide_blanks[i]);
        if (strncmp(text, wide_blanks[i], len) == 0) {
            return len;
        }
    }
    return 0;
}

size_t blanks_wide_at_end(const char *text, size_t len)
{
    for (size_t i = 0; i < COUNT; i++) {
        size_t wide = strlen(wide_blanks[i]);
        if (len >= wide && memcmp(text + len - wide, wide_blanks[i], wide) == 0) {
            return wide;
        }
    }
    return 0;
}
