/* SPDX-License-Identifier: MIT */
/*
 * The parts of a recount for PostgreSQL, within its snapshot, and repair the counters.
 * Blocks, threads: as postgres_session.h.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_RECOUNT_H
#define COMMON_STORE_POSTGRES_POSTGRES_RECOUNT_H

#include "common/store/postgres/postgres_session.h"
#include "common/store/store_backend.h"

/* What store_repair has made so far. */
MUST_CHECK enum status postgres_read_repaired(struct postgres_session *session,
                                              struct order_counts *repaired);

/* As the operations of store_backend.h. */
MUST_CHECK enum status postgres_recount_part(struct postgres_session *session,
                                             enum store_table table, int64_t first, uint32_t rows,
                                             int64_t sums[]);
MUST_CHECK enum status postgres_find_flawed(struct postgres_session *session,
                                            enum store_table table, enum store_flaw flaw,
                                            int64_t first, int64_t last, int64_t ids[], size_t max,
                                            size_t *count);
MUST_CHECK enum status postgres_repair(struct postgres_session *session,
                                       const struct order_counts *seen,
                                       const struct order_counts *addition);

#endif
