/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_error.h"

#include <stdio.h>
#include <string.h>

#include "common/store/store_backend.h"

#define NO_PRIVILEGE "42501"
#define NO_SCHEMA "3F000" /* one that may not be used counts as not there */
#define TOO_MANY_CONNECTIONS " 53300: "
#define WHERE_IN_THE_SERVER "\nLOCATION:" /* always in English: the programs set no locale */

/* Classes are the first two characters of an SQLSTATE. */
enum status postgres_error_classify(const char *sqlstate)
{
    static const char *const conflicts[] = {
        "40001", /* serialization failure */
        "40P01", /* deadlock */
        "55P03", /* lock timeout */
    };
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++) {
        if (strcmp(sqlstate, conflicts[i]) == 0) {
            return STATUS_CONFLICT;
        }
    }
    if (strcmp(sqlstate, "23505") == 0) { /* a row with this key exists */
        return STATUS_ALREADY_EXISTS;
    }
    static const char *const data[] = {
        "22", /* bad data */
        "23", /* a constraint */
        "44", /* WITH CHECK OPTION of a view */
        "45", /* what a trigger raises under a code of its own, by custom */
        "54", /* more than a limit of the program, such as that of a row of an index */
        "P0", /* RAISE EXCEPTION in a trigger */
    };
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        if (strncmp(sqlstate, data[i], 2) == 0) {
            return STATUS_INVALID;
        }
    }
    return STATUS_UNAVAILABLE;
}

bool postgres_error_is_of_own_key(const PGresult *result)
{
    static const char *const keys[] = {"orders_pkey", "idempotency_keys_pkey",
                                       "orders_archive_pkey", "counters_pkey", "id_blocks_pkey"};
    const char *key = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (key != NULL && strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool postgres_error_is_demotion(const char *sqlstate)
{
    return strcmp(sqlstate, "25006") == 0; /* read-only transaction */
}

const char *postgres_error_refusal(const char *sqlstate)
{
    static const struct {
        const char *sqlstate;
        const char *reason;
    } refusals[] = {
        {NO_PRIVILEGE, STORE_NO_PRIVILEGE}, {NO_SCHEMA, STORE_NO_PRIVILEGE},
        {"42P01", STORE_NO_TABLE},          {"42703", STORE_NO_TABLE}, /* a column */
        {"53100", STORE_NO_ROOM},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(sqlstate, refusals[i].sqlstate) == 0) {
            return refusals[i].reason;
        }
    }
    return NULL;
}

/* Row level security hides rows from a user who may read and write the table. */
static bool is_row_security(const PGresult *result)
{
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    return function != NULL && strcmp(function, "check_enable_rls") == 0;
}

/* What the services need, and what else the operation does. */
static const char *rights(const char *operation)
{
    bool deletes = strstr(operation, "archive") != NULL || strstr(operation, "old keys") != NULL;
    return deletes ? "SELECT, INSERT, UPDATE, DELETE" : "SELECT, INSERT, UPDATE";
}

void postgres_error_describe(const PGresult *result, const struct postgres_names *names,
                             const char *operation, char text[], size_t size)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool is_right = strcmp(sqlstate, NO_PRIVILEGE) == 0;
    const char *schema = names->schema[0] != '\0' ? names->schema : "public";
    if (strcmp(sqlstate, "22012") == 0) { /* division by zero: how postgres_insert.c says that */
        primary = "a rule or a trigger of the table orders leaves an order out";
    }
    int len = snprintf(text, size, "%s %s", sqlstate, primary);
    if (len < 0 || (size_t)len >= size || names->user[0] == '\0') {
        return;
    }
    text += len;
    size -= (size_t)len;
    len = 0;
    if (is_row_security(result)) {
        len = snprintf(text, size, "; an administrator can run: ALTER ROLE %s BYPASSRLS",
                       names->user);
    } else if (strcmp(sqlstate, NO_SCHEMA) == 0 || (is_right && names->is_migrating)) {
        len = snprintf(text, size,
                       "; an administrator can run: GRANT USAGE, CREATE ON SCHEMA %s TO %s", schema,
                       names->user);
    } else if (is_right) {
        len = snprintf(text, size,
                       "; an administrator can run: GRANT %s ON ALL TABLES IN SCHEMA %s TO %s",
                       rights(operation), schema, names->user);
    }
    if (len < 0 || (size_t)len >= size) { /* half of it could be another statement */
        text[0] = '\0';
    }
}

void postgres_error_describe_connection(const PGconn *connection, char text[], size_t size)
{
    const char *said = PQerrorMessage(connection);
    const char *hint = strstr(said, TOO_MANY_CONNECTIONS) != NULL ? STORE_CONNECTIONS_HINT : "";
    const char *where = strstr(said, WHERE_IN_THE_SERVER);
    size_t len = where != NULL ? (size_t)(where - said) : strlen(said);
    while (len > 0 && said[len - 1] == '\n') {
        len--;
    }
    snprintf(text, size, "%.*s%s", (int)len, said, hint);
    for (char *end = text; (end = strpbrk(end, "\n\t")) != NULL;) {
        *end = ' ';
    }
}
