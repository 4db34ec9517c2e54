/* SPDX-License-Identifier: MIT */
/*
 * What statements have that other texts have not: lists of ids, bytes, and pieces that the kinds of
 * database write differently. Inside of the store only. Never blocks.
 */
#ifndef COMMON_STORE_SQL_TEXT_H
#define COMMON_STORE_SQL_TEXT_H

#include "common/base/text.h"
#include "common/order/order.h"

/*
 * Adds a condition that is true where `column` is one of `ids`, in any order, of which there are 1
 * to STORE_BATCH_MAX: "(id BETWEEN 1 AND 900 OR id IN (905,907))". The ids of a batch mostly follow
 * each other, and a server takes a range in a fraction of the time that a list of its ids takes.
 */
void sql_text_add_ids(struct text *text, const char *column, const order_id ids[], size_t count);

/* Adds X'0123ABCD', a string of bytes in hexadecimal. */
void sql_text_add_hex(struct text *text, const unsigned char *bytes, size_t len);

/* A piece of SQL by its name. In `text` each # stands for the argument. */
struct sql_fragment {
    const char *name;
    const char *text;
};

/*
 * Adds `template`, with {name} and {name:argument} replaced by the fragment of that name, which
 * must be one of `fragments`; a name of NULL ends these.
 */
void sql_text_add_template(struct text *text, const char *template,
                           const struct sql_fragment fragments[]);

#endif
