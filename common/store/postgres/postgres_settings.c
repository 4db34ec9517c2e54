/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_settings.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/store/postgres/postgres_session.h"
#include "common/store/store_backend.h"

enum { MESSAGE_SIZE = 200 };

struct setting {
    const char *name;
    const char *value; /* as the server shows it; NULL: any but "off", which becomes "on" */
};

/*
 * The limits are shorter than what the session waits for an answer, so that the server's answer
 * still comes. A process that is suspended within a transaction loses it, and its locks, to
 * idle_in_transaction_session_timeout. The plans are to be those of the indexes whatever the
 * statistics of a table say that goes from nothing to millions of rows within minutes; and rows
 * that are read in the order of an index are locked in it, so that claims cannot deadlock.
 */
static const struct setting settings[] = {
    /* With row level security on, rows that a policy hides would look as if they were not there;
     * off, the server refuses such a query. */
    {"row_security", "off"},
    {"default_transaction_isolation", "read committed"},
    {"lock_timeout", "2s"},
    {"statement_timeout", "4s"},
    {"idle_in_transaction_session_timeout", "2s"},
    {"idle_session_timeout", "0"},
    /* An acknowledged order must be on the disk: where the server is set not to wait for that, this
     * session does; where it waits for replicas too, that stays. */
    {"synchronous_commit", NULL},
    {"enable_seqscan", "off"},
    {"enable_bitmapscan", "off"},
    {"enable_indexscan", "on"},
    {"enable_indexonlyscan", "on"},
    {"jit", "off"},
    {"standard_conforming_strings", "on"},
    {"bytea_output", "hex"},
    {"client_encoding", "UTF8"},
    {"client_min_messages", "warning"},
};
/* A replica, or a primary that was demoted: what is read there gets old, and nobody notices, since
 * a connection that was there when it was demoted goes on. */
#define TAKES_WRITES                                                                               \
    "CASE WHEN pg_is_in_recovery() THEN 'on' ELSE "                                                \
    "current_setting('default_transaction_read_only') "                                            \
    "END"

/* The columns of the second statement: the settings, and these. */
enum { SETTINGS = sizeof settings / sizeof settings[0], WRITES = SETTINGS, USER, SCHEMA };

static const char *wanted(const struct setting *setting, bool no_statement_timeout)
{
    return no_statement_timeout && strcmp(setting->name, "statement_timeout") == 0 ? "0"
                                                                                   : setting->value;
}

/* All are constants, but for how long a statement of a transaction may take. */
static void write_value(struct text *text, const char *name, const char *value, bool is_local)
{
    if (is_local && strcmp(name, "statement_timeout") == 0) {
        text_add(text, "$1::bigint::text");
    } else if (value != NULL) {
        text_print(text, "'%s'", value);
    } else {
        text_print(text,
                   "CASE current_setting('%s') WHEN 'off' THEN 'on' ELSE current_setting('%s') END",
                   name, name);
    }
}

static void write_set(struct text *text, bool no_statement_timeout, bool is_local)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        text_print(text, "%sset_config('%s', ", i == 0 ? "SELECT " : ", ", settings[i].name);
        write_value(text, settings[i].name, wanted(&settings[i], no_statement_timeout), is_local);
        text_add(text, is_local ? ", true)" : ", false)");
    }
    if (is_local) {
        text_add(text, ", " TAKES_WRITES);
    }
}

static void write_read(struct text *text)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        text_print(text, "%scurrent_setting('%s')", i == 0 ? "SELECT " : ", ", settings[i].name);
    }
    text_add(text, ", " TAKES_WRITES ", quote_ident(current_user), quote_ident(current_schema())");
}

static enum status run(struct postgres_session *session, struct text *text)
{
    const char *sql = text_string(text);
    return sql != NULL
               ? postgres_session_run(session, "set up", sql, NULL, 0)
               : postgres_session_failed(session, STATUS_UNAVAILABLE, "set up", "out of memory");
}

static bool is_as_wanted(const char *value, const char *want)
{
    return want != NULL ? strcmp(value, want) == 0 : strcmp(value, "off") != 0;
}

static enum status check(struct postgres_session *session, bool no_statement_timeout)
{
    char message[MESSAGE_SIZE];
    if (postgres_session_rows(session) != 1) {
        return postgres_session_failed(session, STATUS_UNAVAILABLE, "set up",
                                       "the server does not show the session's settings");
    }
    postgres_session_note_names(session, postgres_session_text(session, 0, USER),
                                postgres_session_text(session, 0, SCHEMA));
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = postgres_session_text(session, 0, i);
        const char *want = wanted(&settings[i], no_statement_timeout);
        if (!is_as_wanted(value, want)) {
            snprintf(message, sizeof message,
                     "the session's %s is '%s' although '%s' was set (a pooler in between?), and "
                     "orders could be lost or doubled with it",
                     settings[i].name, value, want != NULL ? want : "on");
            return postgres_session_failed(session, STATUS_UNAVAILABLE, "set up", message);
        }
    }
    return STATUS_OK;
}

enum status postgres_settings_check_takes_writes(struct postgres_session *session)
{
    return strcmp(postgres_session_text(session, 0, WRITES), "off") == 0
               ? STATUS_OK
               : postgres_session_failed(
                     session, STATUS_UNAVAILABLE, "set up",
                     "the server is read-only, a replica or a demoted primary; nothing is read "
                     "there either");
}

/*
 * Sets them for the session. Nothing is set, and no row comes, where the process that answers is
 * not the one that began the session: there is a pooler, and it would be another client's session
 * too.
 */
static enum status set(struct postgres_session *session, bool no_statement_timeout)
{
    struct text text = {0};
    write_set(&text, no_statement_timeout, false);
    text_print(&text, " WHERE pg_backend_pid() = %d", postgres_session_backend(session));
    enum status status = run(session, &text);
    text_finish(&text);
    return status;
}

/* Poolers of all modes are taken alike: which it is does not show, and may change at any time. */
static void set_with_each_transaction(struct postgres_session *session, bool no_statement_timeout)
{
    static atomic_flag is_known = ATOMIC_FLAG_INIT;
    struct text text = {0};
    write_set(&text, no_statement_timeout, true);
    postgres_session_set_pooled(session, &text);
    if (!atomic_flag_test_and_set(&is_known)) {
        log_info("a pooler is in front of the database; each transaction brings its settings along "
                 "and nothing is prepared, which costs the database more time for each",
                 log_str("database", "postgresql"));
    }
}

static enum status read_back(struct postgres_session *session, const struct store *store)
{
    struct text text = {0};
    write_read(&text);
    enum status status = run(session, &text);
    text_finish(&text);
    if (status == STATUS_OK) {
        status = check(session, store->no_statement_timeout);
    }
    return status == STATUS_OK && store_primary_is_in_doubt(store)
               ? postgres_settings_check_takes_writes(session)
               : status;
}

enum status postgres_settings_apply(struct postgres_session *session, const struct store *store)
{
    enum status status = set(session, store->no_statement_timeout);
    if (status != STATUS_OK) {
        return status;
    }
    if (postgres_session_rows(session) == 1) {
        return read_back(session, store);
    }
    set_with_each_transaction(session, store->no_statement_timeout);
    /* In three steps, which a pooler that keeps no transaction together refuses. */
    status = postgres_session_begin(session);
    if (status == STATUS_OK) {
        status = read_back(session, store);
    }
    return postgres_session_end(session, status);
}
