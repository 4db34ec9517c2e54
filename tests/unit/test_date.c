/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "common/base/date.h"

static void expect_date(const char *text, int64_t us)
{
    int64_t read = -1;
    cr_expect(date_parse(text, &read), "%s is refused", text);
    cr_expect_eq(read, us, "%s", text);
}

static void expect_refused(const char *text)
{
    int64_t us = 7;
    cr_expect_not(date_parse(text, &us), "'%s' is taken", text);
    cr_expect_eq(us, 7, "'%s'", text);
}

Test(date, a_day_is_its_first_instant_in_utc)
{
    expect_date("1970-01-01", 0);
    expect_date("2026-01-31", INT64_C(1769817600000000));
    expect_date("2024-02-29", INT64_C(1709164800000000));
}

Test(date, a_time_has_its_offset_and_microseconds)
{
    expect_date("2026-01-31T12:30:05Z", INT64_C(1769862605000000));
    expect_date("2026-01-31t12:30:05z", INT64_C(1769862605000000));
    expect_date("2026-01-31T12:30:05.25+02:00", INT64_C(1769855405250000));
    expect_date("2026-01-31T00:30:00.1234567-01:30", INT64_C(1769824800123456));
}

Test(date, days_and_times_there_are_not_are_refused)
{
    expect_refused("2026-02-29");
    expect_refused("2026-13-01");
    expect_refused("2026-00-10");
    expect_refused("2026-01-00");
    expect_refused("2026-01-31T24:00:00Z");
    expect_refused("2026-01-31T23:60:00Z");
    expect_refused("2026-12-31T23:59:60Z");
    expect_refused("2026-01-31T12:00:00+24:00");
    expect_refused("1969-12-31");
}

Test(date, other_spellings_are_refused)
{
    expect_refused("");
    expect_refused("2026");
    expect_refused("2026-1-31");
    expect_refused("20260131");
    expect_refused(" 2026-01-31");
    expect_refused("2026-01-31 ");
    expect_refused("2026-01-31 12:00:00Z");
    expect_refused("2026-01-31T12:00:00");
    expect_refused("2026-01-31T12:00Z");
    expect_refused("2026-01-31T12:00:00.Z");
    expect_refused("2026-01-31T12:00:00Zx");
    expect_refused("2026-01-31T12:00:00+0200");
    expect_refused("yesterday");
}
