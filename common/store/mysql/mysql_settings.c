/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_settings.h"

#include <stdio.h>
#include <string.h>

#include "common/store/mysql/mysql_session.h"
#include "common/store/store_backend.h"

enum { MESSAGE_SIZE = 200 };

enum server { BOTH, MARIADB, MYSQL_ONLY };

struct setting {
    const char *name;
    const char *set;   /* as SQL; NULL: only looked at */
    const char *reads; /* the text it then has */
    enum server server;
    const char *look;  /* as SQL, what has that text; NULL: the variable */
    const char *fault; /* what is wrong when it has not; NULL: it is not as it was set */
};

#define SET_TO(variable, value, text, kind)                                                        \
    {                                                                                              \
        .name = (variable), .set = (value), .reads = (text), .server = (kind)                      \
    }

/*
 * The timeouts of statements are shorter than the socket's, so that the server's answer still
 * comes. A process that is suspended within a transaction loses it, and its locks, to
 * idle_transaction_timeout; MySQL has nothing like it: there the connection itself may not be idle
 * for long (mysql_session.c makes it anew before it has been).
 */
static const struct setting settings[] = {
    /* What is sent and read is UTF-8, also where the server ignores what the client asked for. */
    SET_TO("character_set_client", "utf8mb4", "utf8mb4", BOTH),
    SET_TO("character_set_connection", "utf8mb4", "utf8mb4", BOTH),
    SET_TO("character_set_results", "utf8mb4", "utf8mb4", BOTH),
    /* What shortens or refuses an answer. */
    SET_TO("sql_select_limit", "18446744073709551615", "18446744073709551615", BOTH),
    SET_TO("sql_big_selects", "1", "1", BOTH),
    SET_TO("sql_safe_updates", "0", "0", BOTH),
    SET_TO("max_sort_length", "1024", "1024", BOTH),
    SET_TO("sql_auto_is_null", "0", "0", BOTH),
    /* What a transaction is. */
    SET_TO("autocommit", "1", "1", BOTH),
    SET_TO("completion_type", "'NO_CHAIN'", "NO_CHAIN", BOTH),
    SET_TO("tx_isolation", "'READ-COMMITTED'", "READ-COMMITTED", MARIADB),
    SET_TO("transaction_isolation", "'READ-COMMITTED'", "READ-COMMITTED", MYSQL_ONLY),
    SET_TO("tx_read_only", "0", "0", MARIADB),
    SET_TO("transaction_read_only", "0", "0", MYSQL_ONLY),
    /* What a value is, and which are refused. */
    SET_TO("sql_mode", "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
           "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION", BOTH),
    SET_TO("time_zone", "'+00:00'", "+00:00", BOTH),
    SET_TO("unique_checks", "1", "1", BOTH),
    SET_TO("check_constraint_checks", "1", "1", MARIADB),
    /* How long a call may take. */
    SET_TO("innodb_lock_wait_timeout", "2", "2", BOTH),
    SET_TO("lock_wait_timeout", "4", "4", BOTH),
    SET_TO("max_statement_time", "4", "4.000000", MARIADB),
    SET_TO("max_execution_time", "4000", "4000", MYSQL_ONLY),
    SET_TO("idle_transaction_timeout", "2", "2", MARIADB),
    SET_TO("wait_timeout", "28800", "28800", MARIADB),
    SET_TO("wait_timeout", "10", "10", MYSQL_ONLY),
    /* Long lists of ids stay ranges of the primary key instead of becoming temporary tables. */
    SET_TO("in_predicate_conversion_threshold", "0", "0", MARIADB),
    /* SYSDATE does not go by `timestamp`, the clock of all other functions does. */
    {.name = "timestamp",
     .reads = "1",
     .look = "ABS(TIMESTAMPDIFF(SECOND, SYSDATE(), UTC_TIMESTAMP())) <= 60",
     .fault = "the session's clock stands still (SET timestamp)"},
    /* What is read from such a server gets old, and nobody notices: a connection that was there
     * when it was demoted goes on. The number of one is the word of another. */
    {.name = "read_only",
     .reads = "1",
     .look = "@@GLOBAL.read_only IN ('0', 'OFF')",
     .fault =
         "the server is read-only, a replica or a demoted primary; nothing is read there either"},
};
static const struct setting without_statement_timeout[] = {
    SET_TO("max_statement_time", "0", "0.000000", MARIADB),
    SET_TO("max_execution_time", "0", "0", MYSQL_ONLY),
};

