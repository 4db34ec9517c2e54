/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/store_mysql.h"
#include "common/base/memory.h"
#include "common/store/mysql/mysql_dialect.h"
#include "common/store/mysql/mysql_durability.h"

static struct store *mysql_create(void)
{
    return memory_allocate(1, sizeof(struct store_mysql));
}

static enum status mysql_connect(struct store *store)
{
    return mysql_session_open(store, &((struct store_mysql *)store)->session);
}

static void mysql_disconnect(struct store *store)
{
    mysql_session_close(mysql_session_of(store));
    ((struct store_mysql *)store)->session = NULL;
}

static enum status mysql_store_ping(struct store *store)
{
    return mysql_session_ping(mysql_session_of(store));
}

const struct store_ops store_mysql_ops = {
    .name = "mysql",
    .fragments = mysql_fragments,
    .create = mysql_create,
    .connect = mysql_connect,
    .disconnect = mysql_disconnect,
    .ping = mysql_store_ping,
    .durability = mysql_durability,
    .migrate_begin = mysql_migrate_begin,
    .migrate_step = mysql_migrate_step,
    .migrate_end = mysql_migrate_end,
    .reserve_ids = mysql_reserve_ids,
    .insert = mysql_insert,
    .try_insert = mysql_try_insert,
    .claim = mysql_claim,
    .claim_waiting = mysql_claim_waiting,
    .complete = mysql_complete,
    .lookup = mysql_lookup,
    .counts = mysql_counts,
    .read = mysql_read,
    .archive = mysql_archive,
    .forget_keys = mysql_forget_keys,
    .snapshot_begin = mysql_snapshot_begin,
    .snapshot_end = mysql_snapshot_end,
    .repair = mysql_repair,
};
