/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/order/money.h"

enum { LONG_SIZE = 64 * 1024 };

static void check_amount(const char *token, int64_t expected)
{
    int64_t cents = -1;
    cr_assert_eq(money_parse(token, strlen(token), &cents), MONEY_OK, "%.40s is refused", token);
    cr_assert_eq(cents, expected, "%.40s is read as %" PRId64, token, cents);
}

static void check_refused(const char *token, enum money_error expected)
{
    int64_t cents = -1;
    enum money_error error = money_parse(token, strlen(token), &cents);
    cr_assert_eq(error, expected, "%.40s gives %d", token, (int)error);
    cr_assert_eq(cents, -1, "%.40s changed the cents", token);
}

Test(money, plain_amounts_become_cents)
{
    check_amount("0", 0);
    check_amount("1", 100);
    check_amount("0.01", 1);
    check_amount("0.1", 10);
    check_amount("250.75", 25075);
    check_amount("100000", 10000000);
    check_amount("1009.05", 100905);
    check_amount("0.29", 29); /* 28 when it goes through a double */
    check_amount("4.35", 435);
    check_amount("9007199254.93", 900719925493);
}

Test(money, the_value_counts_and_not_its_spelling)
{
    check_amount("2.5075e2", 25075);
    check_amount("2.5075E+2", 25075);
    check_amount("25075e-2", 25075);
    check_amount("2507500e-4", 25075);
    check_amount("250.750", 25075);
    check_amount("250.7500000000000000000000000", 25075);
    check_amount("0.0025075e5", 25075);
    check_amount("0.00000000001e12", 1000);
    check_amount("1e-2", 1);
    check_amount("10e-3", 1);
    check_amount("1e0", 100);
    check_amount("1e00000000000000000000000001", 1000);
    check_amount("1e-00000000000000000000000001", 10);
}

Test(money, nothing_is_nothing_in_every_spelling)
{
    check_amount("-0", 0);
    check_amount("0.00", 0);
    check_amount("-0.000", 0);
    check_amount("0e0", 0);
    check_amount("0e999999999999999999", 0);
    check_amount("0e-999999999999999999", 0);
    check_amount("-0.0e99999999999999999999999999999999999", 0);
}

Test(money, the_largest_amount_is_the_last_accepted)
{
    check_amount("9999999999.99", MONEY_CENTS_MAX);
    check_amount("9999999999.990", MONEY_CENTS_MAX);
    check_amount("999999999999e-2", MONEY_CENTS_MAX);
    check_amount("9.99999999999e9", MONEY_CENTS_MAX);
    check_amount("1e9", 100000000000);
    check_refused("10000000000", MONEY_TOO_LARGE);
    check_refused("10000000000.00", MONEY_TOO_LARGE);
    check_refused("1e10", MONEY_TOO_LARGE);
    check_refused("0.1e11", MONEY_TOO_LARGE);
    check_refused("99999999999", MONEY_TOO_LARGE);
    check_refused("9223372036854775808", MONEY_TOO_LARGE);
    check_refused("18446744073709551617", MONEY_TOO_LARGE);
}

Test(money, a_third_decimal_is_refused_unless_it_is_zero)
{
    check_refused("250.755", MONEY_TOO_PRECISE);
    check_refused("9999999999.991", MONEY_TOO_PRECISE);
    check_refused("9999999999.999", MONEY_TOO_PRECISE);
    check_refused("0.001", MONEY_TOO_PRECISE);
    check_refused("1e-3", MONEY_TOO_PRECISE);
    check_refused("25075e-3", MONEY_TOO_PRECISE);
    check_refused("0.1000000000000000000000000001", MONEY_TOO_PRECISE);
}

Test(money, less_than_nothing_is_refused)
{
    check_refused("-0.01", MONEY_NEGATIVE);
    check_refused("-1", MONEY_NEGATIVE);
    check_refused("-1e-999", MONEY_NEGATIVE);
    check_refused("-1e999", MONEY_NEGATIVE);
}

Test(money, exponents_of_any_size_are_survived)
{
    check_refused("1e999", MONEY_TOO_LARGE);
    check_refused("1e-999", MONEY_TOO_PRECISE);
    check_refused("1e2147483648", MONEY_TOO_LARGE);
    check_refused("1e-2147483649", MONEY_TOO_PRECISE);
    check_refused("1e4294967296", MONEY_TOO_LARGE);
    check_refused("1e9223372036854775807", MONEY_TOO_LARGE);
    check_refused("1e-9223372036854775808", MONEY_TOO_PRECISE);
    check_refused("1e18446744073709551616", MONEY_TOO_LARGE);
    check_refused("1E-18446744073709551616", MONEY_TOO_PRECISE);
    check_refused("1e99999999999999999999999999999999999999999", MONEY_TOO_LARGE);
}

static char long_token[LONG_SIZE + 32];

/* `head`, as many times `fill` as make the whole 64 KiB, `tail`. */
static const char *make_long(const char *head, char fill, const char *tail)
{
    size_t head_len = strlen(head);
    size_t tail_len = strlen(tail);
    memcpy(long_token, head, head_len);
    memset(long_token + head_len, fill, LONG_SIZE - head_len - tail_len);
    memcpy(long_token + LONG_SIZE - tail_len, tail, tail_len + 1);
    return long_token;
}

Test(money, digits_by_the_thousand_are_read_exactly)
{
    check_refused(make_long("", '9', ""), MONEY_TOO_LARGE);
    check_refused(make_long("1.", '9', ""), MONEY_TOO_PRECISE);
    check_refused(make_long("1.", '0', "1"), MONEY_TOO_PRECISE);
    check_amount(make_long("1.25", '0', ""), 125);
    check_amount(make_long("0.", '0', ""), 0);
    check_amount(make_long("1e", '0', "2"), 10000);
    check_refused(make_long("1e", '9', ""), MONEY_TOO_LARGE);
    check_refused(make_long("1e-", '9', ""), MONEY_TOO_PRECISE);
}

Test(money, an_exponent_may_bring_thousands_of_zeros_back)
{
    char tail[32];
    /* 1, then zeros up to the exponent, which takes all of them away but two. */
    int zeros = LONG_SIZE - 1 - 7;
    (void)snprintf(tail, sizeof tail, "e-%d", zeros - 2);
    check_amount(make_long("1", '0', tail), 10000);
    /* 0., then zeros and a 1, which the exponent brings back to 0.1. */
    zeros = LONG_SIZE - 2 - 7;
    (void)snprintf(tail, sizeof tail, "1e%d", zeros);
    check_amount(make_long("0.", '0', tail), 10);
}

Test(money, a_token_is_read_up_to_its_length_only)
{
    int64_t cents = -1;
    cr_assert_eq(money_parse("12.345", 5, &cents), MONEY_OK);
    cr_assert_eq(cents, 1234);
    cr_assert_eq(money_parse("1e5", 1, &cents), MONEY_OK);
    cr_assert_eq(cents, 100);
}
