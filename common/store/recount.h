/* SPDX-License-Identifier: MIT */
/*
 * Recounting every row, part by part in the order of the ids, first those of the orders in use,
 * then the archive's, and what it looks for in each: the statements, which all kinds of database
 * share but for two expressions, and the loop over the parts. Inside of the store only.
 *
 * A part is one short query, so that the limits a connection has for its statements hold for tables
 * of any size, and whoever waits is heard in between.
 */
#ifndef COMMON_STORE_RECOUNT_H
#define COMMON_STORE_RECOUNT_H

#include "common/store/sql_text.h"
#include "common/store/store_backend.h"

/* The columns of a part's one row. */
enum recount_sum {
    RECOUNT_ROWS,
    RECOUNT_LAST_ID, /* of the part; without meaning when it has no rows */
    RECOUNT_STARTED,
    RECOUNT_COMPLETED,
    RECOUNT_DURATION_US,
    RECOUNT_FLAWS, /* and STORE_FLAWS of them */
    RECOUNT_SUMS = RECOUNT_FLAWS + STORE_FLAWS,
};

/* What each kind of database says its own way. */
struct recount_dialect {
    const char *times; /* the columns created_at, started_at, due_at and completed_at; NULL for
                          what has not happened */
    const char *duration_us; /* the sum of the durations of Completed orders */
};

/* Adds the query that sums up the first `rows` orders of the table whose ids are `first` or more.
 */
void recount_add_part(struct text *text, enum store_table table,
                      const struct recount_dialect *dialect, int64_t first, uint32_t rows);

/* Adds the query for the first `max` ids from `first` to `last` of orders with the flaw. */
void recount_add_flawed(struct text *text, enum store_table table,
                        const struct recount_dialect *dialect, enum store_flaw flaw, int64_t first,
                        int64_t last, size_t max);

/* As store_verify, on a store that is connected. */
MUST_CHECK enum status recount_run(struct store *store, const struct store_progress *progress,
                                   struct store_verification *found);

#endif
