/* SPDX-License-Identifier: MIT */
/*
 * SQLite calls a trace function after each statement. An automatic extension installs it on every
 * connection that the program opens. EXPLAIN QUERY PLAN of the same text shows the plan, which does
 * not depend on the parameters.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/plans.h"
#include "tests/contract/store_fixture.h"

enum { STATEMENTS_MAX = 64, PLAN_SIZE = 1000, FAULT_SIZE = 80 };

const char *const plans_expected[] = {"INSERT INTO idempotency_keys",
                                      "FROM idempotency_keys",
                                      "INSERT INTO orders",
                                      "SET status = 1, started_at = max(?2",
                                      "SET status = 1, started_at = max(?1",
                                      "SET status = 2",
                                      "SELECT id FROM orders",
                                      "SELECT CASE WHEN EXISTS",
                                      "SELECT status FROM orders",
                                      "UPDATE counters",
                                      "UPDATE id_blocks",
                                      "FROM schema_versions",
                                      "orders_archive",
                                      "DELETE FROM idempotency_keys",
                                      "SELECT sum(created)",
                                      NULL};

/* Distinct statements, and the most full-scan steps that one run of each took. */
static struct {
    char *text;
    int scan_steps;
} statements[STATEMENTS_MAX];
static size_t statement_count;

static int record(unsigned int event, void *context, void *statement, void *time)
{
    (void)event;
    (void)context;
    (void)time;
    const char *text = sqlite3_sql(statement);
    int steps = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    size_t i = 0;
    while (i < statement_count && strcmp(statements[i].text, text) != 0) {
        i++;
    }
    if (i == statement_count) {
        cr_assert_lt(statement_count, STATEMENTS_MAX);
        statements[statement_count++].text = strdup(text);
    }
    statements[i].scan_steps = steps > statements[i].scan_steps ? steps : statements[i].scan_steps;
    return 0;
}

static int on_connection(sqlite3 *connection, char **error, const void *routines)
{
    (void)error;
    (void)routines;
    return sqlite3_trace_v2(connection, SQLITE_TRACE_PROFILE, record, NULL);
}

void plans_freeze_statistics(void)
{
    /* SQLite makes statistics only on request. */
}

/* As an operator may do; the program never does. */
void plans_analyze(void)
{
    struct sql *sql = open_sql();
    sql_execute(sql, "ANALYZE");
    sql_close(sql);
}

void plans_start(void)
{
    /* Called with the arguments of an extension's entry point, whatever the type says. */
    cr_assert_eq(sqlite3_auto_extension((void (*)(void))on_connection), SQLITE_OK);
}

/* One line a step, such as "SEARCH orders USING INTEGER PRIMARY KEY (rowid=?)". */
static void explain(sqlite3 *connection, const char *text, char plan[PLAN_SIZE])
{
    sqlite3_stmt *steps = NULL;
    char *query = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", text);
    cr_assert_eq(sqlite3_prepare_v2(connection, query, -1, &steps, NULL), SQLITE_OK, "%s: %s",
                 query, sqlite3_errmsg(connection));
    plan[0] = '\0';
    while (sqlite3_step(steps) == SQLITE_ROW) {
        size_t len = strlen(plan);
        snprintf(plan + len, PLAN_SIZE - len, "%s\n", (const char *)sqlite3_column_text(steps, 3));
    }
    sqlite3_finalize(steps);
    sqlite3_free(query);
}

static const char *find_fault(const char *plan, int scan_steps, char fault[FAULT_SIZE])
{
    for (const char *scan = strstr(plan, "SCAN "); scan != NULL; scan = strstr(scan + 1, "SCAN ")) {
        char table[64];
        if (sscanf(scan, "SCAN %63[a-z_]", table) == 1 && plans_is_large(table)) {
            return "reads a whole table or index";
        }
    }
    if (strstr(plan, "TEMP B-TREE") != NULL) {
        return "sorts";
    }
    if (scan_steps > PLANS_ROWS_MAX) {
        snprintf(fault, FAULT_SIZE, "takes %d steps through all of a table", scan_steps);
        return fault;
    }
    return NULL;
}

/* Transactions and settings have no plan, and schema statements need no check. */
static bool has_plan(const char *text)
{
    static const char *const kinds[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(text, kinds[i], strlen(kinds[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Only the name matters to a plan. */
static void now_us(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    (void)arguments;
    sqlite3_result_int64(context, 0);
}

void plans_read(void (*each)(const char *statement, const char *plan, const char *fault))
{
    sqlite3 *connection = NULL;
    sqlite3_reset_auto_extension();
    cr_assert_eq(sqlite3_open(database.file, &connection), SQLITE_OK);
    cr_assert_eq(sqlite3_create_function(connection, "now_us", 0, SQLITE_UTF8, NULL, now_us, NULL,
                                         NULL),
                 SQLITE_OK);
    for (size_t i = 0; i < statement_count; i++) {
        char plan[PLAN_SIZE] = "";
        char fault[FAULT_SIZE];
        if (has_plan(statements[i].text)) {
            explain(connection, statements[i].text, plan);
        }
        each(statements[i].text, plan, find_fault(plan, statements[i].scan_steps, fault));
        free(statements[i].text);
    }
    sqlite3_close(connection);
}
