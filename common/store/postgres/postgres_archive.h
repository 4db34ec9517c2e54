/* SPDX-License-Identifier: MIT */
/*
 * Moving Completed orders to the archive for PostgreSQL, and deleting their idempotency keys.
 * Blocks, threads: as postgres_session.h.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_ARCHIVE_H
#define COMMON_STORE_POSTGRES_POSTGRES_ARCHIVE_H

#include "common/store/postgres/postgres_session.h"
#include "common/store/store.h"

/* As the functions of store.h. */
MUST_CHECK enum status postgres_archive(struct postgres_session *session, int64_t before_us,
                                        size_t max, order_id *position, size_t *moved, bool *more);
MUST_CHECK enum status postgres_forget_keys(struct postgres_session *session, int64_t before_us,
                                            size_t max, struct store_key_position *position,
                                            size_t *deleted, bool *more);

#endif
