/* SPDX-License-Identifier: MIT */
/*
 * A copy of the database while others write it, page by page. Left to itself SQLite begins such a
 * copy anew whenever another process has written, and so would never end while a service is busy.
 * Within a read transaction all pages are those of one snapshot.
 */
#include <ctype.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/sqlite/store_sqlite.h"

enum {
    PAGES = 256,          /* copied between two looks at the progress */
    CHECK_STEPS = 100000, /* of SQLite's machine, likewise */
};

static enum status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
        return STATUS_OK;
    case SQLITE_INTERRUPT:
        return STATUS_TIMEOUT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STATUS_INVALID;
    default:
        return STATUS_UNAVAILABLE;
    }
}

static void give_reason(struct store_backup *backup, sqlite3 *copy, int code)
{
    int error = copy != NULL ? sqlite3_system_errno(copy) : 0;
    snprintf(backup->reason, sizeof backup->reason, "%s%s%s", sqlite3_errstr(code),
             error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

/*
 * The file is the caller's to flush, and to throw away if this is cut off: it needs no journal. It
 * is the caller's alone, so it needs no locks, which on NFS would meet the caller's own.
 */
static int open_copy(const char *path, sqlite3 **copy)
{
    int code =
        sqlite3_open_v2(path, copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "unix-none");
    return code == SQLITE_OK ? sqlite3_exec(*copy,
                                            "PRAGMA journal_mode = OFF; "
                                            "PRAGMA synchronous = OFF",
                                            NULL, NULL, NULL)
                             : code;
}

/* True: go on. */
static bool show(const struct store_backup *backup, int64_t done, int64_t expected)
{
    const struct store_progress *progress = backup->progress;
    return progress == NULL || progress->go_on(progress->context, done, expected);
}

/*
 * What is written now is not left to one flush at the end, for which the services' commits would
 * have to wait.
 */
static int flush_pages(sqlite3 *copy)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(copy, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return code == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : code;
}

/* Returns SQLITE_DONE when all pages are there, SQLITE_INTERRUPT when nobody wants them. */
static int copy_pages(sqlite3 *copy, sqlite3_backup *copying, const struct store_backup *backup)
{
    int code;
    do {
        code = sqlite3_backup_step(copying, PAGES);
        int64_t left = sqlite3_backup_remaining(copying);
        int64_t all = sqlite3_backup_pagecount(copying);
        if (code == SQLITE_OK) {
            code = flush_pages(copy);
        }
        if (code == SQLITE_OK && !show(backup, all - left, all)) {
            code = SQLITE_INTERRUPT;
        }
    } while (code == SQLITE_OK);
    return code;
}

/* In the read transaction that is open. */
static enum status copy_database(struct sqlite_session *session, struct store_backup *backup)
{
    sqlite3 *copy = NULL;
    sqlite3_backup *copying = NULL;
    int code = open_copy(backup->path, &copy);
    if (code == SQLITE_OK) {
        copying = sqlite3_backup_init(copy, "main", sqlite_session_connection(session), "main");
        code = copying != NULL ? copy_pages(copy, copying, backup) : sqlite3_errcode(copy);
    }
    int finished = sqlite3_backup_finish(copying);
    if (code == SQLITE_DONE) {
        code = finished;
    }
    if (code != SQLITE_OK) {
        give_reason(backup, copy, code);
    }
    sqlite3_close(copy);
    return status_of(code);
}

/*
 * The copy by a name that says that nobody changes it, so that SQLite makes no -wal and -shm beside
 * it, which would stay if this were cut off. https://www.sqlite.org/uri.html
 */
static int open_finished(const char *path, sqlite3 **copy)
{
    struct text uri = {0};
    text_add(&uri, path[0] == '/' ? "file://" : "file:");
    for (; path[0] != '\0'; path++) {
        unsigned char byte = (unsigned char)path[0];
        text_print(&uri, isalnum(byte) || byte == '/' ? "%c" : "%%%02x", byte);
    }
    text_add(&uri, "?immutable=1");
    const char *name = text_string(&uri);
    int code =
        name == NULL
            ? SQLITE_NOMEM
            : sqlite3_open_v2(name, copy,
                              SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    text_finish(&uri);
    return code;
}

/* True ends the check. */
static int on_check(void *context)
{
    return show(context, 1, 1) ? 0 : 1;
}

/* A line for each fault, or "ok". The first is enough. */
static int keep_answer(void *context, int count, char **values, char **names)
{
    (void)count;
    (void)names;
    snprintf(context, STORE_BACKUP_REASON_SIZE, "%s", values[0]);
    return 0;
}

static enum status check_copy(struct store_backup *backup)
{
    char answer[STORE_BACKUP_REASON_SIZE] = "";
    sqlite3 *copy = NULL;
    int code = open_finished(backup->path, &copy);
    if (code == SQLITE_OK) {
        sqlite3_progress_handler(copy, CHECK_STEPS, on_check, backup);
        code = sqlite3_exec(copy, "PRAGMA integrity_check(1)", keep_answer, answer, NULL);
    }
    if (code != SQLITE_OK) {
        give_reason(backup, copy, code);
    }
    sqlite3_close(copy);
    if (code != SQLITE_OK) {
        return status_of(code);
    }
    if (strcmp(answer, "ok") == 0) {
        return STATUS_OK;
    }
    memcpy(backup->reason, answer, sizeof answer);
    return STATUS_INVALID;
}

/* The counters are exact at every instant, so also at the one of the copy. */
static enum status copy_snapshot(struct store *store, struct store_backup *backup)
{
    struct sqlite_session *session = sqlite_session_of(store);
    struct order_counts counts;
    enum status status = sqlite_session_begin_read(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = sqlite_counts(store, &counts); /* the first read makes the snapshot */
    if (status == STATUS_OK) {
        backup->orders = counts.created;
        status = copy_database(session, backup);
    }
    return sqlite_session_end_read(session, status);
}

enum status sqlite_backup(struct store *store, struct store_backup *backup)
{
    backup->reason[0] = '\0';
    enum status status = copy_snapshot(store, backup);
    if (status == STATUS_OK) {
        status = check_copy(backup);
    }
    if (status != STATUS_OK && backup->reason[0] == '\0') {
        snprintf(backup->reason, sizeof backup->reason, "%s", store_last_failure(store));
    }
    return status;
}

/* Both are there since the first version. */
bool sqlite_is_backup(const char *path)
{
    static const char query[] = "SELECT count(*) FROM sqlite_master "
                                "WHERE type = 'table' AND name IN ('orders', 'schema_versions')";
    char answer[STORE_BACKUP_REASON_SIZE] = "";
    sqlite3 *file = NULL;
    int code = open_finished(path, &file);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(file, query, keep_answer, answer, NULL);
    }
    sqlite3_close(file);
    return code == SQLITE_OK && strcmp(answer, "2") == 0;
}
