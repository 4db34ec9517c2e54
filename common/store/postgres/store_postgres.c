/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/store_postgres.h"
#include "common/base/memory.h"
#include "common/store/postgres/postgres_dialect.h"
#include "common/store/postgres/postgres_durability.h"

static struct store *postgres_create(void)
{
    return memory_allocate(1, sizeof(struct store_postgres));
}

static enum status postgres_connect(struct store *store)
{
    return postgres_session_open(store, &((struct store_postgres *)store)->session);
}

static void postgres_disconnect(struct store *store)
{
    postgres_session_close(postgres_session_of(store));
    ((struct store_postgres *)store)->session = NULL;
}

static enum status postgres_ping(struct store *store)
{
    return postgres_session_run(postgres_session_of(store), "ping", "SELECT 1", NULL, 0);
}

const struct store_ops store_postgres_ops = {
    .name = "postgresql",
    .fragments = postgres_fragments,
    .create = postgres_create,
    .connect = postgres_connect,
    .disconnect = postgres_disconnect,
    .ping = postgres_ping,
    .durability = postgres_durability,
    .migrate_begin = postgres_migrate_begin,
    .migrate_step = postgres_migrate_step,
    .migrate_end = postgres_migrate_end,
    .reserve_ids = postgres_reserve_ids,
    .insert = postgres_insert,
    .try_insert = postgres_try_insert,
    .claim = postgres_claim,
    .claim_waiting = postgres_claim_waiting,
    .complete = postgres_complete,
    .lookup = postgres_lookup,
    .counts = postgres_counts,
    .read = postgres_read,
    .archive = postgres_archive,
    .forget_keys = postgres_forget_keys,
    .snapshot_begin = postgres_snapshot_begin,
    .snapshot_end = postgres_snapshot_end,
    .repair = postgres_repair,
};
