/* SPDX-License-Identifier: MIT */
/*
 * Amounts of money as whole cents, taken from the digits of a JSON number and never through a
 * double. Pure: nothing here blocks, allocates or locks.
 */
#ifndef COMMON_ORDER_MONEY_H
#define COMMON_ORDER_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"

#define MONEY_CENTS_MAX INT64_C(999999999999) /* 9999999999.99, from the wire contract */

enum money_error {
    MONEY_OK,
    MONEY_TOO_PRECISE, /* more than two decimals that are not zero */
    MONEY_NEGATIVE,
    MONEY_TOO_LARGE, /* over MONEY_CENTS_MAX */
};

/*
 * The value of `token`, a number in the grammar of RFC 8259 section 6 (the caller has checked it),
 * in cents. It is the value that counts, not the spelling: 2.5075e2 is 250.75, 250.750 too, -0 is
 * 0. Exponents of any size are handled without overflow. On error `*cents` is left alone.
 */
MUST_CHECK enum money_error money_parse(const char *token, size_t len, int64_t *cents);

#endif
