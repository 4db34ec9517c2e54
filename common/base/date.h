/* SPDX-License-Identifier: MIT */
/* Dates and times as people write them. Pure, any thread. */
#ifndef COMMON_BASE_DATE_H
#define COMMON_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads a date, "2026-01-31", which means its first instant in UTC, or a time of RFC 3339, section
 * 5.6, "2026-01-31T12:30:00Z" or "2026-01-31T12:30:00.5+02:00". `*us` becomes microseconds since
 * the epoch; what is finer is cut off. False: it is neither, there is no such day, or it is before
 * 1970; `*us` is left alone. A leap second is not taken.
 */
bool date_parse(const char *text, int64_t *us);

#endif
