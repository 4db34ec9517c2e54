/* SPDX-License-Identifier: MIT */
/*
 * The store on SQLite: its struct, and where each operation of store_backend.h is.
 * Inside of this folder only. Blocks, threads: as sqlite_session.h.
 */
#ifndef COMMON_STORE_SQLITE_STORE_SQLITE_H
#define COMMON_STORE_SQLITE_STORE_SQLITE_H

#include "common/store/sqlite/sqlite_session.h"
#include "common/store/store_backend.h"

struct store_sqlite {
    struct store base;
    struct sqlite_session *session; /* NULL when not connected */
};

static inline struct sqlite_session *sqlite_session_of(struct store *store)
{
    return ((struct store_sqlite *)store)->session;
}

/* sqlite_read.c */
MUST_CHECK enum status sqlite_read(struct store *store, const struct store_query *query,
                                   struct store_rows *rows);

/* sqlite_verify.c */
MUST_CHECK enum status sqlite_snapshot_begin(struct store *store);
MUST_CHECK enum status sqlite_snapshot_end(struct store *store, enum status status);
MUST_CHECK enum status sqlite_repair(struct store *store, const struct order_counts *seen,
                                     const struct order_counts *addition);

#endif
