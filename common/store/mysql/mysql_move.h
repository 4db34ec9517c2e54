/* SPDX-License-Identifier: MIT */
/*
 * The two moves of orders for MySQL, each with its counter in one transaction. Blocks, threads: as
 * mysql_session.h. No transaction is open when they return.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_MOVE_H
#define COMMON_STORE_MYSQL_MYSQL_MOVE_H

#include "common/store/mysql/mysql_session.h"
#include "common/store/store.h"

/* As store_claim. */
MUST_CHECK enum status mysql_claim(struct mysql_session *session, order_id ids[], size_t *count,
                                   uint32_t delay_ms, uint64_t *age_ms);

/* As store_claim_waiting. */
MUST_CHECK enum status mysql_claim_waiting(struct mysql_session *session, uint32_t min_age_ms,
                                           uint32_t delay_ms, order_id ids[], size_t max,
                                           size_t *count);

/* As store_complete, but `ids` is left as it is. */
MUST_CHECK enum status mysql_complete(struct mysql_session *session, const order_id ids[],
                                      size_t *count);

#endif
