/* SPDX-License-Identifier: MIT */
/*
 * The two moves of orders for PostgreSQL. Each is one guarded statement that moves the rows, counts
 * them and returns them, and so one transaction. Blocks, threads: as postgres_session.h.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_MOVE_H
#define COMMON_STORE_POSTGRES_POSTGRES_MOVE_H

#include "common/store/postgres/postgres_session.h"
#include "common/store/store.h"

/* As store_claim. */
MUST_CHECK enum status postgres_claim(struct postgres_session *session, order_id ids[],
                                      size_t *count, uint32_t delay_ms, uint64_t *age_ms);

/* As store_claim_waiting. */
MUST_CHECK enum status postgres_claim_waiting(struct postgres_session *session, uint32_t min_age_ms,
                                              uint32_t delay_ms, order_id ids[], size_t max,
                                              size_t *count);

/* As store_complete, but `ids` is left as it is. */
MUST_CHECK enum status postgres_complete(struct postgres_session *session, const order_id ids[],
                                         size_t *count);

/* Reads the first column of the last answer, at most `max` ids. */
void postgres_move_read_ids(const struct postgres_session *session, order_id ids[], size_t max,
                            size_t *count);

#endif
