/* SPDX-License-Identifier: MIT */
/* The snapshot in which everything is verified, and repairing the counters, for PostgreSQL. */
#include "common/store/postgres/store_postgres.h"

static const char make_slot_sql[] =
    "INSERT INTO counters (slot) VALUES (" STORE_REPAIR_SLOT_TEXT ") ON CONFLICT DO NOTHING";

static const char repair_sql[] =
    "UPDATE counters SET created = created + $1::bigint, started = started + $2::bigint, "
    "completed = completed + $3::bigint, duration_us = duration_us + $4::bigint "
    "WHERE slot = " STORE_REPAIR_SLOT_TEXT
    " AND created = $5::bigint AND started = $6::bigint AND completed = $7::bigint "
    "AND duration_us = $8::bigint RETURNING slot";

enum status postgres_snapshot_begin(struct store *store)
{
    return postgres_session_begin_snapshot(postgres_session_of(store));
}

enum status postgres_snapshot_end(struct store *store, enum status status)
{
    return postgres_session_end(postgres_session_of(store), status);
}

enum status postgres_repair(struct store *store, const struct order_counts *seen,
                            const struct order_counts *addition)
{
    struct postgres_session *session = postgres_session_of(store);
    const struct postgres_value parameters[] = {
        postgres_number(addition->created),   postgres_number(addition->started),
        postgres_number(addition->completed), postgres_number(addition->duration_us),
        postgres_number(seen->created),       postgres_number(seen->started),
        postgres_number(seen->completed),     postgres_number(seen->duration_us),
    };
    enum status status = postgres_session_begin(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = postgres_session_run(session, "make repair slot", make_slot_sql, NULL, 0);
    if (status == STATUS_OK) {
        status = postgres_session_run(session, "repair", repair_sql, parameters, 8);
    }
    if (status == STATUS_OK && postgres_session_rows(session) == 0) {
        status = STATUS_NOT_FOUND;
    }
    return postgres_session_end(session, status);
}
