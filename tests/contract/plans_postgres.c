/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL's auto_explain logs each statement as JSON: the plan, and how many rows each of its
 * nodes really had. The log is the output of the server's process.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/plans.h"
#include "tests/contract/store_fixture.h"

enum { FAULT_SIZE = 120 };

const char *const plans_expected[] = {"INSERT INTO idempotency_keys",
                                      "WITH moved AS (UPDATE orders SET status = 1",
                                      "FOR UPDATE SKIP LOCKED",
                                      "UPDATE orders SET status = 2",
                                      "SELECT id FROM orders WHERE status = 1",
                                      "SELECT CASE WHEN EXISTS",
                                      "JOIN orders o ON o.id = l.id",
                                      "UPDATE id_blocks",
                                      "FROM schema_versions",
                                      "orders_archive",
                                      "DELETE FROM idempotency_keys",
                                      "SELECT sum(created)",
                                      NULL};

static void run_as_superuser(const char *const statements[], size_t count)
{
    struct sql *admin = database_open_admin(&database);
    for (size_t i = 0; i < count; i++) {
        sql_execute(admin, statements[i]);
    }
    sql_close(admin);
}

void plans_freeze_statistics(void)
{
    static const char *const statements[] = {
        "ALTER TABLE orders SET (autovacuum_enabled = off)",
        "ALTER TABLE idempotency_keys SET (autovacuum_enabled = off)"};
    run_as_superuser(statements, 2);
}

void plans_analyze(void)
{
    static const char *const statements[] = {"ANALYZE orders, idempotency_keys, counters"};
    run_as_superuser(statements, 1);
}

void plans_start(void)
{
    static const char *const statements[] = {
        "LOAD 'auto_explain'", /* first, because its settings are unknown until it is loaded */
        "ALTER ROLE " POSTGRES_USER " SET session_preload_libraries = 'auto_explain'",
        "ALTER ROLE " POSTGRES_USER " SET auto_explain.log_min_duration = 0",
        "ALTER ROLE " POSTGRES_USER " SET auto_explain.log_analyze = on",
        "ALTER ROLE " POSTGRES_USER " SET auto_explain.log_timing = off",
        "ALTER ROLE " POSTGRES_USER " SET auto_explain.log_nested_statements = on",
        "ALTER ROLE " POSTGRES_USER " SET auto_explain.log_format = 'json'"};
    run_as_superuser(statements, sizeof statements / sizeof statements[0]);
}

static double number_of(const cJSON *node, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(node, name);
    return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

static const char *text_of(const cJSON *node, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, name));
    return text != NULL ? text : "";
}

static bool node_is_bad(const cJSON *node, char fault[FAULT_SIZE])
{
    const char *type = text_of(node, "Node Type");
    const char *table = text_of(node, "Relation Name");
    double loops = number_of(node, "Actual Loops");
    double rows = number_of(node, "Actual Rows") * loops;
    double read = rows + (number_of(node, "Rows Removed by Filter") +
                          number_of(node, "Rows Removed by Index Recheck")) *
                             loops;
    snprintf(fault, FAULT_SIZE, "%s of %.0f rows of %s", type, read, table);
    if (strstr(type, "Scan") != NULL && plans_is_large(table)) {
        return strcmp(type, "Seq Scan") == 0 || read > PLANS_ROWS_MAX;
    }
    return strstr(type, "Sort") != NULL && rows > PLANS_SORTED_MAX;
}

/* Node after node: an object with a type, its children in the array "Plans". */
static bool is_bad(const cJSON *node, char fault[FAULT_SIZE])
{
    if (node_is_bad(node, fault)) {
        return true;
    }
    const cJSON *child;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(node, "Plans"))
    {
        if (is_bad(child, fault)) {
            return true;
        }
    }
    return false;
}

void plans_read(void (*each)(const char *statement, const char *plan, const char *fault))
{
    static const char mark[] = " plan:\n";
    char *log = process_log_read(&database.postgres.process);
    for (const char *at = strstr(log, mark); at != NULL; at = strstr(at, mark)) {
        const char *end = NULL;
        at += strlen(mark);
        cJSON *entry = cJSON_ParseWithOpts(at, &end, false);
        cr_assert_not_null(entry, "no JSON: %.300s", at);
        char fault[FAULT_SIZE];
        const cJSON *plan = cJSON_GetObjectItemCaseSensitive(entry, "Plan");
        cr_assert_not_null(plan, "no plan: %.300s", at);
        char *shown = cJSON_Print(plan);
        each(text_of(entry, "Query Text"), shown, is_bad(plan, fault) ? fault : NULL);
        cJSON_free(shown);
        cJSON_Delete(entry);
        at = end;
    }
    free(log);
}
