/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_recount.h"

#include "common/store/recount.h"
#include "common/store/store_backend.h"

static const char repaired_sql[] = "SELECT created, started, completed, duration_us FROM counters "
                                   "WHERE slot = " STORE_REPAIR_SLOT_TEXT;

static const struct recount_dialect dialect = {
    .times = "created_at, started_at, due_at, completed_at",
    .duration_us =
        "(extract(epoch FROM sum(CASE WHEN status = 2 THEN completed_at - created_at END)) * "
        "1000000)::bigint",
};

static const char make_slot_sql[] =
    "INSERT INTO counters (slot) VALUES (" STORE_REPAIR_SLOT_TEXT ") ON CONFLICT DO NOTHING";

static const char repair_sql[] =
    "UPDATE counters SET created = created + $1::bigint, started = started + $2::bigint, "
    "completed = completed + $3::bigint, duration_us = duration_us + $4::bigint "
    "WHERE slot = " STORE_REPAIR_SLOT_TEXT
    " AND created = $5::bigint AND started = $6::bigint AND completed = $7::bigint "
    "AND duration_us = $8::bigint RETURNING slot";

enum status postgres_read_repaired(struct postgres_session *session, struct order_counts *repaired)
{
    enum status status = postgres_session_run(session, "read repaired", repaired_sql, NULL, 0);
    *repaired = (struct order_counts){0};
    if (status == STATUS_OK && postgres_session_rows(session) == 1) {
        repaired->created = postgres_session_number(session, 0, 0);
        repaired->started = postgres_session_number(session, 0, 1);
        repaired->completed = postgres_session_number(session, 0, 2);
        repaired->duration_us = postgres_session_number(session, 0, 3);
    }
    return status;
}

/* Runs the text and frees it. */
static enum status run(struct postgres_session *session, const char *operation, struct text *text)
{
    const char *sql = text_string(text);
    enum status status = sql != NULL ? postgres_session_run(session, operation, sql, NULL, 0)
                                     : postgres_session_failed(session, STATUS_UNAVAILABLE,
                                                               operation, "out of memory");
    text_finish(text);
    return status;
}

enum status postgres_recount_part(struct postgres_session *session, enum store_table table,
                                  int64_t first, uint32_t rows, int64_t sums[])
{
    struct text text = {0};
    recount_add_part(&text, table, &dialect, first, rows);
    enum status status = run(session, "recount", &text);
    for (size_t i = 0; status == STATUS_OK && i < RECOUNT_SUMS; i++) {
        sums[i] = postgres_session_number(session, 0, i);
    }
    return status;
}

enum status postgres_find_flawed(struct postgres_session *session, enum store_table table,
                                 enum store_flaw flaw, int64_t first, int64_t last, int64_t ids[],
                                 size_t max, size_t *count)
{
    struct text text = {0};
    recount_add_flawed(&text, table, &dialect, flaw, first, last, max);
    enum status status = run(session, "find flawed orders", &text);
    *count = status == STATUS_OK ? postgres_session_rows(session) : 0;
    for (size_t i = 0; i < *count; i++) {
        ids[i] = postgres_session_number(session, i, 0);
    }
    return status;
}

enum status postgres_repair(struct postgres_session *session, const struct order_counts *seen,
                            const struct order_counts *addition)
{
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
