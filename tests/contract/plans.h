/* SPDX-License-Identifier: MIT */
/*
 * What plans_KIND.c supplies to test_plans.c for its kind of database: a record of the statements
 * that a connection of the program's really sends, and of how the database ran each of them.
 * Threads: the test's main thread. Failing fails the test.
 */
#ifndef TESTS_CONTRACT_PLANS_H
#define TESTS_CONTRACT_PLANS_H

#include "common/store/store.h"

enum {
    /* What a statement may read of orders or keys: the rows of a batch, and some more of each. */
    PLANS_ROWS_MAX = 3 * STORE_BATCH_MAX,
    PLANS_SORTED_MAX = STORE_BATCH_MAX,
};

/* Texts that must each be part of a statement that was recorded; NULL ends them. */
extern const char *const plans_expected[];

/* Tables with many rows are called so. */
bool plans_is_large(const char *table);

/* On empty tables: from now on only plans_analyze makes statistics. */
void plans_freeze_statistics(void);
void plans_analyze(void);

/* Records connections of the program's user that are opened from now on. */
void plans_start(void);

/*
 * After the last statement, store_counts: calls `each` for every statement recorded. `plan` is for
 * people; `fault` is NULL, or says that the plan reads or sorts too much.
 */
void plans_read(void (*each)(const char *statement, const char *plan, const char *fault));

#endif
