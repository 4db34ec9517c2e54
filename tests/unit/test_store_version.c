/* SPDX-License-Identifier: MIT */
/* Which servers are too old, and what is said of them. */
#include <criterion/criterion.h>

#include "common/store/store_version.h"
#include "tests/unit/fake_store.h"

static struct store *store;

static void setup(void)
{
    store = fake_store_create();
}

static void teardown(void)
{
    store_destroy(store);
}

TestSuite(store_version, .init = setup, .fini = teardown);

Test(store_version, one_below_the_oldest_is_refused_and_the_oldest_and_newer_ones_work)
{
    static const struct store_version_check old[] = {
        {"MySQL", {8, 0, 10}, {8, 0, 11}},    {"MySQL", {5, 7, 44}, {8, 0, 11}},
        {"MariaDB", {10, 5, 29}, {10, 6, 0}}, {"PostgreSQL", {13, 22}, {14}},
        {"SQLite", {3, 36, 9}, {3, 37, 0}},
    };
    static const struct store_version_check good[] = {
        {"MySQL", {8, 0, 11}, {8, 0, 11}},   {"MySQL", {9, 0, 0}, {8, 0, 11}},
        {"MySQL", {8, 1, 0}, {8, 0, 11}},    {"MariaDB", {10, 6, 0}, {10, 6, 0}},
        {"MariaDB", {11, 4, 2}, {10, 6, 0}}, {"PostgreSQL", {14, 0}, {14}},
        {"SQLite", {3, 100, 0}, {3, 37, 0}},
    };
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        cr_assert_eq(store_version_check(store, &old[i]), STATUS_UNAVAILABLE, "old %zu", i);
        cr_assert(store_is_too_old(store), "old %zu", i);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(store_version_check(store, &good[i]), STATUS_OK, "good %zu", i);
        cr_assert_not(store_is_too_old(store), "good %zu", i);
    }
}

static void expect_words(const struct store_version_check *check, const char *words)
{
    cr_assert_eq(store_version_check(store, check), STATUS_UNAVAILABLE);
    cr_assert_str_eq(store_last_failure(store), words);
}

Test(store_version, both_versions_are_named)
{
    expect_words(&(struct store_version_check){"MySQL", {5, 7, 44}, {8, 0, 11}},
                 "MySQL 5.7.44 is too old; the oldest that works is 8.0.11");
    expect_words(&(struct store_version_check){"PostgreSQL", {13, 9}, {14}},
                 "PostgreSQL 13.9 is too old; the oldest that works is 14.0");
}
