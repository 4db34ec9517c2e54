/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_session.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_files.h"
#include "common/store/store_backend.h"
#include "common/store/store_version.h"

enum {
    /* Others of this process have the turn, or another process the file's write lock. Two tries are
     * to end within the deadline of an order. */
    BUSY_TIMEOUT_MS = 2500,
    BUSY_POLL_MS = 1,
    PARAMETERS_MAX = 8,
    COLUMNS_MAX = STORE_READ_COLUMNS_MAX,
    PROGRESS_STEPS = 1000, /* of SQLite's machine between two looks at the clock */
};

struct sqlite_session {
    struct store *store;
    sqlite3 *connection;
    struct sqlite_files *files; /* NULL: not entered */
    const char *const *texts;
    size_t count;
    size_t current;         /* the statement that was started */
    int code;               /* of its last step */
    uint64_t busy_until_ms; /* what is busy is waited for; clock_monotonic_ms */
    bool is_in_turn;        /* it waits for the file; the time for its turn counts too */
    sqlite3_stmt *statements[];
};

/*
 * SQLite lets one connection write at a time and makes the others poll. The connections of this
 * process queue here instead, which wakes the next writer at once; polling is left to other
 * processes.
 */
static pthread_mutex_t write_turn = PTHREAD_MUTEX_INITIALIZER;

static enum status classify(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STATUS_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STATUS_CONFLICT;
    case SQLITE_INTERRUPT: /* only by on_progress */
        return STATUS_TIMEOUT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return STATUS_INVALID;
    default:
        return STATUS_UNAVAILABLE;
    }
}

/* As store_refused takes it; NULL: it is no such code. */
static const char *refusal(int code)
{
    switch (code & 0xff) {
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return code == SQLITE_READONLY_DBMOVED ? NULL : STORE_NOT_WRITABLE;
    case SQLITE_FULL:
        return STORE_NO_ROOM;
    default:
        return NULL;
    }
}

static enum status refused(struct sqlite_session *session, int code, const char *operation)
{
    char message[STORE_FAILURE_SIZE];
    snprintf(message, sizeof message, "%s%s", sqlite3_errmsg(session->connection),
             (code & 0xff) == SQLITE_FULL
                 ? ""
                 : "; give the program's user the right to write the file, "
                   "its -wal and its -shm, and their folder");
    return store_refused(session->store, refusal(code), operation, code, message);
}

/* STATUS_OK for a `code` that is no failure. */
static enum status settle(struct sqlite_session *session, int code, const char *operation)
{
    enum status status = classify(code);
    if (refusal(code) != NULL) {
        return refused(session, code, operation);
    }
    return status == STATUS_OK ? STATUS_OK
                               : store_failed(session->store, status, operation, code,
                                              sqlite3_errmsg(session->connection));
}

/* SQLite's own handler sleeps up to 100 ms between two looks, and a busy other process always wins.
 */
static int on_busy(void *context, int looks)
{
    struct sqlite_session *session = context;
    uint64_t now_ms = clock_monotonic_ms();
    if (looks == 0 && !session->is_in_turn) {
        session->busy_until_ms = now_ms + BUSY_TIMEOUT_MS;
    }
    sqlite3_sleep(BUSY_POLL_MS);
    return now_ms < session->busy_until_ms;
}

/*
 * A new file changes to WAL under an exclusive lock, and for that lock SQLite does not wait: of
 * processes that open a new file together, some get SQLITE_BUSY at once.
 */
