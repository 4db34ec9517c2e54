/* SPDX-License-Identifier: MIT */
/*
 * One order that the database refuses to move (a trigger or a constraint of its owner does), or
 * more of them than it takes at once, must not hold up those that came with it: then halves are
 * tried. For store.c, on a store that is connected. Blocks as the operations of store.h.
 */
#ifndef COMMON_STORE_STORE_PARTS_H
#define COMMON_STORE_STORE_PARTS_H

#include "common/store/store_backend.h"
#include "common/store/store_check.h"

/* A claim. */
struct store_parts {
    const struct store_asked *asked;
    order_id *ids;     /* room for all that are asked for; those that have moved stand first */
    uint32_t delay_ms; /* as of store_claim, like age_ms */
    uint64_t *age_ms;
    size_t moved; /* out */
};

/*
 * An order that is refused alone stays as it is, and is in the log; that is STATUS_OK. With any
 * other status some may have moved nevertheless: a sweep finds them once they are due.
 */
MUST_CHECK enum status store_parts_claim(struct store *store, struct store_parts *parts);
MUST_CHECK enum status store_parts_claim_waiting(struct store *store,
                                                 struct store_claim_waiting *waiting);
MUST_CHECK enum status store_parts_complete(struct store *store, const order_id ids[],
                                            size_t *count);

/* Claims an order that is not there: STATUS_OK where orders can be moved. Changes nothing. */
MUST_CHECK enum status store_parts_try_move(struct store *store);

/* Only of more lookups than the database takes at once. */
MUST_CHECK enum status store_parts_lookup(struct store *store, struct store_lookup lookups[],
                                          size_t count);

#endif
