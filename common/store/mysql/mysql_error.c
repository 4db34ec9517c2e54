/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_error.h"

#include <stddef.h>
#include <string.h>

enum {
    ERROR_DUPLICATE = 1062,       /* a row with this key exists */
    ERROR_TIMEOUT_MARIADB = 1969, /* max_statement_time */
    ERROR_TIMEOUT_MYSQL = 3024,   /* max_execution_time */
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

bool mysql_error_is_demotion(unsigned int code)
{
    return is_among(code, demotion_errors, sizeof demotion_errors / sizeof demotion_errors[0]);
}

bool mysql_error_is_timeout(unsigned int code)
{
    return code == ERROR_TIMEOUT_MARIADB || code == ERROR_TIMEOUT_MYSQL;
}
