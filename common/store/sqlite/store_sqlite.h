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

/* sqlite_archive.c */
MUST_CHECK enum status sqlite_archive(struct store *store, struct store_archive *archive);
MUST_CHECK enum status sqlite_forget_keys(struct store *store, struct store_forget_keys *keys);

/* sqlite_backup.c */
MUST_CHECK enum status sqlite_backup(struct store *store, struct store_backup *backup);
MUST_CHECK bool sqlite_is_backup(const char *path);

/* sqlite_insert.c */
MUST_CHECK enum status sqlite_reserve_ids(struct store *store, uint32_t count, order_id *first);
MUST_CHECK enum status sqlite_insert(struct store *store, struct store_insert entries[],
                                     size_t count);
MUST_CHECK enum status sqlite_try_insert(struct store *store);

/* sqlite_lookup.c */
MUST_CHECK enum status sqlite_lookup(struct store *store, struct store_lookup lookups[],
                                     size_t count);
MUST_CHECK enum status sqlite_counts(struct store *store, struct order_counts *counts);

/* sqlite_migrate.c */
MUST_CHECK enum status sqlite_migrate_begin(struct store *store, int *version);
MUST_CHECK enum status sqlite_migrate_step(struct store *store, const struct schema_step *step);
MUST_CHECK enum status sqlite_migrate_end(struct store *store, enum status outcome);

/* sqlite_move.c */
MUST_CHECK enum status sqlite_claim(struct store *store, order_id ids[], size_t *count,
                                    uint32_t delay_ms, uint64_t *age_ms);
MUST_CHECK enum status sqlite_claim_waiting(struct store *store,
                                            struct store_claim_waiting *waiting);
MUST_CHECK enum status sqlite_complete(struct store *store, const order_id ids[], size_t *count);

/* sqlite_read.c */
MUST_CHECK enum status sqlite_read(struct store *store, const struct store_query *query,
                                   struct store_rows *rows);

/* sqlite_verify.c */
MUST_CHECK enum status sqlite_snapshot_begin(struct store *store);
MUST_CHECK enum status sqlite_snapshot_end(struct store *store, enum status status);
MUST_CHECK enum status sqlite_repair(struct store *store, const struct order_counts *seen,
                                     const struct order_counts *addition);

/* For the operations: adds to the counters; `moved` may be all zero. */
MUST_CHECK enum status sqlite_count_moves(struct store *store, const struct order_counts *moved);

#endif
