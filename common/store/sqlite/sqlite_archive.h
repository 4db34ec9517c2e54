/* SPDX-License-Identifier: MIT */
/*
 * Moving Completed orders to the archive for SQLite.
 * Blocks, threads: as sqlite_session.h.
 */
#ifndef COMMON_STORE_SQLITE_SQLITE_ARCHIVE_H
#define COMMON_STORE_SQLITE_SQLITE_ARCHIVE_H

#include "common/store/sqlite/sqlite_session.h"
#include "common/store/store.h"

/* As store_archive. */
MUST_CHECK enum status sqlite_archive(struct sqlite_session *session, int64_t before_us, size_t max,
                                      order_id *position, size_t *moved, bool *more);

/* As store_forget_keys. */
MUST_CHECK enum status sqlite_forget_keys(struct sqlite_session *session, int64_t before_us,
                                          size_t max, struct store_key_position *position,
                                          size_t *deleted, bool *more);

#endif
