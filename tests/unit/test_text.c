/* SPDX-License-Identifier: MIT */
#include "common/base/text.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static struct text text;

static void finish(void)
{
    text_finish(&text);
}

TestSuite(text, .fini = finish, .timeout = 60);

/* Adds `count` bytes that tell by their value where they stand. */
static void add_pattern(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_add_bytes(&text, &(char){(char)('a' + text.len % 26)}, 1);
    }
}

static void expect_pattern(size_t count)
{
    cr_assert_eq(text.len, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(text.bytes[i], (char)('a' + i % 26), "byte %zu", i);
    }
}

/* The room that the first byte brings. */
static size_t first_capacity(void)
{
    text_add(&text, "x");
    text_clear(&text);
    return text.capacity;
}

/* Asks for more than there can be. */
static void run_out_of_memory(void)
{
    cr_assert_null(text_reserve(&text, SIZE_MAX));
}

Test(text, all_zero_is_the_empty_text)
{
    cr_assert(text_is_whole(&text));
    cr_assert_str_eq(text_string(&text), "");
    cr_assert_eq(text.len, 0);
}

Test(text, parts_stand_one_behind_the_other)
{
    text_add(&text, "id = ");
    text_add_unsigned(&text, 7);
    text_add_bytes(&text, ", and more", 1);
    text_add_signed(&text, -8);
    text_print(&text, " %s%03d", "n", 9);
    cr_assert_str_eq(text_string(&text), "id = 7,-8 n009");
}

Test(text, numbers_to_their_limits)
{
    text_add_unsigned(&text, 0);
    text_add(&text, " ");
    text_add_unsigned(&text, UINT64_MAX);
    text_add(&text, " ");
    text_add_signed(&text, INT64_MIN);
    text_add(&text, " ");
    text_add_signed(&text, INT64_MAX);
    text_add(&text, " ");
    text_add_signed(&text, -1);
    cr_assert_str_eq(text_string(&text), "0 18446744073709551615 -9223372036854775808 "
                                         "9223372036854775807 -1");
}

Test(text, a_text_keeps_what_it_has_while_it_grows)
{
    size_t capacity = first_capacity();
    add_pattern(3 * capacity);
    expect_pattern(3 * capacity);
    cr_assert_eq(text.capacity, 4 * capacity);
}

Test(text, a_text_grows_only_when_it_is_full)
{
    size_t capacity = first_capacity();
    add_pattern(capacity);
    cr_assert_eq(text.capacity, capacity);
    add_pattern(1);
    cr_assert_eq(text.capacity, 2 * capacity);
    expect_pattern(capacity + 1);
}

Test(text, one_part_may_be_larger_than_twice_the_room)
{
    size_t capacity = first_capacity();
    char *end = text_reserve(&text, 9 * capacity);
    cr_assert_not_null(end);
    memset(end, 'y', 9 * capacity);
    text_extend(&text, 9 * capacity);
    cr_assert_eq(text.capacity, 16 * capacity);
    cr_assert_eq(text.len, 9 * capacity);
}

Test(text, reserved_room_counts_only_as_far_as_it_was_written)
{
    char *end = text_reserve(&text, 100);
    memcpy(end, "abc", 3);
    text_extend(&text, 3);
    text_add(&text, "d");
    cr_assert_str_eq(text_string(&text), "abcd");
}

/* From two bytes of room too many to two too few, with and without what stands there already. */
Test(text, printing_at_the_end_of_the_room)
{
    size_t capacity = first_capacity();
    for (size_t before = 0; before <= 5; before += 5) {
        for (size_t printed = capacity - before - 2; printed <= capacity - before + 2; printed++) {
            finish();
            add_pattern(before);
            text_print(&text, "%0*d", (int)printed, 7);
            cr_assert(text_is_whole(&text));
            cr_assert_eq(text.len, before + printed);
            cr_assert_gt(text.capacity, text.len, "printf's NUL needs room too");
            cr_assert_eq(text.bytes[text.len - 1], '7');
            cr_assert_eq(text.bytes[before], '0');
            text_add(&text, "|");
            cr_assert_eq(strlen(text_string(&text)), before + printed + 1);
        }
    }
}

Test(text, printing_nothing_adds_nothing)
{
    text_add(&text, "a");
    text_print(&text, "%s", "");
    cr_assert_str_eq(text_string(&text), "a");
}

Test(text, a_string_of_a_full_text_ends_in_room_of_its_own)
{
    size_t capacity = first_capacity();
    add_pattern(capacity);
    const char *string = text_string(&text);
    cr_assert_eq(strlen(string), capacity);
    expect_pattern(capacity); /* the NUL is not part of it */
}

Test(text, a_string_does_not_end_the_text)
{
    text_add(&text, "a");
    cr_assert_str_eq(text_string(&text), "a");
    text_add(&text, "b");
    cr_assert_str_eq(text_string(&text), "ab");
}

Test(text, a_failure_is_remembered_whatever_follows)
{
    text_add(&text, "before");
    run_out_of_memory();
    text_add(&text, "after");
    text_add_unsigned(&text, 1);
    text_print(&text, "%d", 2);
    cr_assert_null(text_reserve(&text, 1));
    cr_assert_not(text_is_whole(&text));
    cr_assert_null(text_string(&text));
    cr_assert_eq(text.len, strlen("before"), "nothing may follow a gap");
}

Test(text, after_a_clear_a_failure_is_forgotten)
{
    text_add(&text, "before");
    run_out_of_memory();
    text_clear(&text);
    text_add(&text, "again");
    cr_assert(text_is_whole(&text));
    cr_assert_str_eq(text_string(&text), "again");
}

Test(text, a_clear_keeps_the_memory)
{
    add_pattern(3 * first_capacity());
    const char *bytes = text.bytes;
    size_t capacity = text.capacity;
    text_clear(&text);
    cr_assert_str_eq(text_string(&text), "");
    add_pattern(capacity);
    cr_assert_eq(text.bytes, bytes);
    cr_assert_eq(text.capacity, capacity);
}

Test(text, a_finish_frees_the_memory_and_may_come_twice)
{
    text_add(&text, "a");
    text_finish(&text);
    cr_assert_null(text.bytes);
    cr_assert_eq(text.capacity, 0);
    text_finish(&text);
    text_add(&text, "b");
    cr_assert_str_eq(text_string(&text), "b");
}
