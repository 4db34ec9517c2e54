/* SPDX-License-Identifier: MIT */
/* What a service does, and says, while its database is not there yet. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "tests/support/mariadb_server.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

enum { LIMIT_MS = 20000 };

static struct temp_dir dir;
static struct service service;
static struct mariadb_server mariadb;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    process_discard(&service.process);
    mariadb_server_discard(&mariadb);
    temp_dir_remove(&dir);
}

TestSuite(startup, .init = start, .fini = finish, .timeout = 60);

static void wait_for_a_database_that_is_away(bool worker)
{
    static const char *const settings[] = {"PORT=0", "DATABASE_URL=mysql://user@127.0.0.1:1/orders",
                                           NULL};
    service_launch_bare(&service, worker, NULL, settings, dir.path);
    cr_assert(process_wait_line(&service.process, "operation=connect", LIMIT_MS));
}

Test(startup, an_api_told_to_stop_while_it_waits_for_its_database_has_not_failed)
{
    wait_for_a_database_that_is_away(false);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    cr_assert_not(process_log_contains(&service.process, "level=error"));
    cr_assert(process_log_contains(&service.process, "msg=stopped signal=15"));
}

Test(startup, a_worker_told_to_stop_while_it_waits_for_its_database_has_not_failed)
{
    wait_for_a_database_that_is_away(true);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    cr_assert_not(process_log_contains(&service.process, "level=error"));
    cr_assert(process_log_contains(&service.process, "msg=stopped signal=15"));
}

/* What is wrong, in which setting, and where. */

static void expect_one_line_with(const char *setting, const char *place, const char *error)
{
    char where[256];
    snprintf(where, sizeof where, "%s where=\"%s\" error=\"%s", setting, place, error);
    cr_assert(process_wait_line(&service.process, where, LIMIT_MS), "no \"%s\"", where);
    cr_assert(process_wait_line(&service.process, " until=20", LIMIT_MS));
    cr_assert_eq(process_log_count(&service.process, "cannot be used yet"), 1);
}

Test(startup, a_folder_that_is_missing_is_named_and_waited_for)
{
    static const char *const settings[] = {"PORT=0", "DATABASE_URL=sqlite:///missing/a.db", NULL};
    char folder[128];
    char file[160];
    snprintf(folder, sizeof folder, "%s/missing", dir.path);
    snprintf(file, sizeof file, "file %s/a.db", folder);
    service_launch_bare(&service, false, NULL, settings, dir.path);
    expect_one_line_with("setting=DATABASE_URL from=environment", file, "the folder");
    cr_assert_eq(mkdir(folder, 0700), 0, "%m");
    service_wait_api(&service);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir.path, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%m");
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

Test(startup, a_wrong_password_from_a_file_is_told_without_it)
{
    static const char *const settings[] = {"DATABASE_URL_FILE=secret-url", NULL};
    char url[128];
    char place[128];
    mariadb_server_start(&mariadb);
    snprintf(url, sizeof url, "mysql://orders:not-the-password@127.0.0.1:%u/orders", mariadb.port);
    snprintf(place, sizeof place, "host 127.0.0.1, port %u, user orders, database orders",
             mariadb.port);
    write_file("secret-url", url);
    service_launch_bare(&service, true, NULL, settings, dir.path);
    expect_one_line_with("setting=DATABASE_URL_FILE from=environment", place, "Access denied");
    cr_assert_not(process_log_contains(&service.process, "not-the-password"));
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    mariadb_server_stop(&mariadb);
}

Test(startup, a_database_that_is_unknown_is_named)
{
    char setting[160];
    char place[128];
    mariadb_server_start(&mariadb);
    snprintf(place, sizeof place, "host 127.0.0.1, port %u, user orders, database orders_",
             mariadb.port);
    snprintf(setting, sizeof setting, "DATABASE_URL=%s_\n", mariadb.url);
    write_file(".env", setting);
    service_launch_bare(&service, true, NULL, NULL, dir.path);
    expect_one_line_with("setting=DATABASE_URL from=.env", place, "");
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    mariadb_server_stop(&mariadb);
}

/* Waiting would not help. The server is a new one that says it is an old one. */
Test(startup, a_server_that_is_too_old_ends_the_start_at_once_with_both_versions)
{
    char setting[160];
    const char *settings[] = {"PORT=0", setting, NULL};
    mariadb.options[0] = "--version=10.5.9-MariaDB";
    mariadb_server_start(&mariadb);
    snprintf(setting, sizeof setting, "DATABASE_URL=%s", mariadb.url);
    for (int worker = 0; worker < 2; worker++) {
        cr_assert_eq(service_run(&service, worker != 0, NULL, settings, dir.path), 1);
        cr_assert(
            process_log_contains(&service.process,
                                 "MariaDB 10.5.9 is too old; the oldest that works is 10.6.0"));
        cr_assert(process_log_contains(&service.process, "so this program ends"));
        cr_assert_not(process_log_contains(&service.process, "cannot be used yet"));
    }
    mariadb_server_stop(&mariadb);
}
