/* SPDX-License-Identifier: MIT */
/*
 * store_insert for MySQL: idempotency keys first, then the orders they let through, then the
 * counter, in one transaction. Blocks, threads: as mysql_session.h.
 */
#ifndef COMMON_STORE_MYSQL_INSERT_H
#define COMMON_STORE_MYSQL_INSERT_H

#include "common/store/mysql_session.h"
#include "common/store/store.h"

/* As store_insert. No transaction is open when it returns. */
MUST_CHECK enum status mysql_insert(struct mysql_session *session, struct store_insert entries[],
                                    size_t count);

#endif
