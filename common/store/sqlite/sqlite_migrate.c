/* SPDX-License-Identifier: MIT */
/* Steps of the schema, and the lock under which they are taken. */
#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

/* A step is one transaction, and its write lock is the lock. */
enum status sqlite_migrate_begin(struct store *store, int *version)
{
    struct sqlite_session *session = sqlite_session_of(store);
    int64_t reached = 0;
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = sqlite_session_script(
        session,
        "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, "
        "name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        "create schema_versions");
    if (status == STATUS_OK) {
        status = sqlite_session_run(session, SQL_READ_VERSION,
                                    &(struct sqlite_numbers){.out = &reached, .out_count = 1});
    }
    *version = (int)reached;
    return status == STATUS_OK ? STATUS_OK : sqlite_session_end_write(session, status);
}

enum status sqlite_migrate_step(struct store *store, const struct schema_step *step)
{
    enum status status = sqlite_session_script(sqlite_session_of(store), step->sql, step->name);
    if (status != STATUS_OK) {
        return status;
    }
    const struct sqlite_value parameters[] = {sqlite_number(step->version),
                                              sqlite_string_of(step->name),
                                              sqlite_number(clock_wall_us())};
    return sqlite_session_change(sqlite_session_of(store), SQL_RECORD_VERSION, parameters, 3);
}

enum status sqlite_migrate_end(struct store *store, enum status outcome)
{
    return sqlite_session_end_write(sqlite_session_of(store), outcome);
}
