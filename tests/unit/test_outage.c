/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "common/base/outage.h"

enum { START_MS = 1000000, MINUTES = 10 };

static struct outage outage;
static uint64_t repeated;

static bool fail(uint32_t key, uint64_t now_ms)
{
    return outage_failed(&outage, key, now_ms, &repeated);
}

Test(outage, a_cause_has_a_line_when_it_begins_and_one_when_it_is_over)
{
    cr_assert(fail(1, START_MS));
    cr_assert_eq(repeated, 0);
    for (int i = 1; i < 100; i++) {
        cr_assert_not(fail(1, START_MS + (uint64_t)i));
    }
    cr_assert(outage_worked(&outage, START_MS + 200));
    cr_assert_not(outage_worked(&outage, START_MS + 300));
}

Test(outage, while_it_lasts_it_has_a_line_a_minute_with_its_count)
{
    int lines = 0;
    for (uint64_t now_ms = START_MS; now_ms < START_MS + MINUTES * OUTAGE_LINE_MS; now_ms += 100) {
        if (fail(1, now_ms)) {
            lines++;
            cr_assert_eq(repeated, lines == 1 ? 0 : OUTAGE_LINE_MS / 100 - 1);
        }
    }
    cr_assert_eq(lines, MINUTES);
}

Test(outage, each_cause_has_its_own_line)
{
    cr_assert(fail(1, START_MS));
    cr_assert(fail(2, START_MS));
    cr_assert_not(fail(1, START_MS + 1));
    cr_assert_not(fail(2, START_MS + 1));
}

/* Redis takes one command and forbids another: twenty times a second. */
Test(outage, calls_that_fail_and_work_by_turns_do_not_fill_the_log)
{
    int begun = 0;
    int over = 0;
    uint64_t end_ms = START_MS + MINUTES * OUTAGE_LINE_MS;
    for (uint64_t now_ms = START_MS; now_ms < end_ms; now_ms += 50) {
        begun += fail(1, now_ms) ? 1 : 0;
        over += outage_worked(&outage, now_ms + 25) ? 1 : 0;
    }
    cr_assert_eq(begun, MINUTES);
    cr_assert_leq(over, MINUTES);
    cr_assert_not(outage_worked(&outage, end_ms + OUTAGE_QUIET_MS - 100));
    cr_assert(outage_worked(&outage, end_ms + OUTAGE_QUIET_MS));
    cr_assert_not(outage_worked(&outage, end_ms + OUTAGE_QUIET_MS));
}

Test(outage, a_cause_that_is_another_one_each_time_does_not_fill_the_log)
{
    int lines = 0;
    for (uint32_t key = 0; key < 1000; key++) {
        lines += fail(key, START_MS + key) ? 1 : 0;
    }
    cr_assert_eq(lines, OUTAGE_CAUSES_MAX);
    cr_assert(fail(5000, START_MS + 2000 + OUTAGE_LINE_MS), "a minute later there is room again");
}

Test(outage, a_later_outage_has_its_lines)
{
    cr_assert(fail(1, START_MS));
    cr_assert(outage_worked(&outage, START_MS + 1));
    cr_assert(fail(1, START_MS + OUTAGE_LINE_MS));
    cr_assert(outage_worked(&outage, START_MS + OUTAGE_LINE_MS + 1));
}
