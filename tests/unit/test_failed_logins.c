/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "api-service/admission/failed_logins.h"

enum { START_MS = 1000000, MINUTES = 10, MANY = 100000 };

static struct failed_logins logins;
static struct failed_logins_entry line;

static void fail(const char *address, uint64_t now_ms)
{
    failed_logins_add(&logins, address, NULL, now_ms);
}

static void fail_from(int number, uint64_t now_ms)
{
    char address[HTTP_PEER_SIZE];
    snprintf(address, sizeof address, "192.0.%d.%d", number / 256, number % 256);
    fail(address, now_ms);
}

static bool take(uint64_t now_ms)
{
    return failed_logins_take(&logins, now_ms, &line);
}

static int take_all(uint64_t now_ms)
{
    int lines = 0;
    while (take(now_ms)) {
        lines++;
    }
    return lines;
}

Test(failed_logins, the_first_of_an_address_has_a_line_at_once)
{
    cr_assert_eq(failed_logins_due_ms(&logins), UINT64_MAX);
    cr_assert_not(take(START_MS));
    cr_assert(failed_logins_add(&logins, "192.0.2.1", "shop", START_MS));
    cr_assert_eq(failed_logins_due_ms(&logins), START_MS);
    cr_assert(take(START_MS));
    cr_assert_str_eq(line.address, "192.0.2.1");
    cr_assert_str_eq(line.client, "shop");
    cr_assert_eq(line.count, 1);
    cr_assert_not(take(START_MS));
    cr_assert_eq(failed_logins_due_ms(&logins), UINT64_MAX);
}

Test(failed_logins, while_it_goes_on_there_is_a_line_a_minute_with_its_count)
{
    int lines = 0;
    for (uint64_t now_ms = START_MS; now_ms < START_MS + MINUTES * FAILED_LOGINS_LINE_MS;
         now_ms += 100) {
        fail("192.0.2.1", now_ms);
        if (take(now_ms)) {
            lines++;
            cr_assert_eq(line.count, lines == 1 ? 1 : FAILED_LOGINS_LINE_MS / 100);
        }
    }
    cr_assert_eq(lines, MINUTES);
}

Test(failed_logins, those_after_the_line_are_due_when_its_minute_is_over)
{
    fail("192.0.2.1", START_MS);
    cr_assert(take(START_MS));
    cr_assert(failed_logins_add(&logins, "192.0.2.1", NULL, START_MS + 1));
    cr_assert_not(failed_logins_add(&logins, "192.0.2.1", NULL, START_MS + 2));
    cr_assert_eq(failed_logins_due_ms(&logins), START_MS + FAILED_LOGINS_LINE_MS);
    cr_assert_not(take(START_MS + FAILED_LOGINS_LINE_MS - 1));
    cr_assert(take(START_MS + FAILED_LOGINS_LINE_MS));
    cr_assert_eq(line.count, 2);
}

Test(failed_logins, the_client_is_the_last_one_that_is_known_since_the_line)
{
    failed_logins_add(&logins, "192.0.2.1", "shop", START_MS);
    failed_logins_add(&logins, "192.0.2.1", "bank", START_MS);
    failed_logins_add(&logins, "192.0.2.1", NULL, START_MS);
    cr_assert(take(START_MS));
    cr_assert_str_eq(line.client, "bank");
    fail("192.0.2.1", START_MS + 1);
    cr_assert(take(START_MS + FAILED_LOGINS_LINE_MS));
    cr_assert_null(line.client);
}

Test(failed_logins, each_address_has_its_own_lines)
{
    fail("192.0.2.1", START_MS);
    fail("2001:db8::/64", START_MS);
    fail("192.0.2.1", START_MS);
    cr_assert(take(START_MS));
    cr_assert_str_eq(line.address, "192.0.2.1");
    cr_assert_eq(line.count, 2);
    cr_assert(take(START_MS));
    cr_assert_str_eq(line.address, "2001:db8::/64");
    cr_assert_eq(line.count, 1);
}

/* Somebody has more addresses than there is room for. */
Test(failed_logins, any_number_of_addresses_has_a_bounded_number_of_lines)
{
    int lines = 0;
    uint64_t count = 0;
    for (int i = 0; i < MANY; i++) {
        fail_from(i % (FAILED_LOGINS_ADDRESSES_MAX * 100), START_MS);
        while (take(START_MS)) {
            lines++;
            count += line.count;
        }
    }
    cr_assert_eq(lines, FAILED_LOGINS_ADDRESSES_MAX + 1);
    while (take(START_MS + FAILED_LOGINS_LINE_MS)) {
        count += line.count;
    }
    cr_assert_str_eq(line.address, FAILED_LOGINS_OTHERS);
    cr_assert_eq(count, MANY, "%" PRIu64 " are told of", count);
}

/* The places are not in the order of time: the last has been silent for longest. */
Test(failed_logins, the_address_that_is_silent_for_longest_makes_room)
{
    enum { LAST = FAILED_LOGINS_ADDRESSES_MAX - 1 };
    for (int i = 0; i <= LAST; i++) {
        fail_from(i, START_MS + LAST - i);
        cr_assert(take(START_MS + LAST - i));
    }
    uint64_t later_ms = START_MS + FAILED_LOGINS_LINE_MS + 2;
    fail_from(LAST, later_ms);
    fail("198.51.100.1", later_ms);
    fail("198.51.100.2", later_ms);
    fail("198.51.100.3", later_ms);
    cr_assert_str_eq(logins.entries[LAST].address, "192.0.0.255", "it is not silent");
    cr_assert_str_eq(logins.entries[LAST - 1].address, "198.51.100.1");
    cr_assert_str_eq(logins.entries[LAST - 2].address, "198.51.100.2");
    cr_assert_str_eq(logins.others.address, FAILED_LOGINS_OTHERS,
                     "the rest is not silent for long");
    cr_assert_eq(take_all(later_ms), 4);
}

/* An address without a line so far is not forgotten, however many come. */
Test(failed_logins, what_has_had_no_line_is_kept)
{
    fail("198.51.100.1", START_MS);
    for (int i = 0; i < FAILED_LOGINS_ADDRESSES_MAX; i++) {
        fail_from(i, START_MS + 2 * FAILED_LOGINS_LINE_MS);
    }
    cr_assert(take(START_MS + 2 * FAILED_LOGINS_LINE_MS));
    cr_assert_str_eq(line.address, "198.51.100.1");
}

Test(failed_logins, the_longest_address_fits)
{
    fail("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/64", START_MS);
    cr_assert(take(START_MS));
    cr_assert_str_eq(line.address, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/64");
}
