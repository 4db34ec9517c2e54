/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "common/base/memory.h"
#include "common/store/sqlite/sqlite_dialect.h"
#include "common/store/sqlite/sqlite_durability.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

static struct store *sqlite_create(void)
{
    return memory_allocate(1, sizeof(struct store_sqlite));
}

static enum status sqlite_connect(struct store *store)
{
    enum status status = sqlite_session_check_library(store);
    return status == STATUS_OK ? sqlite_session_open(store, sqlite_statement_texts, SQL_STATEMENTS,
                                                     &((struct store_sqlite *)store)->session)
                               : status;
}

static void sqlite_disconnect(struct store *store)
{
    sqlite_session_close(sqlite_session_of(store));
    ((struct store_sqlite *)store)->session = NULL;
}

static enum status sqlite_ping(struct store *store)
{
    return sqlite_session_ping(sqlite_session_of(store));
}

static enum status sqlite_durability(struct store *store, struct durability_report *report)
{
    struct sqlite_session *session = sqlite_session_of(store);
    char journal_mode[DURABILITY_VALUE_SIZE] = "";
    int64_t synchronous = -1;
    enum status status =
        sqlite_session_run(session, SQL_READ_SYNCHRONOUS,
                           &(struct sqlite_numbers){.out = &synchronous, .out_count = 1});
    if (status == STATUS_OK) {
        status = sqlite_session_start(session, SQL_READ_JOURNAL_MODE, NULL, 0);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_next(session)) {
        size_t len;
        const char *text = sqlite_session_column_bytes(session, 0, &len);
        (void)snprintf(journal_mode, sizeof journal_mode, "%.*s", (int)len, text);
    }
    *report = sqlite_durability_judge(synchronous, journal_mode,
                                      sqlite_durability_is_in_memory(store->url.path));
    return sqlite_session_finish(session);
}

const struct store_ops store_sqlite_ops = {
    .name = "sqlite",
    .fragments = sqlite_fragments,
    .create = sqlite_create,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .ping = sqlite_ping,
    .durability = sqlite_durability,
    .migrate_begin = sqlite_migrate_begin,
    .migrate_step = sqlite_migrate_step,
    .migrate_end = sqlite_migrate_end,
    .reserve_ids = sqlite_reserve_ids,
    .insert = sqlite_insert,
    .try_insert = sqlite_try_insert,
    .claim = sqlite_claim,
    .claim_waiting = sqlite_claim_waiting,
    .complete = sqlite_complete,
    .lookup = sqlite_lookup,
    .counts = sqlite_counts,
    .read = sqlite_read,
    .archive = sqlite_archive,
    .forget_keys = sqlite_forget_keys,
    .snapshot_begin = sqlite_snapshot_begin,
    .snapshot_end = sqlite_snapshot_end,
    .repair = sqlite_repair,
    .backup = sqlite_backup,
    .is_backup = sqlite_is_backup,
};
