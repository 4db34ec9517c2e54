/* SPDX-License-Identifier: MIT */
/*
 * The parts of a recount for SQLite, within a transaction that reads, and repair the counters.
 * Blocks, threads: as sqlite_session.h.
 */
#ifndef COMMON_STORE_SQLITE_SQLITE_RECOUNT_H
#define COMMON_STORE_SQLITE_SQLITE_RECOUNT_H

#include "common/store/sqlite/sqlite_session.h"
#include "common/store/store_backend.h"

/* What store_repair has made so far. */
MUST_CHECK enum status sqlite_read_repaired(struct sqlite_session *session,
                                            struct order_counts *repaired);

/* As the operations of store_backend.h. */
MUST_CHECK enum status sqlite_recount_part(struct sqlite_session *session, enum store_table table,
                                           int64_t first, uint32_t rows, int64_t sums[]);
MUST_CHECK enum status sqlite_find_flawed(struct sqlite_session *session, enum store_table table,
                                          enum store_flaw flaw, int64_t first, int64_t last,
                                          int64_t ids[], size_t max, size_t *count);
MUST_CHECK enum status sqlite_repair(struct sqlite_session *session,
                                     const struct order_counts *seen,
                                     const struct order_counts *addition);

#endif