static int set_durability(sqlite3 *connection, bool may_change_file)
{
    if (!may_change_file) {
        return sqlite3_exec(connection, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    }
    uint64_t give_up_ms = clock_monotonic_ms() + BUSY_TIMEOUT_MS;
    int code;
    do {
        code = sqlite3_exec(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                            NULL, NULL, NULL);
    } while (code == SQLITE_BUSY && clock_monotonic_ms() < give_up_ms && sqlite3_sleep(1) > 0);
    return code;
}

/* For statements: the clock that the services' own moves go by. */
static void now_us(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    (void)arguments;
    sqlite3_result_int64(context, clock_wall_us());
}

static int add_functions(sqlite3 *connection)
{
    return sqlite3_create_function(connection, "now_us", 0, SQLITE_UTF8, NULL, now_us, NULL, NULL);
}

static const char files_have_moved[] =
    "the database's file, or its -wal or -shm file, was renamed, removed or replaced while it was "
    "open; nothing is stored until it is back in its place, or this program was restarted";

/* The -wal and -shm files are there from the first read on. */
static int enter_files(struct sqlite_session *session)
{
    int code =
        sqlite3_exec(session->connection, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        session->files = sqlite_files_enter(session->connection, session->store->url.path);
        code = session->files != NULL ? SQLITE_OK : SQLITE_READONLY_DBMOVED;
    }
    return code;
}

/* The library says for all reasons that it is "unable to open database file". */
static const char *why_not_opened(const struct sqlite_session *session, int code)
{
    const struct store *store = session->store;
    int error = session->connection != NULL ? sqlite3_system_errno(session->connection) : 0;
    if (code == SQLITE_READONLY_DBMOVED) {
        return files_have_moved;
    }
    if (code == SQLITE_CANTOPEN && error == ENOENT) {
        return store->may_create ? "the folder of the database's file is not there"
                                 : "the database's file is not there";
    }
    if (code == SQLITE_CANTOPEN && error != 0) {
        return strerror(error);
    }
    return session->connection != NULL ? sqlite3_errmsg(session->connection) : sqlite3_errstr(code);
}

/* STRICT tables. The library that is loaded may be another one than that of the build. */
enum status sqlite_session_check_library(struct store *store)
{
    unsigned version = (unsigned)sqlite3_libversion_number();
    return store_version_check(store, &(struct store_version_check){.name = "SQLite",
                                                                    .has = {version / 1000000,
                                                                            version / 1000 % 1000,
                                                                            version % 1000},
                                                                    .oldest = {3, 37, 0}});
}

enum status sqlite_session_open(struct store *store, const char *const texts[], size_t count,
                                struct sqlite_session **session)
{
    *session = NULL;
    struct sqlite_session *opened = calloc(1, sizeof *opened + count * sizeof(sqlite3_stmt *));
    if (opened == NULL) {
        return store_failed(store, STATUS_UNAVAILABLE, "open", 0, "out of memory");
    }
    opened->store = store;
    opened->texts = texts;
    opened->count = count;
    if (!sqlite_files_may_open(store->url.path)) {
        free(opened);
        return store_failed(store, STATUS_UNAVAILABLE, "open", 0, files_have_moved);
    }
    int create = store->may_create && !store->open_existing ? SQLITE_OPEN_CREATE : 0;
    int code = sqlite3_open_v2(store->url.path, &opened->connection,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_handler(opened->connection, on_busy, opened);
        code = set_durability(opened->connection, !store->open_existing);
    }
    if (code == SQLITE_OK) {
        code = add_functions(opened->connection);
    }
    if (code == SQLITE_OK) {
        code = enter_files(opened);
    }
    if (code == SQLITE_CANTOPEN && store->open_existing && access(store->url.path, F_OK) != 0) {
        sqlite_session_close(opened);
        return STATUS_NOT_FOUND;
    }
    if (code != SQLITE_OK) {
        store_failed(store, STATUS_UNAVAILABLE, "open", code, why_not_opened(opened, code));
        sqlite_session_close(opened);
        return STATUS_UNAVAILABLE;
    }
    *session = opened;
    return STATUS_OK;
}

void sqlite_session_close(struct sqlite_session *session)
{
    if (session == NULL) {
        return;
    }
    for (size_t i = 0; i < session->count; i++) {
        sqlite3_finalize(session->statements[i]);
    }
    sqlite_files_leave(session->files);
    sqlite3_close(session->connection);
    free(session);
}

struct sqlite3 *sqlite_session_connection(struct sqlite_session *session)
{
    return session->connection;
}

enum status sqlite_session_script(struct sqlite_session *session, const char *sql,
                                  const char *operation)
{
    return settle(session, sqlite3_exec(session->connection, sql, NULL, NULL, NULL), operation);
}

static int bind(sqlite3_stmt *statement, int index, const struct sqlite_value *value)
{
    switch (value->kind) {
    case SQLITE_KIND_NUMBER:
        return sqlite3_bind_int64(statement, index, value->number);
    case SQLITE_KIND_TEXT:
        return sqlite3_bind_text(statement, index, value->bytes, (int)value->len, SQLITE_STATIC);
    case SQLITE_KIND_NULL:
        return sqlite3_bind_null(statement, index);
    default: /* a NULL pointer would be a NULL */
        return sqlite3_bind_blob(statement, index, value->len > 0 ? value->bytes : "",
                                 (int)value->len, SQLITE_STATIC);
    }
}

enum status sqlite_session_start(struct sqlite_session *session, size_t index,
                                 const struct sqlite_value parameters[], size_t count)
{
    assert(index < session->count);
    int code = SQLITE_OK;
    if (session->statements[index] == NULL) {
        code = sqlite3_prepare_v3(session->connection, session->texts[index], -1,
                                  SQLITE_PREPARE_PERSISTENT, &session->statements[index], NULL);
    }
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = bind(session->statements[index], (int)i + 1, &parameters[i]);
    }
    session->current = index;
    session->code = SQLITE_ROW;
    return settle(session, code, session->texts[index]);
}

