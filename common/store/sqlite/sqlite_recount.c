/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_recount.h"

#include "common/store/recount.h"
#include "common/store/store_backend.h"

static const char repaired_sql[] = "SELECT created, started, completed, duration_us FROM counters "
                                   "WHERE slot = " STORE_REPAIR_SLOT_TEXT;

static const struct recount_dialect dialect = {
    .times = "created_at, started_at, due_at, completed_at",
    .duration_us = "sum(CASE WHEN status = 2 THEN completed_at - created_at END)",
};

static const char make_slot_sql[] =
    "INSERT INTO counters VALUES (" STORE_REPAIR_SLOT_TEXT ", 0, 0, 0, 0) ON CONFLICT DO NOTHING";

static const char repair_sql[] =
    "UPDATE counters SET created = created + ?1, started = started + ?2, "
    "completed = completed + ?3, duration_us = duration_us + ?4 "
    "WHERE slot = " STORE_REPAIR_SLOT_TEXT
    " AND created = ?5 AND started = ?6 AND completed = ?7 AND duration_us = ?8";

enum status sqlite_read_repaired(struct sqlite_session *session, struct order_counts *repaired)
{
    int64_t row[4] = {0};
    size_t rows;
    enum status status =
        sqlite_session_ask(session, repaired_sql, NULL, 0,
                           &(struct sqlite_table){.numbers = row, .columns = 4, .max = 1}, &rows);
    *repaired = (struct order_counts){row[0], row[1], row[2], row[3]};
    return status;
}

/* Runs the text and frees it. */
static enum status ask(struct sqlite_session *session, struct text *text,
                       const struct sqlite_table *table, size_t *rows)
{
    const char *sql = text_string(text);
    enum status status =
        sql != NULL ? sqlite_session_ask(session, sql, NULL, 0, table, rows) : STATUS_UNAVAILABLE;
    text_finish(text);
    return status;
}

enum status sqlite_recount_part(struct sqlite_session *session, enum store_table table,
                                int64_t first, uint32_t rows, int64_t sums[])
{
    struct text text = {0};
    size_t answered;
    recount_add_part(&text, table, &dialect, first, rows);
    return ask(session, &text,
               &(struct sqlite_table){.numbers = sums, .columns = RECOUNT_SUMS, .max = 1},
               &answered);
}

enum status sqlite_find_flawed(struct sqlite_session *session, enum store_table table,
                               enum store_flaw flaw, int64_t first, int64_t last, int64_t ids[],
                               size_t max, size_t *count)
{
    struct text text = {0};
    recount_add_flawed(&text, table, &dialect, flaw, first, last, max);
    return ask(session, &text, &(struct sqlite_table){.numbers = ids, .columns = 1, .max = max},
               count);
}

enum status sqlite_repair(struct sqlite_session *session, const struct order_counts *seen,
                          const struct order_counts *addition)
{
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
