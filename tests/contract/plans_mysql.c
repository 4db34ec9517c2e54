/* SPDX-License-Identifier: MIT */
/*
 * The server logs every statement to its slow query log: how many rows it really read and sorted,
 * and on MariaDB also the plan, as EXPLAIN shows it. On MySQL the test runs EXPLAIN afterwards,
 * when the rows are nearly the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/plans.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

#define ENTRY "# User@Host: "
#define LAST_STATEMENT "SELECT SUM(created)"

enum { PATH_SIZE = 160, FIELDS = 4, FAULT_SIZE = 80, KINDS = 4 };

const char *const plans_expected[] = {"INSERT INTO idempotency_keys",
                                      "FROM idempotency_keys",
                                      "INSERT INTO orders",
                                      "UPDATE orders FORCE INDEX (PRIMARY) SET status = 1",
                                      "UPDATE orders FORCE INDEX (PRIMARY) SET status = 2",
                                      " AND status = 0 ORDER BY id FOR UPDATE",
                                      "due_at <= UTC_TIMESTAMP(6) ORDER BY id FOR UPDATE",
                                      "ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED",
                                      "ORDER BY due_at LIMIT 1001",
                                      "SELECT CASE WHEN EXISTS",
                                      "SELECT id, client_id, status FROM orders",
                                      "SELECT TIMESTAMPDIFF",
                                      "duration_us = duration_us +",
                                      "UPDATE id_blocks",
                                      "FROM schema_versions",
                                      "orders_archive",
                                      "DELETE k FROM idempotency_keys",
                                      LAST_STATEMENT,
                                      NULL};

static char path[PATH_SIZE];

static void run_as_root(const char *const statements[], size_t count)
{
    struct sql *admin = database_open_admin(&database);
    for (size_t i = 0; i < count; i++) {
        sql_execute(admin, statements[i]);
    }
    sql_close(admin);
}

void plans_freeze_statistics(void)
{
    static const char *const statements[] = {"ALTER TABLE orders STATS_AUTO_RECALC = 0",
                                             "ALTER TABLE idempotency_keys STATS_AUTO_RECALC = 0"};
    run_as_root(statements, 2);
}

void plans_analyze(void)
{
    static const char *const statements[] = {"ANALYZE TABLE orders, idempotency_keys, counters"};
    run_as_root(statements, 1);
}

void plans_start(void)
{
    char set_path[PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/plans.log", database.folder);
    snprintf(set_path, sizeof set_path, "SET GLOBAL slow_query_log_file = '%s'", path);
    const char *const statements[] = {set_path, "SET GLOBAL log_output = 'FILE'",
                                      mariadb_server_is_mysql()
                                          ? "SET GLOBAL log_slow_extra = 1"
                                          : "SET GLOBAL log_slow_verbosity = 'query_plan,explain'",
                                      "SET GLOBAL long_query_time = 0",
                                      "SET GLOBAL slow_query_log = 1"};
    run_as_root(statements, sizeof statements / sizeof statements[0]);
}

/* The caller frees it. */
static char *read_log(void)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s: %m", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    char *text = calloc(1, (size_t)size + 1);
    cr_assert_not_null(text);
    rewind(file);
    cr_assert_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

/* The server writes to the log after it has answered. */
static bool last_statement_is_written(void *arg)
{
    (void)arg;
    char *log = read_log();
    const char *at = strstr(log, LAST_STATEMENT);
    bool written = at != NULL && strchr(at, '\n') != NULL;
    free(log);
    return written;
}

/* `line`: a line of the plan with id, select_type, table, type, ... separated by tabs. */
static bool is_full_scan(const char *line)
{
    char fields[FIELDS][64];
    if (sscanf(line, "# explain: %63[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t\n]", fields[0], fields[1],
               fields[2], fields[3]) != FIELDS) {
        return false;
    }
    bool is_source = strcmp(fields[1], "INSERT") != 0; /* for inserted rows the type is ALL */
    return is_source && plans_is_large(fields[2]) &&
           (strcmp(fields[3], "ALL") == 0 || strcmp(fields[3], "index") == 0);
}

