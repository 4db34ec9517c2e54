/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/postgres/postgres_array.h"

static struct text array;

static void finish(void)
{
    text_finish(&array);
}

TestSuite(postgres_array, .fini = finish);

static void expect_bytes(const unsigned char expected[], size_t len)
{
    cr_assert(text_is_whole(&array));
    cr_assert_eq(array.len, len, "%zu bytes instead of %zu", array.len, len);
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq((unsigned char)array.bytes[i], expected[i], "byte %zu is %02x", i,
                     (unsigned char)array.bytes[i]);
    }
}

/* One dimension, no NULLs, the element's type, how many, the first index; then length and bytes. */
Test(postgres_array, numbers_stand_in_network_order_behind_their_lengths)
{
    static const unsigned char expected[] = {0,    0,    0,    1,    0,    0,    0,    0,   0,
                                             0,    0,    20,   0,    0,    0,    2,    0,   0,
                                             0,    1,    0,    0,    0,    8,    0,    0,   0,
                                             0,    0,    0,    1,    2,    0,    0,    0,   8,
                                             0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    postgres_array_start(&array, POSTGRES_BIGINT, 2);
    postgres_array_add_bigint(&array, 258);
    postgres_array_add_bigint(&array, -2);
    expect_bytes(expected, sizeof expected);
}

Test(postgres_array, texts_are_as_long_as_they_are_and_may_be_empty)
{
    static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0,   0,   0, 25, 0, 0, 0, 2,
                                             0, 0, 0, 1, 0, 0, 0, 3, 'a', '"', 0, 0,  0, 0, 0};
    postgres_array_start(&array, POSTGRES_TEXT, 2);
    postgres_array_add_bytes(&array, "a\"", 3);
    postgres_array_add_bytes(&array, NULL, 0);
    expect_bytes(expected, sizeof expected);
}

Test(postgres_array, a_new_start_forgets_what_was_there)
{
    static const order_id many[] = {1, 2, 3};
    static const order_id one = ORDER_ID_MAX;
    static const unsigned char expected[] = {0,    0,    0,    1,    0,    0,    0,    0,
                                             0,    0,    0,    20,   0,    0,    0,    1,
                                             0,    0,    0,    1,    0,    0,    0,    8,
                                             0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    postgres_array_set_ids(&array, many, 3);
    postgres_array_set_ids(&array, &one, 1);
    expect_bytes(expected, sizeof expected);
}
