/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/id_block.h"

enum {
    SIZE_LEAST = 10, /* what a restart of a quiet service skips at most */
    SIZE_MOST = 10000,
    SIZE_STEP = 10, /* the times below are as far apart, so that a steady pace keeps its size */
    SHORT_MS = 10 * 1000, /* more often than that no order waits for a reservation */
    LONG_MS = 100 * 1000,
};

void id_block_drop(struct id_block *block)
{
    block->next = 0;
    block->end = 0;
}

/* As many as last for 10 s or more, by how long the one before has lasted. */
static uint32_t choose_size(const struct id_block *block, uint64_t now_ms)
{
    uint64_t lasted_ms = now_ms - block->reserved_ms;
    if (block->size == 0) {
        return SIZE_LEAST;
    }
    if (block->end == 0) {
        return block->size; /* it was dropped, which says nothing about the pace */
    }
    if (lasted_ms < SHORT_MS && block->size < SIZE_MOST) {
        return block->size * SIZE_STEP;
    }
    if (lasted_ms >= LONG_MS && block->size > SIZE_LEAST) {
        return block->size / SIZE_STEP;
    }
    return block->size;
}

enum status id_block_take(struct id_block *block, struct store *store, uint64_t now_ms,
                          order_id *id)
{
    if (block->next == block->end) {
        order_id first;
        uint32_t size = choose_size(block, now_ms);
        enum status status = store_reserve_ids(store, size, &first);
        if (status != STATUS_OK) {
            return status;
        }
        *block = (struct id_block){.next = first,
                                   .end = first + size,
                                   .size = size,
                                   .reserved_ms = now_ms};
    }
    *id = block->next++;
    return STATUS_OK;
}
