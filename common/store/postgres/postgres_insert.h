/* SPDX-License-Identifier: MIT */
/* store_insert for PostgreSQL. Blocks, threads: as postgres_session.h. */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_INSERT_H
#define COMMON_STORE_POSTGRES_POSTGRES_INSERT_H

#include "common/store/postgres/postgres_session.h"
#include "common/store/store.h"

/* As store_insert. No transaction is open when it returns. */
MUST_CHECK enum status postgres_insert(struct postgres_session *session,
                                       struct store_insert entries[], size_t count);

#endif