bool sqlite_session_next(struct sqlite_session *session)
{
    if (session->code == SQLITE_ROW) {
        session->code = sqlite3_step(session->statements[session->current]);
    }
    return session->code == SQLITE_ROW;
}

int64_t sqlite_session_column(struct sqlite_session *session, int column)
{
    return sqlite3_column_int64(session->statements[session->current], column);
}

const void *sqlite_session_column_bytes(struct sqlite_session *session, int column, size_t *len)
{
    sqlite3_stmt *statement = session->statements[session->current];
    const void *bytes = sqlite3_column_blob(statement, column);
    *len = (size_t)sqlite3_column_bytes(statement, column);
    return bytes;
}

enum status sqlite_session_finish(struct sqlite_session *session)
{
    while (sqlite_session_next(session)) {
        /* An UPDATE with RETURNING ends only after its last row. */
    }
    enum status status = settle(session, session->code, session->texts[session->current]);
    sqlite3_reset(session->statements[session->current]);
    return status;
}

enum status sqlite_session_change(struct sqlite_session *session, size_t index,
                                  const struct sqlite_value parameters[], size_t count)
{
    enum status status = sqlite_session_start(session, index, parameters, count);
    return status == STATUS_OK ? sqlite_session_finish(session) : status;
}

enum status sqlite_session_run(struct sqlite_session *session, size_t index,
                               const struct sqlite_numbers *numbers)
{
    struct sqlite_value values[PARAMETERS_MAX];
    assert(numbers->in_count <= PARAMETERS_MAX);
    for (size_t i = 0; i < numbers->in_count; i++) {
        values[i] = sqlite_number(numbers->in[i]);
    }
    enum status status = sqlite_session_start(session, index, values, numbers->in_count);
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_next(session)) {
        for (size_t i = 0; i < numbers->out_count; i++) {
            numbers->out[i] = sqlite_session_column(session, (int)i);
        }
    }
    return sqlite_session_finish(session);
}

/* True ends the statement with SQLITE_INTERRUPT. */
static int on_progress(void *deadline_ms)
{
    return clock_monotonic_ms() >= *(const uint64_t *)deadline_ms;
}

static void read_columns(sqlite3_stmt *statement, size_t count, struct sqlite_value columns[])
{
    static const enum sqlite_kind kinds[] = {
        [SQLITE_INTEGER] = SQLITE_KIND_NUMBER, [SQLITE_FLOAT] = SQLITE_KIND_REAL,
        [SQLITE_TEXT] = SQLITE_KIND_TEXT,      [SQLITE_BLOB] = SQLITE_KIND_BYTES,
        [SQLITE_NULL] = SQLITE_KIND_NULL,
    };
    for (int i = 0; i < (int)count; i++) {
        struct sqlite_value *column = &columns[i];
        *column = (struct sqlite_value){.kind = kinds[sqlite3_column_type(statement, i)]};
        if (column->kind == SQLITE_KIND_NUMBER) {
            column->number = sqlite3_column_int64(statement, i);
        } else if (column->kind == SQLITE_KIND_TEXT || column->kind == SQLITE_KIND_BYTES) {
            column->bytes = sqlite3_column_blob(statement, i);
            column->len = (size_t)sqlite3_column_bytes(statement, i);
        }
    }
}

