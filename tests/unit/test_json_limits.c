/* SPDX-License-Identifier: MIT */
/* Deep, large and hostile texts: each limit is kept, and none costs much time. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/json_checks.h"

enum { LARGE_SIZE = 64 * 1024 };

static char large[LARGE_SIZE + 64];

static size_t fill_nested(const char *open, const char *inside, const char *close, size_t depth)
{
    size_t len = 0;
    large[0] = '\0';
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)sprintf(large + len, "%s", open);
    }
    len += (size_t)sprintf(large + len, "%s", inside);
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)sprintf(large + len, "%s", close);
    }
    return len;
}

Test(json_limits, sixteen_levels_are_accepted_and_seventeen_refused)
{
    struct json_error error = {0, ""};
    cr_assert_eq(json_checks_bytes(large, fill_nested("[", "", "]", 16), &error), STATUS_OK);
    cr_assert_eq(json_checks_bytes(large, fill_nested("[", "", "]", 17), &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 16);
    cr_assert_eq(json_checks_bytes(large, fill_nested("{\"a\":", "1", "}", 16), &error), STATUS_OK);
    cr_assert_eq(json_checks_bytes(large, fill_nested("{\"a\":", "{}", "}", 16), &error),
                 STATUS_INVALID);
    cr_assert_eq(error.offset, 16 * 5);
    cr_assert_eq(json_checks_bytes(large, fill_nested("[{\"a\":", "1", "}]", 8), &error),
                 STATUS_OK);
    cr_assert_eq(json_checks_bytes(large, fill_nested("[{\"a\":", "[]", "}]", 8), &error),
                 STATUS_INVALID);
}

Test(json_limits, a_text_full_of_brackets_is_refused_at_the_seventeenth)
{
    struct json_error error;
    memset(large, '[', LARGE_SIZE);
    cr_assert_eq(json_checks_bytes(large, LARGE_SIZE, &error), STATUS_INVALID);
    cr_assert_eq(error.offset, JSON_DEPTH_MAX);
}

/* An object with the keys "first" .. "first + count - 1" in hexadecimal, appended to `large`. */
static size_t append_object(size_t len, unsigned first, unsigned count)
{
    large[len++] = '{';
    for (unsigned i = first; i < first + count; i++) {
        len += (size_t)sprintf(large + len, "%s\"%x\":%u", i > first ? "," : "", i, i % 10);
    }
    large[len++] = '}';
    return len;
}

Test(json_limits, an_object_of_1024_keys_is_accepted_and_of_1025_refused)
{
    struct json_error error = {0, ""};
    cr_assert_eq(json_checks_bytes(large, append_object(0, 0x1000, 1024), &error), STATUS_OK, "%s",
                 error.reason);
    cr_assert_eq(json_checks_bytes(large, append_object(0, 0x1000, 1025), &error), STATUS_INVALID);
    cr_assert_eq(error.offset, 1 + 1024 * 9, "the fault is at the last key");
}

Test(json_limits, keys_of_open_objects_add_up_and_of_closed_ones_do_not)
{
    struct json_error error = {0, ""};
    large[0] = '[';
    size_t len = append_object(1, 0x1000, 1024);
    large[len++] = ',';
    len = append_object(len, 0x1000, 1024);
    large[len++] = ']';
    cr_assert_eq(json_checks_bytes(large, len, &error), STATUS_OK, "%s", error.reason);

    memcpy(large, "{\"outer\":", 9);
    len = append_object(9, 0x1000, 1024);
    large[len++] = '}';
    cr_assert_eq(json_checks_bytes(large, len, &error), STATUS_INVALID);
    len = append_object(9, 0x1000, 1023);
    large[len++] = '}';
    cr_assert_eq(json_checks_bytes(large, len, &error), STATUS_OK, "%s", error.reason);
}

Test(json_limits, a_large_text_of_full_objects_is_done_in_time, .timeout = 20)
{
    struct json_error error = {0, ""};
    size_t len = 1;
    large[0] = '[';
    while (len + 9 * 1024 < LARGE_SIZE) {
        len = append_object(len, 0x1000, 1024);
        large[len++] = ',';
    }
    large[len - 1] = ']';
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(json_checks_bytes(large, len, &error), STATUS_OK, "%s", error.reason);
    }
}

Test(json_limits, a_large_text_of_small_objects_is_done_in_time, .timeout = 20)
{
    struct json_error error = {0, ""};
    size_t len = 1;
    large[0] = '[';
    for (unsigned i = 0; len + 32 < LARGE_SIZE; i++) {
        len = append_object(len, i, 2);
        large[len++] = ',';
    }
    large[len - 1] = ']';
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(json_checks_bytes(large, len, &error), STATUS_OK, "%s", error.reason);
    }
}

/* The checker's hash of a key's characters: a test of its weakness has to know it. */
static uint32_t hash_on(uint32_t hash, uint32_t character)
{
    return (hash ^ character) * 16777619U;
}

static size_t append_character(size_t len, uint32_t character)
{
    large[len] = (char)(0xf0 | character >> 18);
    large[len + 1] = (char)(0x80 | (character >> 12 & 0x3f));
    large[len + 2] = (char)(0x80 | (character >> 6 & 0x3f));
    large[len + 3] = (char)(0x80 | (character & 0x3f));
    return len + 4;
}

/* An object of keys that differ only in their last three characters and all have one hash. */
static size_t fill_with_colliding_keys(unsigned count)
{
    enum { PREFIX = 40, FIRST = 0x10000, LAST = 0xfffff };
    uint32_t start = 2166136261U;
    size_t len = 0;
    unsigned found = 0;
    for (int i = 0; i < PREFIX; i++) {
        start = hash_on(start, 'a');
    }
    for (uint32_t first = FIRST; found < count; first++) {
        for (uint32_t second = FIRST; second < FIRST + 0x8000 && found < count; second++) {
            uint32_t third = hash_on(hash_on(start, first), second) ^ 0x12345678U;
            if (third < FIRST || third > LAST) {
                continue;
            }
            len += (size_t)sprintf(large + len, "%s\"%.*s", found > 0 ? "," : "{", PREFIX,
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            len = append_character(append_character(append_character(len, first), second), third);
            len += (size_t)sprintf(large + len, "\":0");
            found++;
        }
    }
    large[len++] = '}';
    return len;
}

Test(json_limits, keys_made_to_collide_are_refused_before_they_cost_much)
{
    struct json_error error = {0, ""};
    cr_assert_eq(json_checks_bytes(large, fill_with_colliding_keys(900), &error), STATUS_INVALID);
    cr_assert_str_eq(error.reason, "the keys are too much alike");
    cr_assert_eq(json_checks_bytes(large, fill_with_colliding_keys(30), &error), STATUS_OK, "%s",
                 error.reason);
}
