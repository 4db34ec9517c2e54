/* SPDX-License-Identifier: MIT */
#include "common/order/money.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
    CENTS_DIGITS_MAX = 12, /* of MONEY_CENTS_MAX, which is all nines */
    DECIMALS = 2,
};

/* Beyond this an exponent only says "far too large" or "far too precise": no text is so long that
 * its own digits could outweigh it. */
#define EXPONENT_LIMIT (INT64_C(1) << 50)

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The text after the 'e', as far as it matters. */
static int64_t read_exponent(const char *text, size_t len)
{
    bool negative = len > 0 && text[0] == '-';
    int64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_digit(text[i]) && value < EXPONENT_LIMIT) {
            value = value * 10 + (text[i] - '0');
        }
    }
    if (value > EXPONENT_LIMIT) {
        value = EXPONENT_LIMIT;
    }
    return negative ? -value : value;
}

/* What the digits in front of the exponent come to, seen without their outer zeros. */
struct mantissa {
    size_t first; /* index of the first digit that is not zero; `last` is the last such */
    size_t last;
    bool zero;           /* there is none */
    int64_t first_power; /* of ten, of the digit at `first`, before the exponent is applied */
    int64_t last_power;
};

static struct mantissa find_mantissa(const char *text, size_t len)
{
    struct mantissa found = {.zero = true};
    const char *point = memchr(text, '.', len);
    size_t point_at = point != NULL ? (size_t)(point - text) : len;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]) || text[i] == '0') {
            continue;
        }
        int64_t power = i < point_at ? (int64_t)(point_at - i) - 1 : -(int64_t)(i - point_at);
        if (found.zero) {
            found.zero = false;
            found.first = i;
            found.first_power = power;
        }
        found.last = i;
        found.last_power = power;
    }
    return found;
}

enum money_error money_parse(const char *token, size_t len, int64_t *cents)
{
    assert(len > 0);
    size_t mantissa_len = 0;
    while (mantissa_len < len && token[mantissa_len] != 'e' && token[mantissa_len] != 'E') {
        mantissa_len++;
    }
    struct mantissa mantissa = find_mantissa(token, mantissa_len);
    if (mantissa.zero) {
        *cents = 0; /* whatever the sign and the exponent */
        return MONEY_OK;
    }
    if (token[0] == '-') {
        return MONEY_NEGATIVE;
    }
    int64_t shift = DECIMALS;
    if (mantissa_len < len) {
        shift += read_exponent(token + mantissa_len + 1, len - mantissa_len - 1);
    }
    if (mantissa.last_power + shift < 0) {
        return MONEY_TOO_PRECISE;
    }
    if (mantissa.first_power + shift >= CENTS_DIGITS_MAX) {
        return MONEY_TOO_LARGE;
    }
    /* At most twelve digits are left between the first power and zero. */
    int64_t value = 0;
    for (size_t i = mantissa.first; i <= mantissa.last; i++) {
        if (is_digit(token[i])) {
            value = value * 10 + (token[i] - '0');
        }
    }
    for (int64_t power = mantissa.last_power + shift; power > 0; power--) {
        value *= 10;
    }
    assert(value <= MONEY_CENTS_MAX);
    *cents = value;
    return MONEY_OK;
}
