/* SPDX-License-Identifier: MIT */
/* Bringing the schema up to date: by whoever starts, by the command, by many at once. */
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/service.h"
#include "tests/system/any_database.h"

enum {
    PROCESSES = 10,
    APIS = 5,       /* the others are workers */
    HOLD_MS = 6000, /* longer than a connection's limits */
    LIMIT_MS = 30000,
};

static struct service services[PROCESSES];
static struct service command;

static void finish(void)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        process_discard(&services[i].process);
    }
    process_discard(&command.process);
    any_database_discard();
}

TestSuite(migrate, .init = any_database_start, .fini = finish, .timeout = 150);

/* NULL: no option. */
static int migrate(const char *option)
{
    const char *const arguments[] = {"migrate", option, NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    return service_run_command(&command, arguments, settings, any_database_folder());
}

static bool says(const char *text)
{
    return process_log_contains(&command.process, text);
}

static void expect_one_row_for_each_step(void)
{
    int64_t steps = any_database_ask("SELECT count(*) FROM schema_versions");
    cr_assert_geq(steps, 1);
    cr_assert_eq(any_database_ask("SELECT count(DISTINCT version) FROM schema_versions"), steps);
    cr_assert_eq(any_database_ask("SELECT min(version) FROM schema_versions"), 1);
    cr_assert_eq(any_database_ask("SELECT max(version) FROM schema_versions"), steps);
}

Test(migrate, ten_processes_that_start_on_an_empty_database_all_become_ready)
{
    const struct service_settings settings = {.folder = any_database_folder(),
                                              .database_url = any_database_url()};
    size_t steps_applied = 0;
    for (size_t i = 0; i < PROCESSES; i++) {
        if (i < APIS) {
            service_launch_api(&services[i], &settings);
        } else {
            service_launch_worker(&services[i], &settings);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        cr_assert(process_wait_line(&services[i].process, "msg=ready", LIMIT_MS), "process %zu", i);
        steps_applied += process_log_count(&services[i].process, "schema step applied");
    }
    expect_one_row_for_each_step();
    cr_assert_eq((int64_t)steps_applied, any_database_ask("SELECT count(*) FROM schema_versions"));
    for (size_t i = 0; i < PROCESSES; i++) {
        process_stop_cleanly(&services[i].process, SERVICE_STOP_MS);
    }
}

Test(migrate, the_command_makes_the_schema_and_says_so)
{
    cr_assert_eq(migrate(NULL), 0);
    cr_assert(says("applied step 1: orders\n"));
    cr_assert(says("the database has version "));
    expect_one_row_for_each_step();
    cr_assert_eq(migrate(NULL), 0);
    cr_assert(says("nothing to do: the database has version "));
    cr_assert_not(says("applied step"));
    expect_one_row_for_each_step();
}

Test(migrate, a_dry_run_prints_what_would_be_done_and_does_nothing)
{
    cr_assert_eq(migrate("--dry-run"), 0);
    cr_assert(says("-- step 1: orders\n"));
    cr_assert(says("CREATE TABLE"));
    cr_assert_eq(any_database_count_tables(), 0);
    cr_assert_eq(migrate(NULL), 0);
    cr_assert_eq(migrate("--dry-run"), 0);
    cr_assert(says("-- nothing to do"));
    cr_assert_not(says("CREATE TABLE"));
}

Test(migrate, the_status_tells_what_is_pending_and_what_was_applied_when)
{
    cr_assert_eq(migrate("--status"), 1);
    cr_assert(says("database: version 0\n"));
    cr_assert(says("       1  orders                   pending\n"));
    cr_assert_eq(any_database_count_tables(), 0);
    cr_assert_eq(migrate(NULL), 0);
    cr_assert_eq(migrate("--status"), 0);
    cr_assert(says("       1  orders                   applied 20"));
    cr_assert_not(says("pending"));
}

static void expect_refused(bool worker)
{
    const char *const settings[] = {any_database_setting(), "PORT=0", NULL};
    cr_expect_eq(service_run(&command, worker, NULL, settings, any_database_folder()), 1);
    cr_expect(says("schema is newer than this program"));
}

Test(migrate, a_schema_newer_than_the_program_is_refused_by_all)
{
    cr_assert_eq(migrate(NULL), 0);
    any_database_execute(any_database_is("sqlite")
                             ? "INSERT INTO schema_versions VALUES (60, 'later', 1000000)"
                             : "INSERT INTO schema_versions VALUES (60, 'later', '2026-01-02')");
    expect_refused(false);
    expect_refused(true);
    cr_assert_eq(migrate(NULL), 1);
    cr_assert(says("schema is newer than this program"));
    cr_assert_eq(migrate("--dry-run"), 1);
    cr_assert(says("schema has version 60"));
    cr_assert_eq(migrate("--status"), 1);
    cr_assert(says("database: version 60\n"));
    cr_assert(says("      60  of a newer program       applied "));
}

static const char *hold_lock(void)
{
    if (any_database_is("mysql")) {
        return "SELECT GET_LOCK('orders:orders', 0)";
    }
    return any_database_is("postgres") ? "SELECT pg_advisory_lock(x'6f7264657273'::bigint)"
                                       : "BEGIN IMMEDIATE";
}

/* Another process is at a step that takes its time. */
Test(migrate, a_migration_waits_for_another_longer_than_a_connections_limits)
{
    struct sql *other = any_database_open_sql();
    sql_execute(other, hold_lock());
    const char *const settings[] = {any_database_setting(), NULL};
    service_launch_bare(&command, false, "migrate", settings, any_database_folder());
    cr_assert_eq(process_wait_exit(&command.process, HOLD_MS), -1, "it did not wait");
    sql_close(other);
    cr_assert_eq(process_wait_exit(&command.process, LIMIT_MS), 0);
    cr_assert(says("applied step 1: orders\n"));
    expect_one_row_for_each_step();
}

Test(migrate, looking_at_a_database_that_is_away_is_reported_in_one_line)
{
    static const char *const options[] = {"--status", "--dry-run"};
    for (size_t i = 0; i < 2; i++) {
        const char *const arguments[] = {"migrate", options[i], NULL};
        const char *const settings[] = {any_database_setting_away(), "LOG_LEVEL=error", NULL};
        int code = service_run_command(&command, arguments, settings, any_database_folder());
        if (any_database_is("sqlite")) {
            /* A file that is not there is an empty database, and stays away. */
            cr_assert_eq(code, i == 0 ? 1 : 0);
            cr_assert_eq(chdir(any_database_folder()), 0);
            cr_assert_eq(access("away.db", F_OK), -1);
        } else {
            cr_assert_eq(code, 1);
            cr_assert(says("order-api migrate: DATABASE_URL: "));
            cr_assert_eq(process_log_count(&command.process, "\n"), 1);
        }
    }
}

Test(migrate, of_two_ways_to_look_one_is_to_be_chosen)
{
    const char *const arguments[] = {"migrate", "--status", "--dry-run", NULL};
    const char *const settings[] = {any_database_setting(), NULL};
    cr_assert_eq(service_run_command(&command, arguments, settings, any_database_folder()), 2);
    cr_assert_eq(process_log_count(&command.process, "\n"), 1);
}
