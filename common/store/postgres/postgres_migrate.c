/* SPDX-License-Identifier: MIT */
/* Steps of the schema, and the lock under which they are taken. */
#include <string.h>

#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/store_postgres.h"

enum { MIGRATION_TRIES = 15 }; /* each ends after the session's lock_timeout of 2 s */

/* Locks of this kind belong to one database. The number is the word "orders" in ASCII. */
static const int64_t migration_lock = 0x6f7264657273;

static enum status run(struct postgres_session *session, const char *operation, const char *sql)
{
    return postgres_session_run(session, operation, sql, NULL, 0);
}

/* The lock ends with the transaction, whatever ends that. */
static enum status begin_with_lock(struct postgres_session *session)
{
    const struct postgres_value lock = postgres_number(migration_lock);
    enum status status = STATUS_CONFLICT;
    for (int i = 0; i < MIGRATION_TRIES && status == STATUS_CONFLICT; i++) {
        status = postgres_session_begin(session);
        if (status == STATUS_OK) {
            status = postgres_session_run(session, "take migration lock",
                                          "SELECT pg_advisory_xact_lock($1)", &lock, 1);
        }
        if (status != STATUS_OK) {
            status = postgres_session_end(session, status);
        }
    }
    if (status == STATUS_CONFLICT) {
        status = postgres_session_failed(session, STATUS_UNAVAILABLE, "take migration lock",
                                         "another process has been migrating for too long");
    }
    return status;
}

enum status postgres_migrate_begin(struct store *store, int *version)
{
    struct postgres_session *session = postgres_session_of(store);
    enum status status = begin_with_lock(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = run(session, "make schema_versions",
                 "CREATE TABLE IF NOT EXISTS schema_versions (version int PRIMARY KEY, "
                 "name text NOT NULL, applied_at timestamptz NOT NULL)");
    if (status == STATUS_OK) {
        status = run(session, "read version", "SELECT max(version) FROM schema_versions");
    }
    if (status != STATUS_OK) {
        return postgres_session_end(session, status);
    }
    *version = (int)postgres_session_number(session, 0, 0);
    return STATUS_OK;
}

enum status postgres_migrate_step(struct store *store, const struct schema_step *step)
{
    struct postgres_session *session = postgres_session_of(store);
    enum status status = postgres_session_script(session, step->name, step->sql);
    if (status != STATUS_OK) {
        return status;
    }
    struct text *name = postgres_session_array(session, 0);
    postgres_array_start(name, POSTGRES_TEXT, 1);
    postgres_array_add_bytes(name, step->name, strlen(step->name));
    const struct postgres_value row[] = {postgres_number(step->version), postgres_array(name)};
    return postgres_session_run(session, "record version",
                                "INSERT INTO schema_versions "
                                "VALUES ($1::bigint, ($2::text[])[1], statement_timestamp())",
                                row, 2);
}

enum status postgres_migrate_end(struct store *store, enum status outcome)
{
    return postgres_session_end(postgres_session_of(store), outcome);
}