enum { SETTINGS = sizeof settings / sizeof settings[0] };

/* The settings of this kind of server, each once. */
struct wanted {
    struct setting of[SETTINGS];
    size_t count;
};

static bool is_for(const struct setting *setting, bool is_mariadb)
{
    return setting->server == BOTH || (setting->server == MARIADB) == is_mariadb;
}

static void replace(struct wanted *wanted, const struct setting *with)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (strcmp(wanted->of[i].name, with->name) == 0) {
            wanted->of[i] = *with;
        }
    }
}

static struct wanted choose(bool is_mariadb, const struct store *store)
{
    struct wanted wanted = {.count = 0};
    for (size_t i = 0; i < SETTINGS; i++) {
        bool is_passed_over =
            !store_primary_is_in_doubt(store) && strcmp(settings[i].name, "read_only") == 0;
        if (is_for(&settings[i], is_mariadb) && !is_passed_over) {
            wanted.of[wanted.count++] = settings[i];
        }
    }
    for (size_t i = 0; store->no_statement_timeout && i < 2; i++) {
        if (is_for(&without_statement_timeout[i], is_mariadb)) {
            replace(&wanted, &without_statement_timeout[i]);
        }
    }
    return wanted;
}

static void write_set(struct text *text, const struct wanted *wanted)
{
    const char *separator = "SET SESSION ";
    for (size_t i = 0; i < wanted->count; i++) {
        if (wanted->of[i].set != NULL) {
            text_add(text, separator);
            text_add(text, wanted->of[i].name);
            text_add(text, " = ");
            text_add(text, wanted->of[i].set);
            separator = ", ";
        }
    }
}

static void write_read(struct text *text, const struct wanted *wanted)
{
    const char *separator = "SELECT ";
    for (size_t i = 0; i < wanted->count; i++) {
        text_add(text, separator);
        if (wanted->of[i].look != NULL) {
            text_add(text, wanted->of[i].look);
        } else {
            text_add(text, "@@SESSION.");
            text_add(text, wanted->of[i].name);
        }
        separator = ", ";
    }
}

/* As text; "" for NULL. */
static const char *text_of(const struct mysql_row *row, size_t column)
{
    return row->values[column] != NULL ? row->values[column] : "";
}

static enum status check(struct mysql_session *session, const struct wanted *wanted)
{
    struct mysql_row row;
    char message[MESSAGE_SIZE];
    write_read(mysql_session_text(session), wanted);
    enum status status = mysql_session_query(session, "read settings");
    if (status == STATUS_OK && !mysql_session_next(session, &row)) {
        return mysql_session_failed(session, STATUS_UNAVAILABLE, "read settings",
                                    "the server does not show the session's settings");
    }
    for (size_t i = 0; status == STATUS_OK && i < wanted->count; i++) {
        const struct setting *setting = &wanted->of[i];
        if (strcmp(text_of(&row, i), setting->reads) != 0) {
            snprintf(message, sizeof message,
                     "the session's %s is not %s although it was set (a proxy in between, or "
                     "init_connect?), and orders could be lost or doubled with it",
                     setting->name, setting->reads);
            status = mysql_session_failed(session, STATUS_UNAVAILABLE, "read settings",
                                          setting->fault != NULL ? setting->fault : message);
        }
    }
    return status;
}

/* Where a server must show that it takes writes, within a transaction: what a proxy sends to a
 * replica are reads outside of one. */
enum status mysql_settings_apply(struct mysql_session *session, const struct store *store)
{
    struct wanted wanted = choose(mysql_session_is_mariadb(session), store);
    write_set(mysql_session_text(session), &wanted);
    enum status status = mysql_session_run(session, "set up", NULL);
    if (status != STATUS_OK || !store_primary_is_in_doubt(store)) {
        return status == STATUS_OK ? check(session, &wanted) : status;
    }
    text_add(mysql_session_text(session), "START TRANSACTION");
    status = mysql_session_run(session, "set up", NULL);
    return mysql_session_end(session, status == STATUS_OK ? check(session, &wanted) : status);
}
