/* SPDX-License-Identifier: MIT */
/*
 * What plans_KIND.c supplies to test_plans.c for its kind of database: a record of the statements
 * that the program really sends, and of how the database ran each of them. Blocks. Threads: the
 * test's main thread. An error fails the test.
 */
#ifndef TESTS_CONTRACT_PLANS_H
#define TESTS_CONTRACT_PLANS_H

#include "common/store/store.h"

enum {
    /* How many orders or keys a statement may read: a batch, and some more. */
    PLANS_ROWS_MAX = 3 * STORE_BATCH_MAX,
    PLANS_SORTED_MAX = STORE_BATCH_MAX,
};

/* Texts that must each be part of a statement that was recorded; NULL ends them. */
extern const char *const plans_expected[];

/* Whether this table has many rows. */
bool plans_is_large(const char *table);

/* On empty tables: from now on only plans_analyze makes statistics. */
void plans_freeze_statistics(void);
void plans_analyze(void);

/* Records connections of the program's user that are opened from now on. */
void plans_start(void);

/*
 * Calls `each` for every recorded statement. The last statement must have been store_counts. `plan`
 * is for the reader; `fault` is NULL, or a text that says what the plan reads or sorts too much.
 */
void plans_read(void (*each)(const char *statement, const char *plan, const char *fault));

#endif
