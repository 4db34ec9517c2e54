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
    size_t raised_limit;           /* the max_allowed_packet that led to a new connection, last */
};

/*
 * What started_at and completed_at are until they are known. A NULL takes no room in a row: when it
 * becomes a time the row grows, so it is written anew within its page, and of pages that are full
 * half the rows are moved to others. Measured, that was three quarters of what a claim costs.
 */
#define MYSQL_NEVER "'1000-01-01'"

static inline struct mysql_session *mysql_session_of(struct store *store)
{
    return ((struct store_mysql *)store)->session;
}

/* mysql_archive.c */
MUST_CHECK enum status mysql_archive(struct store *store, struct store_archive *archive);
MUST_CHECK enum status mysql_forget_keys(struct store *store, struct store_forget_keys *keys);

/* mysql_insert.c */
MUST_CHECK enum status mysql_reserve_ids(struct store *store, uint32_t count, order_id *first);
MUST_CHECK enum status mysql_insert(struct store *store, struct store_insert entries[],
                                    size_t count);
MUST_CHECK enum status mysql_try_insert(struct store *store);

/* mysql_lookup.c */
MUST_CHECK enum status mysql_lookup(struct store *store, struct store_lookup lookups[],
                                    size_t count);
MUST_CHECK enum status mysql_counts(struct store *store, struct order_counts *counts);

/* mysql_migrate.c */
MUST_CHECK enum status mysql_migrate_begin(struct store *store, int *version);
MUST_CHECK enum status mysql_migrate_step(struct store *store, const struct schema_step *step);
MUST_CHECK enum status mysql_migrate_end(struct store *store, enum status outcome);

/* mysql_move.c */
MUST_CHECK enum status mysql_claim(struct store *store, order_id ids[], size_t *count,
                                   uint32_t delay_ms, uint64_t *age_ms);
MUST_CHECK enum status mysql_claim_waiting(struct store *store,
                                           struct store_claim_waiting *waiting);
MUST_CHECK enum status mysql_complete(struct store *store, const order_id ids[], size_t *count);

/* mysql_read.c */
MUST_CHECK enum status mysql_read(struct store *store, const struct store_query *query,
                                  struct store_rows *rows);

/* mysql_verify.c */
MUST_CHECK enum status mysql_snapshot_begin(struct store *store);
MUST_CHECK enum status mysql_snapshot_end(struct store *store, enum status status);
MUST_CHECK enum status mysql_repair(struct store *store, const struct order_counts *seen,
                                    const struct order_counts *addition);

#endif
