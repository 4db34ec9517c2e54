/* SPDX-License-Identifier: MIT */
/* The snapshot in which everything is verified, and repairing the counters, for SQLite. */
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

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
    status = sqlite_session_change(session, SQL_MAKE_REPAIR_SLOT, NULL, 0);
    if (status == STATUS_OK) {
        status = sqlite_session_run(session, SQL_REPAIR,
                                    &(struct sqlite_numbers){.in = parameters, .in_count = 8});
    }
    if (status == STATUS_OK && sqlite_session_changes(session) == 0) {
        status = STATUS_NOT_FOUND;
    }
    return sqlite_session_end_write(session, status);
}
