/* SPDX-License-Identifier: MIT */
#include "common/order/order_moves.h"

#include <stdlib.h>

#include <criterion/criterion.h>

Test(order_moves, an_order_goes_from_pending_over_processing_to_completed_and_no_other_way)
{
    for (enum order_status from = 0; from < ORDER_STATUS_COUNT; from++) {
        for (enum order_status to = 0; to < ORDER_STATUS_COUNT; to++) {
            cr_expect_eq(order_may_move(from, to), to == from + 1, "%s to %s",
                         order_status_name(from), order_status_name(to));
        }
    }
}

Test(order_moves, sql_has_the_numbers_of_the_moves)
{
    cr_expect_eq(atoi(ORDER_SQL_CLAIM_FROM), (int)order_moves[ORDER_CLAIM].from);
    cr_expect_eq(atoi(ORDER_SQL_CLAIM_TO), (int)order_moves[ORDER_CLAIM].to);
    cr_expect_eq(atoi(ORDER_SQL_COMPLETE_FROM), (int)order_moves[ORDER_COMPLETE].from);
    cr_expect_eq(atoi(ORDER_SQL_COMPLETE_TO), (int)order_moves[ORDER_COMPLETE].to);
}

Test(order_moves, a_number_that_is_no_status_is_known)
{
    static const int64_t numbers[] = {-1, 3, 7, INT64_MAX, INT64_MIN, INT64_C(1) << 32};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cr_expect_eq(order_status_of(numbers[i]), ORDER_STATUS_COUNT);
    }
    cr_expect_eq(order_status_of(2), ORDER_COMPLETED);
}
