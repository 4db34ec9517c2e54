/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "common/order/order.h"

Test(order, the_states_carry_the_words_of_the_wire_contract)
{
    cr_assert_str_eq(order_status_name(ORDER_PENDING), "Pending");
    cr_assert_str_eq(order_status_name(ORDER_PROCESSING), "Processing");
    cr_assert_str_eq(order_status_name(ORDER_COMPLETED), "Completed");
}

Test(order, the_stored_numbers_of_the_states_never_change)
{
    cr_assert_eq((int)ORDER_PENDING, 0);
    cr_assert_eq((int)ORDER_PROCESSING, 1);
    cr_assert_eq((int)ORDER_COMPLETED, 2);
}

Test(order, an_id_is_written_as_ord_and_its_digits)
{
    char text[ORDER_ID_TEXT_SIZE];
    cr_assert_eq(order_id_format(1, text), 4);
    cr_assert_str_eq(text, "ORD1");
    cr_assert_eq(order_id_format(4254, text), 7);
    cr_assert_str_eq(text, "ORD4254");
    cr_assert_eq(order_id_format(ORDER_ID_MAX, text), ORDER_ID_TEXT_SIZE - 1);
    cr_assert_str_eq(text, "ORD9223372036854775807");
}

Test(order, every_written_id_is_read_back)
{
    for (order_id id = 1; id <= ORDER_ID_MAX / 3; id = id * 3 + 1) {
        char text[ORDER_ID_TEXT_SIZE];
        order_id read = 0;
        cr_assert(order_id_parse(text, order_id_format(id, text), &read), "%" PRIu64, id);
        cr_assert_eq(read, id);
    }
    order_id read = 0;
    cr_assert(order_id_parse("ORD9223372036854775807", 22, &read));
    cr_assert_eq(read, ORDER_ID_MAX);
}

Test(order, other_spellings_of_an_id_are_refused)
{
    static const char *const bad[] = {
        "",
        "O",
        "ORD",
        "ORD0",
        "ORD01",
        "ORD00000000000000000001",
        "ord1",
        "Ord1",
        "0RD1",
        "1",
        "ORD-1",
        "ORD+1",
        "ORD 1",
        " ORD1",
        "ORD1 ",
        "ORD1\n",
        "ORD1a",
        "ORDa",
        "ORD1.0",
        "ORD1e3",
        "ORD0x1",
        "ORD9223372036854775808",  /* one over the largest */
        "ORD9999999999999999999",  /* 19 digits */
        "ORD18446744073709551617", /* 1 modulo 2^64 */
        "ORD\xd9\xa1",             /* an Arabic-Indic digit one */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        order_id id = 77;
        cr_assert_not(order_id_parse(bad[i], strlen(bad[i]), &id), "\"%s\" is accepted", bad[i]);
        cr_assert_eq(id, 77, "\"%s\" changed the id", bad[i]);
    }
}

Test(order, a_nul_in_an_id_is_refused)
{
    order_id id = 77;
    cr_assert_not(order_id_parse("ORD1\0", 5, &id));
    cr_assert_not(order_id_parse("ORD\0001", 5, &id));
    cr_assert_eq(id, 77);
}

Test(order, an_id_is_read_up_to_its_length_only)
{
    order_id id = 0;
    cr_assert(order_id_parse("ORD42/extra", 5, &id));
    cr_assert_eq(id, 42);
}
