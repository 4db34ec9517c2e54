/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_error.h"

#include <stdio.h>
#include <string.h>

#include "common/store/store_backend.h"

enum {
    ERROR_DUPLICATE = 1062, /* a row with this key exists */
    ERROR_NO_DATABASE = 1044,
    ERROR_TIMEOUT_MARIADB = 1969, /* max_statement_time */
    ERROR_TIMEOUT_MYSQL = 3024,   /* max_execution_time */
    NUMBER_OF_NO_ROOM = 28,       /* ENOSPC */
};

/* What the server says about the data itself; everything that is in no table is UNAVAILABLE. */
static const unsigned int data_errors[] = {
    1048, /* column cannot be null */
    1118, /* row too large */
    1264, /* out of range */
    1265, /* data truncated */
    1292, /* truncated incorrect value */
    1300, /* invalid character string */
    1364, /* no default value */
    1366, /* incorrect string value */
    1367, /* illegal value */
    1406, /* data too long */
    1452, /* no such row in the table that a foreign key refers to */
    1644, /* SIGNAL in a trigger */
    1690, /* value out of range in an expression */
    3140, /* invalid JSON text */
    3819, /* check constraint, MySQL */
    4025, /* check constraint, MariaDB */
};
static const unsigned int conflict_errors[] = {
    1020, /* record has changed since last read (MariaDB) */
    1205, /* lock wait timeout: only the statement was rolled back */
    1213, /* deadlock, or a Galera transaction that failed certification */
    3572, /* lock not available at once */
};

/* The server is not the one to write to any more. */
static const unsigned int demotion_errors[] = {
    1290, /* --read-only, --super-read-only */
    1792, /* read-only transaction */
    1836, /* read-only mode */
};

static bool is_among(unsigned int code, const unsigned int codes[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

/* Class 45 is what a trigger raises by itself, under whichever number it likes. */
enum status mysql_error_classify(unsigned int code, const char *sqlstate)
{
    if (is_among(code, conflict_errors, sizeof conflict_errors / sizeof conflict_errors[0])) {
        return STATUS_CONFLICT;
    }
    if (is_among(code, data_errors, sizeof data_errors / sizeof data_errors[0]) ||
        strncmp(sqlstate, "45", 2) == 0) {
        return STATUS_INVALID;
    }
    return code == ERROR_DUPLICATE ? STATUS_ALREADY_EXISTS : STATUS_UNAVAILABLE;
}

bool mysql_error_is_of_own_key(const char *message)
{
    static const char *const keys[] = {"'PRIMARY'",
                                       "'orders.PRIMARY'",
                                       "'idempotency_keys.PRIMARY'",
                                       "'orders_archive.PRIMARY'",
                                       "'counters.PRIMARY'",
                                       "'id_blocks.PRIMARY'"};
    static const char english[] = "Duplicate entry ";
    const char *key = strrchr(message, ' ');
    if (key == NULL || strncmp(message, english, sizeof english - 1) != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(key + 1, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool mysql_error_is_demotion(unsigned int code)
{
    return is_among(code, demotion_errors, sizeof demotion_errors / sizeof demotion_errors[0]);
}

bool mysql_error_is_timeout(unsigned int code)
{
    return code == ERROR_TIMEOUT_MARIADB || code == ERROR_TIMEOUT_MYSQL;
}

/* The two that carry an error of the system say its number: "errno: 28", "error 28". */
static bool is_without_room(unsigned int code, const char *message)
{
    static const unsigned int of_the_system[] = {1026, 1030};
    return is_among(code, of_the_system, 2) &&
           (strstr(message, "errno: 28 ") != NULL || strstr(message, "error 28 ") != NULL);
}

const char *mysql_error_refusal(unsigned int code, const char *message)
{
    static const struct {
        unsigned int code;
        const char *reason;
    } refusals[] = {
        {ERROR_NO_DATABASE, STORE_NO_PRIVILEGE},
        {1142, STORE_NO_PRIVILEGE}, /* of a table */
        {1143, STORE_NO_PRIVILEGE}, /* of a column */
        {1227, STORE_NO_PRIVILEGE}, /* of the server */
        {1370, STORE_NO_PRIVILEGE}, /* of a routine, called by a trigger */
        {1054, STORE_NO_TABLE},     /* a column */
        {1146, STORE_NO_TABLE},
        {1021, STORE_NO_ROOM},
        {1114, STORE_NO_ROOM}, /* of a table */
        {3675, STORE_NO_ROOM}, /* of a tablespace */
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].code == code) {
            return refusals[i].reason;
        }
    }
    return is_without_room(code, message) ? STORE_NO_ROOM : NULL;
}

/* The account, which may be another one than the client has named. */
#define HOST "SUBSTRING_INDEX(CURRENT_USER(), '@', -1)"
static const char grant_sql[] =
    "SELECT CONCAT('`', REPLACE(DATABASE(), '`', '``'), '`.* TO ', QUOTE(LEFT(CURRENT_USER(), "
    "CHAR_LENGTH(CURRENT_USER()) - CHAR_LENGTH(" HOST ") - 1)), '@', QUOTE(" HOST "))";

static void add_grant(MYSQL *connection, const char *rights, char text[], size_t size)
{
    if (mysql_query(connection, grant_sql) != 0) {
        return;
    }
    MYSQL_RES *result = mysql_store_result(connection);
    MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
    if (row != NULL && row[0] != NULL) {
        snprintf(text, size, "; an administrator can run: GRANT %s ON %s", rights, row[0]);
    }
    mysql_free_result(result);
}

void mysql_error_describe(MYSQL *connection, const char *rights, char text[], size_t size)
{
    const char *refusal = mysql_error_refusal(mysql_errno(connection), mysql_error(connection));
    int len = snprintf(text, size, "%s", mysql_error(connection));
    if (refusal != NULL && strcmp(refusal, STORE_NO_PRIVILEGE) == 0 && len >= 0 &&
        (size_t)len < size) {
        add_grant(connection, rights, text + len, size - (size_t)len);
    }
}

/* "Access denied for user 'orders'@'%' to database 'orders'" names the account. */
static void describe_no_database(const char *message, char text[], size_t size)
{
    const char *user = strstr(message, " '");
    const char *to = user != NULL ? strstr(user, "' to ") : NULL;
    const char *database = to != NULL ? strstr(to, " database '") : NULL;
    size_t len = strlen(message);
    if (database == NULL || message[len - 1] != '\'') {
        snprintf(text, size, "%s", message);
        return;
    }
    const char *name = strchr(database, '\'') + 1;
    snprintf(text, size, "%s; an administrator can run: GRANT ALL ON `%.*s`.* TO %.*s", message,
             (int)(message + len - 1 - name), name, (int)(to - user), user + 1);
}

void mysql_error_describe_connection(MYSQL *connection, char text[], size_t size)
{
    static const unsigned int full[] = {
        1040, /* the server */
        1203, /* the user, by max_user_connections */
        1226, /* the user, by a resource of its own */
    };
    unsigned int code = mysql_errno(connection);
    if (code == ERROR_NO_DATABASE) {
        describe_no_database(mysql_error(connection), text, size);
        return;
    }
    snprintf(text, size, "%s%s", mysql_error(connection),
             is_among(code, full, sizeof full / sizeof full[0]) ? STORE_CONNECTIONS_HINT : "");
}
