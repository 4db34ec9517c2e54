/* SPDX-License-Identifier: MIT */
/*
 * The store on PostgreSQL: its struct, and where each operation of store_backend.h is.
 * Inside of this folder only. Blocks, threads: as postgres_session.h.
 */
#ifndef COMMON_STORE_POSTGRES_STORE_POSTGRES_H
#define COMMON_STORE_POSTGRES_STORE_POSTGRES_H

#include "common/store/postgres/postgres_session.h"
#include "common/store/store_backend.h"

struct store_postgres {
    struct store base;
    struct postgres_session *session; /* NULL when not connected */
};

static inline struct postgres_session *postgres_session_of(struct store *store)
{
    return ((struct store_postgres *)store)->session;
}

/* postgres_read.c */
MUST_CHECK enum status postgres_read(struct store *store, const struct store_query *query,
                                     struct store_rows *rows);

/* postgres_verify.c */
MUST_CHECK enum status postgres_snapshot_begin(struct store *store);
MUST_CHECK enum status postgres_snapshot_end(struct store *store, enum status status);
MUST_CHECK enum status postgres_repair(struct store *store, const struct order_counts *seen,
                                       const struct order_counts *addition);

#endif
