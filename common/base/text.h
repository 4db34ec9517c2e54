/* SPDX-License-Identifier: MIT */
/*
 * A growing text: a statement, a body of an answer, a page of metrics.
 *
 * Blocks: never. Threads: one at a time. Owns: its bytes, which stay allocated from one text to the
 * next.
 * A failed allocation is remembered: what follows adds nothing, and text_is_whole says so once, at
 * the end, so that building a text needs no checks on the way.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the empty text. Read `bytes` (not NUL-terminated) and `len`; write neither. */
struct text {
    char *bytes;
    size_t len;
    size_t capacity;
    bool failed;
};

/* Empties the text, forgets a failure, keeps the memory. */
void text_clear(struct text *text);

/* Frees the memory. */
void text_finish(struct text *text);

/* False: memory ran out since the last clear, part of the text is missing. */
bool text_is_whole(const struct text *text);

/* The text with a NUL behind it; NULL when it is not whole. Good until the next change. */
const char *text_string(struct text *text);

/*
 * Adds a string as it stands, nothing escaped. In a statement: never one that came from outside the
 * program.
 */
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t len);
void text_add_unsigned(struct text *text, uint64_t number);
void text_add_signed(struct text *text, int64_t number);

/* Adds what printf would print. */
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Room for `size` more bytes, for a library that writes by itself; NULL without memory. Then
 * text_extend says how many it wrote, at most `size`.
 */
char *text_reserve(struct text *text, size_t size);
void text_extend(struct text *text, size_t written);

#endif
