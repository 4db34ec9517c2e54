/* SPDX-License-Identifier: MIT */
/*
 * Order ids made before the INSERT, from a block of them reserved in the database (hi/lo), so that
 * a commit whose answer was lost can be repeated with the same rows. What is left of a block when
 * the process ends is never used. One thread; id_block_take blocks for the database once a block.
 */
#ifndef API_SERVICE_PIPELINE_ID_BLOCK_H
#define API_SERVICE_PIPELINE_ID_BLOCK_H

#include "common/order/order.h"
#include "common/store/store.h"

struct id_block {
    order_id next;
    order_id end; /* the first id that is not ours */
};

/* Takes the next id; `block` starts all zero. Any status but STATUS_OK is store_reserve_ids's own.
 */
MUST_CHECK enum status id_block_take(struct id_block *block, struct store *store, order_id *id);

/* Gives up what is left: the next id is of a new block. */
void id_block_drop(struct id_block *block);

#endif
