/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/id_block.h"

enum { BLOCK_SIZE = 10000 }; /* one reservation in 10,000 orders; a restart skips as many at most */

void id_block_drop(struct id_block *block)
{
    *block = (struct id_block){0};
}

enum status id_block_take(struct id_block *block, struct store *store, order_id *id)
{
    if (block->next == block->end) {
        order_id first;
        enum status status = store_reserve_ids(store, BLOCK_SIZE, &first);
        if (status != STATUS_OK) {
            return status;
        }
        block->next = first;
        block->end = first + BLOCK_SIZE;
    }
    *id = block->next++;
    return STATUS_OK;
}
