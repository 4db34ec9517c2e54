/* SPDX-License-Identifier: MIT */
/*
 * store_verify: sums up every row, part by part in the order of the ids, first those of the orders
 * in use, then the archive's, and looks at each for flaws. Written once, on the cold read.
 *
 * A part is one short query, so that the limits a connection has for its statements hold for tables
 * of any size, and the caller's `progress` is asked in between. Inside of the store only.
 */
#ifndef COMMON_STORE_STORE_VERIFY_H
#define COMMON_STORE_STORE_VERIFY_H

#include "common/store/store_backend.h"

/* The columns of a part's one row. */
enum verify_sum {
    VERIFY_ROWS,
    VERIFY_LAST_ID, /* of the part; without meaning when it has no rows */
    VERIFY_STARTED,
    VERIFY_COMPLETED,
    VERIFY_DURATION_US,
    VERIFY_FLAWS, /* and STORE_FLAWS of them */
    VERIFY_SUMS = VERIFY_FLAWS + STORE_FLAWS,
};

/* As store_verify, on a store that is connected. */
MUST_CHECK enum status store_verify_connected(struct store *store,
                                              const struct store_progress *progress,
                                              struct store_verification *found);

#endif
