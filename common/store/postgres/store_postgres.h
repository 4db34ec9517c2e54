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

/* postgres_archive.c */
MUST_CHECK enum status postgres_archive(struct store *store, struct store_archive *archive);
MUST_CHECK enum status postgres_forget_keys(struct store *store, struct store_forget_keys *keys);

/* postgres_insert.c */
MUST_CHECK enum status postgres_reserve_ids(struct store *store, uint32_t count, order_id *first);
MUST_CHECK enum status postgres_insert(struct store *store, struct store_insert entries[],
                                       size_t count);
MUST_CHECK enum status postgres_try_insert(struct store *store);

/* postgres_lookup.c */
MUST_CHECK enum status postgres_lookup(struct store *store, struct store_lookup lookups[],
                                       size_t count);
MUST_CHECK enum status postgres_counts(struct store *store, struct order_counts *counts);

/* postgres_migrate.c */
MUST_CHECK enum status postgres_migrate_begin(struct store *store, int *version);
MUST_CHECK enum status postgres_migrate_step(struct store *store, const struct schema_step *step);
MUST_CHECK enum status postgres_migrate_end(struct store *store, enum status outcome);

/* postgres_move.c */
MUST_CHECK enum status postgres_claim(struct store *store, order_id ids[], size_t *count,
                                      uint32_t delay_ms, uint64_t *age_ms);
MUST_CHECK enum status postgres_claim_waiting(struct store *store,
                                              struct store_claim_waiting *waiting);
MUST_CHECK enum status postgres_complete(struct store *store, const order_id ids[], size_t *count);

/* postgres_read.c */
MUST_CHECK enum status postgres_read(struct store *store, const struct store_query *query,
                                     struct store_rows *rows);

/* postgres_verify.c */
MUST_CHECK enum status postgres_snapshot_begin(struct store *store);
MUST_CHECK enum status postgres_snapshot_end(struct store *store, enum status status);
MUST_CHECK enum status postgres_repair(struct store *store, const struct order_counts *seen,
                                       const struct order_counts *addition);

#endif
