/* SPDX-License-Identifier: MIT */
#include "common/base/date.h"

#include <string.h>
#include <time.h>

enum { DATE_LEN = 10, TIME_LEN = 9, OFFSET_LEN = 6 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether `text` begins like `shape`, in which a 0 stands for any digit. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++) {
        if (*shape == '0' ? !is_digit(*text) : *text != *shape) {
            return false;
        }
    }
    return true;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* ".25" is 250,000 microseconds. `*text` is brought behind it; false: a dot without a digit. */
static bool read_fraction(const char **text, int64_t *us)
{
    int64_t weight = 100000;
    if (**text != '.') {
        return true;
    }
    if (!is_digit(*++*text)) {
        return false;
    }
    for (; is_digit(**text); ++*text, weight /= 10) {
        *us += (**text - '0') * weight;
    }
    return true;
}

/* "Z" or "+02:00", and nothing behind it. */
static bool read_offset(const char *text, int64_t *seconds)
{
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    if ((text[0] != '+' && text[0] != '-') || !has_shape(text + 1, "00:00") ||
        text[OFFSET_LEN] != '\0') {
        return false;
    }
    int hours = two_digits(text + 1);
    int minutes = two_digits(text + 4);
    *seconds = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
    return hours < 24 && minutes < 60;
}

/* What stands behind the date. */
static bool read_time(const char *text, struct tm *parts, int64_t *us, int64_t *offset_s)
{
    if ((text[0] != 'T' && text[0] != 't') || !has_shape(text + 1, "00:00:00")) {
        return false;
    }
    parts->tm_hour = two_digits(text + 1);
    parts->tm_min = two_digits(text + 4);
    parts->tm_sec = two_digits(text + 7);
    text += TIME_LEN;
    return parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec < 60 &&
           read_fraction(&text, us) && read_offset(text, offset_s);
}

bool date_parse(const char *text, int64_t *us)
{
    struct tm parts = {0};
    int64_t fraction_us = 0;
    int64_t offset_s = 0;
    if (!has_shape(text, "0000-00-00")) {
        return false;
    }
    int day = two_digits(text + 8);
    int month = two_digits(text + 5);
    parts.tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    if (text[DATE_LEN] != '\0' && !read_time(text + DATE_LEN, &parts, &fraction_us, &offset_s)) {
        return false;
    }
    /* It takes days there are not for days of the next month, which shows. */
    int64_t seconds = timegm(&parts) - offset_s;
    if (parts.tm_mon != month - 1 || parts.tm_mday != day || seconds < 0) {
        return false;
    }
    *us = seconds * 1000000 + fraction_us;
    return true;
}
