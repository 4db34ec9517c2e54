/* SPDX-License-Identifier: MIT */
#include "common/order/order_moves.h"

#include <assert.h>

const struct order_transition order_moves[ORDER_MOVES] = {
    [ORDER_CLAIM] = {"claim", ORDER_PENDING, ORDER_PROCESSING},
    [ORDER_COMPLETE] = {"complete", ORDER_PROCESSING, ORDER_COMPLETED},
};

bool order_may_move(enum order_status from, enum order_status to)
{
    assert((unsigned)from < ORDER_STATUS_COUNT && (unsigned)to < ORDER_STATUS_COUNT);
    for (enum order_move i = 0; i < ORDER_MOVES; i++) {
        if (order_moves[i].from == from && order_moves[i].to == to) {
            return true;
        }
    }
    return false;
}
