/* SPDX-License-Identifier: MIT */
/* The snapshot in which everything is verified, and repairing the counters, for MySQL. */
#include "common/store/mysql/store_mysql.h"

enum status mysql_snapshot_begin(struct store *store)
{
    struct mysql_session *session = mysql_session_of(store);
    struct text *text = mysql_session_text(session);
    /* Of the next transaction only. */
    text_add(text, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    enum status status = mysql_session_run(session, "set isolation", NULL);
    if (status == STATUS_OK) {
        text_add(text, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
        status = mysql_session_run(session, "begin snapshot", NULL);
    }
    return status;
}

enum status mysql_snapshot_end(struct store *store, enum status status)
{
    return mysql_session_end(mysql_session_of(store), status);
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

enum status mysql_repair(struct store *store, const struct order_counts *seen,
                         const struct order_counts *addition)
{
    struct mysql_session *session = mysql_session_of(store);
    mysql_session_begin(session);
    text_add(mysql_session_text(session),
             "INSERT IGNORE INTO counters (slot) VALUES (" STORE_REPAIR_SLOT_TEXT ")");
    enum status status = mysql_session_run(session, "make repair slot", NULL);
    if (status == STATUS_OK) {
        status = add_to_slot(session, seen, addition);
    }
    return mysql_session_end(session, status);
}
