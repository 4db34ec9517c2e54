/* SPDX-License-Identifier: MIT */
/*
 * A growing text in which statements are put together, its memory kept from one to the next.
 *
 * Blocks: never. Threads: one at a time. Owns: its bytes.
 * A failed allocation is remembered: what follows adds nothing, and sql_text_is_whole says so once,
 * at the end, so that building a statement needs no checks on the way.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/order/order.h"

/* All zero is the empty text. Read `bytes` (not NUL-terminated) and `len`; write neither. */
struct sql_text {
    char *bytes;
    size_t len;
    size_t capacity;
    bool failed;
};

/* Empties the text, forgets a failure, keeps the memory. */
void sql_text_clear(struct sql_text *text);

/* Frees the memory. */
void sql_text_finish(struct sql_text *text);

/* False: memory ran out since the last clear, part of the text is missing. */
bool sql_text_is_whole(const struct sql_text *text);

/* The text with a NUL behind it; NULL when it is not whole. Good until the next change. */
const char *sql_text_string(struct sql_text *text);

/* Adds SQL as it stands. Nothing that came from outside the program may be given to it. */
void sql_text_add(struct sql_text *text, const char *sql);
void sql_text_add_unsigned(struct sql_text *text, uint64_t number);
void sql_text_add_signed(struct sql_text *text, int64_t number);

/*
 * Adds a condition that is true where `column` is one of `ids`, in any order, of which there are 1
 * to STORE_BATCH_MAX: "(id BETWEEN 1 AND 900 OR id IN (905,907))". The ids of a batch mostly follow
 * each other, and a server takes a range in a fraction of the time that a list of its ids takes.
 */
void sql_text_add_ids(struct sql_text *text, const char *column, const order_id ids[],
                      size_t count);

/* Adds X'0123ABCD', a string of bytes in hexadecimal. */
void sql_text_add_hex(struct sql_text *text, const unsigned char *bytes, size_t len);

/*
 * Room for `size` more bytes, for a library that writes by itself; NULL without memory. Then
 * sql_text_extend says how many it wrote, at most `size`.
 */
char *sql_text_reserve(struct sql_text *text, size_t size);
void sql_text_extend(struct sql_text *text, size_t written);

#endif
