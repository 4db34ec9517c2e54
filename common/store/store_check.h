/* SPDX-License-Identifier: MIT */
/*
 * What store.c may rely on after it has called a backend, looked at once for all of them. A backend
 * that breaks its own promise is a fault of the program: an assertion. What a database holds is
 * not, because it may have been changed by hand: that is an error with a line in the log, and
 * where possible of this one row only. Inside of the store only. Never blocks.
 */
#ifndef COMMON_STORE_STORE_CHECK_H
#define COMMON_STORE_STORE_CHECK_H

#include "common/store/store_backend.h"

/* The ids that a move was asked for, sorted and distinct. */
struct store_asked {
    size_t count;
    order_id ids[STORE_BATCH_MAX];
};

/* Asserts that `ids` are good ones to ask for, and keeps them. */
void store_check_asked(struct store_asked *asked, const order_id ids[], size_t count);

/* Asserts that the ids that have moved are among those asked for, each once. */
void store_check_moved(const struct store_asked *asked, const order_id moved[], size_t count);

/* Asserts that no id comes twice. */
void store_check_distinct(const order_id ids[], size_t count);

/*
 * Asserts that what an insert that succeeded says of each entry agrees with itself. A key whose row
 * names no possible order is of no use: its entry is `key_reused`.
 */
void store_check_inserted(struct store_insert entries[], size_t count);

/* An order whose row has a status that there is not is logged, and is then not found. */
void store_check_found(struct store_lookup lookups[], size_t count);

/* STATUS_UNAVAILABLE: the table id_blocks has given ids that no order can have. */
MUST_CHECK enum status store_check_reserved(struct store *store, order_id first, uint32_t count);

/* Asserts that a step of the walk goes forward; `before` is what it began with. */
void store_check_archived(const struct store_archive *before, const struct store_archive *after);

#endif
