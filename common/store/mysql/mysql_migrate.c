/* SPDX-License-Identifier: MIT */
/* Steps of the schema, and the lock under which they are taken. */
#include <string.h>

#include "common/store/mysql/store_mysql.h"

enum { MIGRATION_WAIT_S = 30 };

static enum status run(struct mysql_session *session, const char *sql)
{
    text_add(mysql_session_text(session), sql);
    return mysql_session_run(session, sql, NULL);
}

static void release_migration_lock(struct mysql_session *session)
{
    int64_t released;
    text_add(mysql_session_text(session),
             "SELECT RELEASE_LOCK(CONCAT('orders:', LEFT(DATABASE(), 57)))");
    /* If it fails the connection is broken, and the lock went with it. */
    enum status status =
        mysql_session_query_numbers(session, "release migration lock", &released, 1);
    (void)status;
}

/* Named after the database, within 64 characters. Asked for a second at a time, because a longer
 * wait would end in the socket's timeout. */
static enum status take_migration_lock(struct mysql_session *session)
{
    int64_t taken = 0;
    enum status status = STATUS_OK;
    for (int second = 0; second < MIGRATION_WAIT_S && status == STATUS_OK && taken != 1; second++) {
        text_add(mysql_session_text(session),
                 "SELECT GET_LOCK(CONCAT('orders:', LEFT(DATABASE(), 57)), 1)");
        status = mysql_session_query_numbers(session, "take migration lock", &taken, 1);
    }
    if (status == STATUS_OK && taken != 1) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, "take migration lock",
                                      "another process has been migrating for too long");
    }
    return status;
}

enum status mysql_migrate_begin(struct store *store, int *version)
{
    struct mysql_session *session = mysql_session_of(store);
    enum status status = take_migration_lock(session);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t reached = 0;
    status = run(session, "CREATE TABLE IF NOT EXISTS schema_versions ("
                          "version INT NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, "
                          "applied_at DATETIME(6) NOT NULL) "
                          "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    if (status == STATUS_OK) {
        text_add(mysql_session_text(session), "SELECT MAX(version) FROM schema_versions");
        status = mysql_session_query_numbers(session, "read version", &reached, 1);
    }
    if (status != STATUS_OK) {
        release_migration_lock(session);
    }
    *version = (int)reached;
    return status;
}

/* One statement at a time is sent; each ends with a semicolon that ends a line. */
static enum status run_script(struct mysql_session *session, const char *sql, const char *name)
{
    struct text *text = mysql_session_text(session);
    enum status status = STATUS_OK;
    for (const char *end; status == STATUS_OK && (end = strstr(sql, ";\n")) != NULL;
         sql = end + 2) {
        size_t len = (size_t)(end - sql);
        char *room = text_reserve(text, len);
        if (room != NULL) {
            memcpy(room, sql, len);
            text_extend(text, len);
        }
        status = mysql_session_run(session, name, NULL);
    }
    return status;
}

enum status mysql_migrate_step(struct store *store, const struct schema_step *step)
{
    struct mysql_session *session = mysql_session_of(store);
    enum status status = run_script(session, step->sql, step->name);
    if (status != STATUS_OK) {
        return status;
    }
    struct text *text = mysql_session_text(session);
    text_add(text, "INSERT IGNORE INTO schema_versions VALUES (");
    text_add_signed(text, step->version);
    text_add(text, ", ");
    mysql_session_add_string(session, step->name, strlen(step->name));
    text_add(text, ", UTC_TIMESTAMP(6))");
    return mysql_session_run(session, "record version", NULL);
}

enum status mysql_migrate_end(struct store *store, enum status outcome)
{
    release_migration_lock(mysql_session_of(store));
    return outcome;
}
