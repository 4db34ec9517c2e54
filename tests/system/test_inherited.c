/* SPDX-License-Identifier: MIT */
/*
 * What a process has from whoever started it: descriptors, signals, the umask, and somebody at the
 * other end of standard error who may not read.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/free_port.h"
#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum { LIMIT_MS = 20000, LOG_SIZE = 256 * 1024 };

static struct temp_dir dir;
static struct service api;
static struct http_client *client;
static int reader = -1; /* of the API's standard error */

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    http_client_destroy(client);
    process_discard(&api.process);
    if (reader >= 0) {
        close(reader);
    }
    temp_dir_remove(&dir);
}

TestSuite(inherited, .init = start, .fini = finish, .timeout = 60);

static bool answers(void *arg)
{
    (void)arg;
    return http_get(client, "/readyz")->status == 200;
}

/* The port cannot be read from a log that nobody gets. */
static void start_from(const char *script)
{
    char port[16];
    api.port = free_port();
    snprintf(port, sizeof port, "PORT=%u", (unsigned)api.port);
    const char *const settings[] = {"API_CLIENT_ID=" SERVICE_CLIENT_ID,
                                    "API_CLIENT_SECRET=" SERVICE_CLIENT_SECRET, port, NULL};
    service_launch_from_shell(&api, script, settings, dir.path);
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    cr_assert(wait_until(answers, NULL, LIMIT_MS), "order-api does not serve");
}

static void expect_to_serve(void)
{
    for (int i = 0; i < 20; i++) {
        expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
        expect_metrics(http_get(client, "/metrics"));
    }
}

/* Also lines that come later, from every thread: the last database call of each fails. */
static void fail_the_database(void)
{
    char path[128];
    char moved[128];
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    snprintf(moved, sizeof moved, "%s/moved.db", dir.path);
    cr_assert_eq(rename(path, moved), 0, "%m");
    cr_assert_eq(http_post_order(client, EXPECT_GOOD_ORDER)->status, 503);
    cr_assert_eq(rename(moved, path), 0, "%m");
    cr_assert(wait_until(answers, NULL, LIMIT_MS));
}

Test(inherited, closed_descriptors_are_not_the_next_clients)
{
    start_from("exec \"$0\" <&- >&- 2>&-");
    expect_to_serve();
    fail_the_database();
    expect_to_serve();
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(inherited, a_log_that_nobody_reads_costs_lines_and_nothing_else)
{
    static char log[LOG_SIZE];
    static const char filler[4096] = "";
    char path[128];
    snprintf(path, sizeof path, "%s/log", dir.path);
    cr_assert_eq(mkfifo(path, 0600), 0, "%m");
    reader = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    cr_assert_geq(reader, 0, "%m");
    while (write(reader, filler, sizeof filler) > 0) {
    }
    start_from("exec \"$0\" 2>log");
    expect_to_serve();
    fail_the_database();
    expect_to_serve();
    while (read(reader, log, sizeof log) > 0) {
    }
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    ssize_t len = read(reader, log, sizeof log - 1);
    cr_assert_gt(len, 0);
    log[len] = '\0';
    cr_assert_not_null(strstr(log, "lines of it were dropped"), "%s", log);
    cr_assert_not_null(strstr(log, "msg=stopped"), "%s", log);
}

static void expect_modes(mode_t mode)
{
    static const char *const names[] = {"orders.db", "orders.db-wal", "orders.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", dir.path, names[i]);
        cr_assert_eq(stat(path, &info), 0, "%m");
        cr_assert_eq(info.st_mode & 0777, mode, "%s is %o", names[i], info.st_mode & 0777U);
    }
}

Test(inherited, the_files_of_the_database_are_their_owners_alone)
{
    start_from("umask 0; exec \"$0\"");
    expect_to_serve();
    expect_modes(0600);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* As two users of one group need it. */
Test(inherited, a_database_that_is_there_keeps_its_mode_and_gives_it_to_its_companions)
{
    start_from("umask 0; : >orders.db; chmod 0660 orders.db; exec \"$0\"");
    expect_to_serve();
    expect_modes(0660);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(inherited, sigterm_ends_it_also_where_it_was_ignored)
{
    start_from("trap '' TERM INT; exec \"$0\"");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(inherited, a_terminal_that_closes_ends_it_in_an_orderly_way)
{
    start_from("exec \"$0\"");
    expect_to_serve();
    cr_assert_eq(kill(api.process.pid, SIGHUP), 0);
    cr_assert_eq(process_wait_exit(&api.process, SERVICE_STOP_MS), 0);
    cr_assert(process_log_contains(&api.process, "msg=stopped signal=1"));
}

Test(inherited, under_nohup_it_goes_on)
{
    start_from("trap '' HUP; exec \"$0\"");
    cr_assert_eq(kill(api.process.pid, SIGHUP), 0);
    expect_to_serve();
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* The second does not cut off what the first has begun. */
Test(inherited, two_signals_at_once_are_one_stop)
{
    start_from("exec \"$0\"");
    expect_to_serve();
    cr_assert_eq(kill(api.process.pid, SIGTERM), 0);
    kill(api.process.pid, SIGTERM);
    kill(api.process.pid, SIGINT);
    kill(api.process.pid, SIGHUP);
    cr_assert_eq(process_wait_exit(&api.process, SERVICE_STOP_MS), 0);
    cr_assert_eq(process_log_count(&api.process, "msg=stopped"), 1);
}