static enum status hand_out_rows(struct sqlite_session *session, sqlite3_stmt *statement,
                                 const struct sqlite_query *query)
{
    struct sqlite_value columns[COLUMNS_MAX];
    enum status status = STATUS_OK;
    int code = SQLITE_ROW;
    while (status == STATUS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        read_columns(statement, query->column_count, columns);
        status = query->row(query->context, columns);
    }
    return status == STATUS_OK ? settle(session, code, query->operation) : status;
}

enum status sqlite_session_query(struct sqlite_session *session, const struct sqlite_query *query)
{
    uint64_t deadline_ms = clock_monotonic_ms() + query->limit_ms;
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(session->connection, query->sql, -1, &statement, NULL);
    for (size_t i = 0; i < query->parameter_count && code == SQLITE_OK; i++) {
        code = bind(statement, (int)i + 1, &query->parameters[i]);
    }
    enum status status = settle(session, code, query->operation);
    if (status == STATUS_OK) {
        assert(sqlite3_column_count(statement) == (int)query->column_count);
        sqlite3_progress_handler(session->connection, PROGRESS_STEPS, on_progress, &deadline_ms);
        status = hand_out_rows(session, statement, query);
        sqlite3_progress_handler(session->connection, 0, NULL, NULL);
    }
    sqlite3_finalize(statement);
    return status;
}

int64_t sqlite_session_changes(const struct sqlite_session *session)
{
    return sqlite3_changes(session->connection);
}

/* SQLite rolls back by itself after some errors; then nothing is open any more. */
static enum status roll_back(struct sqlite_session *session, enum status status)
{
    if (!sqlite3_get_autocommit(session->connection)) {
        enum status rolled_back = sqlite_session_script(session, "ROLLBACK", "rollback");
        status = rolled_back == STATUS_OK ? status : STATUS_UNAVAILABLE;
    }
    return status;
}

static enum status end(struct sqlite_session *session, enum status status)
{
    if (status == STATUS_OK) {
        status = sqlite_session_script(session, "COMMIT", "commit");
    }
    return status == STATUS_OK ? STATUS_OK : roll_back(session, status);
}

enum status sqlite_session_check_files(struct sqlite_session *session, enum status status)
{
    if (status != STATUS_OK || sqlite_files_are_in_place(session->files)) {
        return status;
    }
    return store_failed(session->store, STATUS_UNAVAILABLE, "look at the file", 0,
                        files_have_moved);
}

enum status sqlite_session_ping(struct sqlite_session *session)
{
    return sqlite_session_check_files(
        session, sqlite_session_script(session, "SELECT 1 FROM sqlite_schema LIMIT 1", "ping"));
}

enum status sqlite_session_begin_write(struct sqlite_session *session)
{
    struct timespec until = clock_monotonic_after(BUSY_TIMEOUT_MS);
    session->busy_until_ms = clock_monotonic_ms() + BUSY_TIMEOUT_MS;
    if (pthread_mutex_clocklock(&write_turn, CLOCK_MONOTONIC, &until) != 0) {
        return store_failed(session->store, STATUS_CONFLICT, "begin", SQLITE_BUSY,
                            "others of this process have held the file for too long");
    }
    session->is_in_turn = true;
    enum status status = sqlite_session_script(session, "BEGIN IMMEDIATE", "begin");
    session->is_in_turn = false;
    if (status != STATUS_OK) {
        pthread_mutex_unlock(&write_turn);
    }
    return status;
}

enum status sqlite_session_end_write(struct sqlite_session *session, enum status status)
{
    status = sqlite_session_check_files(session, end(session, status));
    pthread_mutex_unlock(&write_turn);
    return status;
}

enum status sqlite_session_undo_write(struct sqlite_session *session, enum status status)
{
    if (status == STATUS_OK) { /* what is in memory alone would find room on any disk */
        status = settle(session, sqlite3_db_cacheflush(session->connection), "flush");
    }
    status = sqlite_session_check_files(session, roll_back(session, status));
    pthread_mutex_unlock(&write_turn);
    return status;
}

enum status sqlite_session_begin_read(struct sqlite_session *session)
{
    return sqlite_session_script(session, "BEGIN", "begin");
}

enum status sqlite_session_end_read(struct sqlite_session *session, enum status status)
{
    return sqlite_session_check_files(session, end(session, status));
}
