/* SPDX-License-Identifier: MIT */
/* The snapshot in which everything is verified, and repairing the counters, for SQLite. */
#include "common/store/sqlite/store_sqlite.h"

static const char make_slot_sql[] =
    "INSERT INTO counters VALUES (" STORE_REPAIR_SLOT_TEXT ", 0, 0, 0, 0) ON CONFLICT DO NOTHING";

static const char repair_sql[] =
    "UPDATE counters SET created = created + ?1, started = started + ?2, "
    "completed = completed + ?3, duration_us = duration_us + ?4 "
    "WHERE slot = " STORE_REPAIR_SLOT_TEXT
    " AND created = ?5 AND started = ?6 AND completed = ?7 AND duration_us = ?8";

/* What is read first in the transaction makes its snapshot. */
enum status sqlite_snapshot_begin(struct store *store)
{
    return sqlite_session_begin_read(sqlite_session_of(store));
}

enum status sqlite_snapshot_end(struct store *store, enum status status)
{
    return sqlite_session_end_read(sqlite_session_of(store), status);
}

enum status sqlite_repair(struct store *store, const struct order_counts *seen,
                          const struct order_counts *addition)
{
    struct sqlite_session *session = sqlite_session_of(store);
    const int64_t parameters[] = {addition->created,     addition->started, addition->completed,
                                  addition->duration_us, seen->created,     seen->started,
                                  seen->completed,       seen->duration_us};
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = sqlite_session_script(session, make_slot_sql, "make repair slot");
    if (status == STATUS_OK) {
        status = sqlite_session_ask(session, repair_sql, parameters, 8, NULL, NULL);
    }
    if (status == STATUS_OK && sqlite_session_changes(session) == 0) {
        status = STATUS_NOT_FOUND;
    }
    return sqlite_session_end_write(session, status);
}
