/* SPDX-License-Identifier: MIT */
/*
 * Order ids made before the INSERT, from a block of them reserved in the database (hi/lo), so that
 * a commit whose answer was lost can be repeated with the same rows. What is left of a block when
 * the process ends is never used, which looks like lost orders. So blocks are small, 10 ids, at
 * first and while few orders come; up to 10,000 while many do, so that a block is reserved every
 * 10 s or less often, or once in 10,000 orders. One thread; id_block_take blocks for the database
 * once a block.
 */
#ifndef API_SERVICE_PIPELINE_ID_BLOCK_H
#define API_SERVICE_PIPELINE_ID_BLOCK_H

#include "common/order/order.h"
#include "common/store/store.h"

struct id_block {
    order_id next;
    order_id end;         /* the first id that is not ours; 0: there is no block */
    uint32_t size;        /* of the last block; 0: there was none */
    uint64_t reserved_ms; /* when that was */
};

/*
 * Takes the next id; `block` starts all zero. `now_ms`: clock_monotonic_ms, of now or a moment ago.
 * Any status but STATUS_OK is store_reserve_ids's own.
 */
MUST_CHECK enum status id_block_take(struct id_block *block, struct store *store, uint64_t now_ms,
                                     order_id *id);

/* Gives up what is left: the next id is of a new block. */
void id_block_drop(struct id_block *block);

#endif
