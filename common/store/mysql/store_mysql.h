/* SPDX-License-Identifier: MIT */
/*
 * The store on MySQL or MariaDB: its struct, and where each operation of store_backend.h is.
 * Inside of this folder only. Blocks, threads: as mysql_session.h.
 */
#ifndef COMMON_STORE_MYSQL_STORE_MYSQL_H
#define COMMON_STORE_MYSQL_STORE_MYSQL_H

#include "common/store/mysql/mysql_session.h"
#include "common/store/store_backend.h"

struct store_mysql {
    struct store base;
    struct mysql_session *session; /* NULL when not connected */
};

static inline struct mysql_session *mysql_session_of(struct store *store)
{
    return ((struct store_mysql *)store)->session;
}

/* mysql_read.c */
MUST_CHECK enum status mysql_read(struct store *store, const struct store_query *query,
                                  struct store_rows *rows);

/* mysql_verify.c */
MUST_CHECK enum status mysql_snapshot_begin(struct store *store);
MUST_CHECK enum status mysql_snapshot_end(struct store *store, enum status status);
MUST_CHECK enum status mysql_repair(struct store *store, const struct order_counts *seen,
                                    const struct order_counts *addition);

#endif