static bool mariadb_scans(const char *entry)
{
    for (const char *line = strstr(entry, "# explain: "); line != NULL;
         line = strstr(line + 1, "# explain: ")) {
        if (is_full_scan(line)) {
            return true;
        }
    }
    return false;
}

static bool can_be_explained(const char *statement)
{
    static const char *const kinds_of[KINDS] = {"SELECT ", "INSERT ", "UPDATE ", "DELETE "};
    for (size_t i = 0; i < KINDS; i++) {
        if (strncmp(statement, kinds_of[i], strlen(kinds_of[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* For inserted rows the type is ALL, here too. */
static bool mysql_scans(struct sql *admin, const char *statement)
{
    static const char explain[] = "EXPLAIN FORMAT=JSON INTO @plan ";
    if (!can_be_explained(statement)) {
        return false;
    }
    size_t size = sizeof explain + strlen(statement);
    char *text = malloc(size);
    cr_assert_not_null(text);
    snprintf(text, size, "%s%s", explain, statement);
    sql_execute(admin, text);
    free(text);
    return sql_integer(admin, "SELECT COUNT(*) FROM JSON_TABLE(@plan, '$**.table' COLUMNS ("
                              "name VARCHAR(64) PATH '$.table_name', "
                              "how VARCHAR(64) PATH '$.access_type', "
                              "target BOOLEAN PATH '$.insert')) t "
                              "WHERE name IN ('orders', 'idempotency_keys') "
                              "AND how IN ('ALL', 'index') AND target IS NULL") > 0;
}

static unsigned long long number_behind(const char *entry, const char *name)
{
    const char *found = strstr(entry, name);
    return found != NULL ? strtoull(found + strlen(name), NULL, 10) : 0;
}

/* `entry`: the part of the log about one statement. */
static const char *find_fault(const char *entry, bool scans, char fault[FAULT_SIZE])
{
    unsigned long long rows = number_behind(entry, "Rows_examined: ");
    bool sorts = strstr(entry, "Filesort: Yes") != NULL || number_behind(entry, "Sort_rows: ") > 0;
    if (scans) {
        return "reads a whole table or index";
    }
    if (rows > PLANS_ROWS_MAX || (sorts && rows > PLANS_SORTED_MAX)) {
        snprintf(fault, FAULT_SIZE, "%s %llu rows", sorts ? "sorts" : "reads", rows);
        return fault;
    }
    return NULL;
}

/* `admin`: NULL if the log itself has the plans. */
static void read_entry(const char *entry, struct sql *admin,
                       void (*each)(const char *statement, const char *plan, const char *fault))
{
    char fault[FAULT_SIZE];
    const char *statement = strstr(entry, "SET timestamp=");
    if (strncmp(entry, ENTRY MARIADB_USER "[", strlen(ENTRY MARIADB_USER "[")) != 0 ||
        statement == NULL) {
        return;
    }
    statement = strchr(statement, '\n');
    cr_assert_not_null(statement);
    statement++;
    bool scans = admin != NULL ? mysql_scans(admin, statement) : mariadb_scans(entry);
    each(statement, entry, find_fault(entry, scans, fault));
}

/* In the format that has all tables under the same name. */
static struct sql *open_for_explaining(void)
{
    struct sql *admin = database_open_admin(&database);
    sql_execute(admin, "SET SESSION explain_json_format_version = 1");
    return admin;
}

/* Each begins with who has sent the statement; before that MySQL writes when, in a line of its own.
 */
void plans_read(void (*each)(const char *statement, const char *plan, const char *fault))
{
    static const char *const ends[] = {"\n# Time: ", "\n" ENTRY};
    cr_assert(wait_until(last_statement_is_written, NULL, LIMIT_MS));
    struct sql *admin = mariadb_server_is_mysql() ? open_for_explaining() : NULL;
    char *log = read_log();
    for (char *entry = strstr(log, ENTRY); entry != NULL;) {
        char *next = strstr(entry + 1, ENTRY);
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            char *end = strstr(entry, ends[i]);
            if (end != NULL && (next == NULL || end < next)) {
                *end = '\0';
            }
        }
        read_entry(entry, admin, each);
        entry = next;
    }
    free(log);
    sql_close(admin);
}
