/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_recount.h"

#include "common/store/mysql/mysql_insert.h"
#include "common/store/recount.h"
#include "common/store/store_backend.h"

static const struct recount_dialect dialect = {
    .times = "created_at, NULLIF(started_at, " MYSQL_NEVER ") AS started_at, due_at, "
             "NULLIF(completed_at, " MYSQL_NEVER ") AS completed_at",
    .duration_us = "SUM(CASE WHEN status = 2 "
                   "THEN TIMESTAMPDIFF(MICROSECOND, created_at, completed_at) END)",
};

enum status mysql_read_repaired(struct mysql_session *session, struct order_counts *repaired)
{
    int64_t row[4];
    text_add(mysql_session_text(session),
             "SELECT created, started, completed, duration_us FROM counters "
             "WHERE slot = " STORE_REPAIR_SLOT_TEXT);
    enum status status = mysql_session_query_numbers(session, "read repaired", row, 4);
    *repaired = (struct order_counts){row[0], row[1], row[2], row[3]};
    return status;
}

/* Ids are unsigned in this schema: there are none below zero. */
static int64_t at_least_zero(int64_t id)
{
    return id > 0 ? id : 0;
}

enum status mysql_recount_part(struct mysql_session *session, enum store_table table, int64_t first,
                               uint32_t rows, int64_t sums[])
{
    recount_add_part(mysql_session_text(session), table, &dialect, at_least_zero(first), rows);
    return mysql_session_query_numbers(session, "recount", sums, RECOUNT_SUMS);
}

enum status mysql_find_flawed(struct mysql_session *session, enum store_table table,
                              enum store_flaw flaw, int64_t first, int64_t last, int64_t ids[],
                              size_t max, size_t *count)
{
    order_id found[STORE_FLAW_IDS_MAX];
    recount_add_flawed(mysql_session_text(session), table, &dialect, flaw, at_least_zero(first),
                       last, max);
    enum status status = mysql_session_query_ids(session, "find flawed orders", found, max, count);
    for (size_t i = 0; i < *count; i++) {
        ids[i] = (int64_t)found[i];
    }
    return status;
}

/* Columns of the table `counters` and a number for each, between `separator`s. */
static void add_columns(struct text *text, const char *const names[4], const char *separator,
                        const struct order_counts *counts)
{
    const int64_t numbers[] = {counts->created, counts->started, counts->completed,
                               counts->duration_us};
    for (size_t i = 0; i < 4; i++) {
        text_add(text, i > 0 ? separator : "");
        text_add(text, names[i]);
        text_add_signed(text, numbers[i]);
    }
}

static enum status add_to_slot(struct mysql_session *session, const struct order_counts *seen,
                               const struct order_counts *addition)
{
    static const char *const additions[] = {"created = created + ", "started = started + ",
                                            "completed = completed + ",
                                            "duration_us = duration_us + "};
    static const char *const conditions[] = {"created = ", "started = ", "completed = ",
                                             "duration_us = "};
    struct text *text = mysql_session_text(session);
    uint64_t affected = 0;
    text_add(text, "UPDATE counters SET ");
    add_columns(text, additions, ", ", addition);
    text_add(text, " WHERE slot = " STORE_REPAIR_SLOT_TEXT " AND ");
    add_columns(text, conditions, " AND ", seen);
    enum status status = mysql_session_run(session, "repair", &affected);
    return status == STATUS_OK && affected == 0 ? STATUS_NOT_FOUND : status;
}

enum status mysql_repair(struct mysql_session *session, const struct order_counts *seen,
                         const struct order_counts *addition)
{
    mysql_session_begin(session);
    text_add(mysql_session_text(session),
             "INSERT IGNORE INTO counters (slot) VALUES (" STORE_REPAIR_SLOT_TEXT ")");
    enum status status = mysql_session_run(session, "make repair slot", NULL);
    if (status == STATUS_OK) {
        status = add_to_slot(session, seen, addition);
    }
    return mysql_session_end(session, status);
}
