/* SPDX-License-Identifier: MIT */
/*
 * `order-api health` and `order-worker health`, which containers use to tell a service that works
 * from one that only runs.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/free_port.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum {
    LIMIT_MS = 20000,
    HUNG_LIMIT_MS = 5000, /* a hung server must not hang the command */
    SILENCE_MAX_S = 10,
    HESITATION_S = 6,
};

static struct temp_dir dir;
static struct mariadb_server mariadb;
static struct service api;
static struct service worker;
static struct service health; /* the command */
static char health_path[128];
static char health_setting[160];
static int peer = -1; /* a socket of the test's own */

static void start(void)
{
    temp_dir_create(&dir);
    snprintf(health_path, sizeof health_path, "%s/alive", dir.path);
    snprintf(health_setting, sizeof health_setting, "HEALTH_FILE=%s", health_path);
}

static void finish(void)
{
    if (peer >= 0) {
        close(peer);
    }
    process_discard(&health.process);
    process_discard(&api.process);
    process_discard(&worker.process);
    mariadb_server_discard(&mariadb);
    temp_dir_remove(&dir);
}

TestSuite(api_health, .init = start, .fini = finish, .timeout = 120);
TestSuite(worker_health, .init = start, .fini = finish, .timeout = 120);

/* The command ended with `code` and one line that has `words` in it. */
static void expect_verdict(int ended, int code, const char *words)
{
    char *said = process_log_read(&health.process);
    cr_expect_eq(ended, code, "it ended with %d: %s", ended, said);
    cr_expect_not_null(strstr(said, words), "not \"%s\": %s", words, said);
    cr_expect_eq(process_log_count(&health.process, "\n"), 1, "not one line: %s", said);
    free(said);
}

/* order-api health */

static void expect_api_at(const char *host, uint16_t port, int code, const char *words)
{
    char host_setting[64];
    char port_setting[16];
    snprintf(host_setting, sizeof host_setting, "HOST=%s", host);
    snprintf(port_setting, sizeof port_setting, "PORT=%u", port);
    const char *const settings[] = {host_setting, port_setting, NULL};
    expect_verdict(service_run(&health, false, "health", settings, dir.path), code, words);
}

static void expect_api(int code, const char *words)
{
    expect_api_at("127.0.0.1", api.port, code, words);
}

Test(api_health, an_api_that_is_ready_is_healthy)
{
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    expect_api(0, "ready\n");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    expect_api(1, "Connection refused");
}

Test(api_health, an_api_that_listens_on_every_address_is_asked_on_this_host)
{
    static const char *const everywhere[][2] = {{"HOST=0.0.0.0", NULL}, {"HOST=::", NULL}};
    for (size_t i = 0; i < 2; i++) {
        service_start_api(&api,
                          &(struct service_settings){.folder = dir.path, .others = everywhere[i]});
        expect_api_at(everywhere[i][0] + strlen("HOST="), api.port, 0, "ready\n");
        process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    }
}

Test(api_health, an_api_whose_database_is_away_is_not_and_the_reason_is_printed)
{
    mariadb_server_start(&mariadb);
    service_start_api(&api,
                      &(struct service_settings){.folder = dir.path, .database_url = mariadb.url});
    expect_api(0, "ready\n");
    mariadb_server_stop(&mariadb);
    expect_api(1, "503: the database does not answer");
    mariadb_server_restart(&mariadb);
    expect_api(0, "ready\n");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    mariadb_server_stop(&mariadb);
}

Test(api_health, an_api_that_hangs_is_not_and_hangs_nobody)
{
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    process_signal(&api.process, SIGSTOP);
    uint64_t begun_ms = wait_now_ms();
    expect_api(1, "hangs");
    cr_assert_lt(wait_now_ms() - begun_ms, HUNG_LIMIT_MS);
    process_signal(&api.process, SIGCONT);
    expect_api(0, "ready\n");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(api_health, where_nobody_listens_nothing_is_healthy)
{
    uint16_t port = free_port();
    char words[64];
    snprintf(words, sizeof words, "HOST=127.0.0.1 PORT=%u: Connection refused", port);
    expect_api_at("127.0.0.1", port, 1, words);
}

Test(api_health, a_host_that_cannot_be_looked_up_is_named)
{
    /* No server is asked for a name with a part longer than 63 characters (RFC 1035). */
    expect_api_at("0123456789012345678901234567890123456789012345678901234567890123", 1, 1,
                  "HOST: ");
}

Test(api_health, a_port_that_is_picked_at_start_cannot_be_asked)
{
    expect_api_at("127.0.0.1", 0, 2, "PORT: ");
}

/* Starts the command and answers its connection in its place. */
static void launch_against_the_test(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char port_setting[16];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0, "%m");
    cr_assert_eq(listen(listener, 1), 0, "%m");
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0, "%m");
    snprintf(port_setting, sizeof port_setting, "PORT=%u", ntohs(address.sin_port));
    const char *const settings[] = {port_setting, NULL};
    service_launch_bare(&health, false, "health", settings, dir.path);
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(peer, 0, "%m");
    close(listener);
}

Test(api_health, what_is_not_order_api_is_not_healthy)
{
    static const char greeting[] = "SSH-2.0-something\r\n";
    launch_against_the_test();
    cr_assert_eq(send(peer, greeting, sizeof greeting - 1, MSG_NOSIGNAL), sizeof greeting - 1);
    shutdown(peer, SHUT_WR);
    expect_verdict(process_wait_exit(&health.process, LIMIT_MS), 1, "does not answer as order-api");
}

static bool has_ended_while_bytes_trickle(void *arg)
{
    int *code = arg;
    send(peer, "x", 1, MSG_NOSIGNAL);
    *code = process_wait_exit(&health.process, 0);
    return *code != -1;
}

/* Each byte in time, the answer never: the deadline is for all of it. */
Test(api_health, an_answer_that_trickles_hangs_nobody)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    int code = -1;
    uint64_t begun_ms = wait_now_ms();
    launch_against_the_test();
    cr_assert_eq(send(peer, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
    cr_assert(wait_until(has_ended_while_bytes_trickle, &code, LIMIT_MS));
    cr_assert_lt(wait_now_ms() - begun_ms, HUNG_LIMIT_MS);
    expect_verdict(code, 1, "hangs");
}

/* order-worker health */

static void expect_worker(int code, const char *words)
{
    const char *const settings[] = {health_setting, NULL};
    expect_verdict(service_run(&health, true, "health", settings, dir.path), code, words);
}

static void start_worker(const char *database_url)
{
    const char *const others[] = {health_setting, NULL};
    service_start_worker(&worker, &(struct service_settings){.folder = dir.path,
                                                             .database_url = database_url,
                                                             .others = others});
}

/* How many seconds ago the worker has touched its file. */
static time_t silence_s(void)
{
    struct stat info;
    cr_assert_eq(stat(health_path, &info), 0, "%m");
    return time(NULL) - info.st_mtim.tv_sec;
}

static bool is_silent_for(void *arg)
{
    const time_t *seconds = arg;
    return silence_s() > *seconds;
}

static void wait_for_silence(time_t seconds)
{
    cr_assert(wait_until(is_silent_for, &seconds, LIMIT_MS), "it was touched %ld s ago",
              (long)silence_s());
}

static bool is_touched_again(void *arg)
{
    (void)arg;
    return silence_s() < SILENCE_MAX_S / 2;
}

Test(worker_health, a_worker_that_works_is_healthy_and_goes_on_being_so)
{
    static const struct timespec ages_ago[2];
    start_worker(NULL);
    expect_worker(0, "working\n");
    cr_assert_eq(utimensat(AT_FDCWD, health_path, ages_ago, 0), 0, "%m");
    cr_assert(wait_until(is_touched_again, NULL, LIMIT_MS));
    expect_worker(0, "working\n");
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
}

Test(worker_health, a_worker_that_has_stopped_leaves_no_file)
{
    start_worker(NULL);
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
    cr_assert_neq(access(health_path, F_OK), 0);
    expect_worker(1, health_path);
}

Test(worker_health, a_worker_that_was_killed_leaves_a_file_the_next_one_takes_over)
{
    start_worker(NULL);
    process_kill(&worker.process);
    cr_assert_eq(access(health_path, F_OK), 0);
    start_worker(NULL);
    expect_worker(0, "working\n");
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
    cr_assert_neq(access(health_path, F_OK), 0);
}

Test(worker_health, a_worker_that_hangs_is_not_healthy)
{
    start_worker(NULL);
    process_signal(&worker.process, SIGSTOP);
    wait_for_silence(HESITATION_S);
    expect_worker(0, "working\n");
    wait_for_silence(SILENCE_MAX_S);
    expect_worker(1, "no sign of life for 1");
    process_signal(&worker.process, SIGCONT);
    cr_assert(wait_until(is_touched_again, NULL, LIMIT_MS));
    expect_worker(0, "working\n");
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
}

Test(worker_health, a_worker_whose_database_hangs_is_not_healthy_until_it_goes_on)
{
    mariadb_server_start(&mariadb);
    start_worker(mariadb.url);
    expect_worker(0, "working\n");
    process_signal(&mariadb.process, SIGSTOP);
    wait_for_silence(SILENCE_MAX_S);
    expect_worker(1, "its database does not answer");
    process_signal(&mariadb.process, SIGCONT);
    cr_assert(wait_until(is_touched_again, NULL, LIMIT_MS));
    expect_worker(0, "working\n");
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
    mariadb_server_stop(&mariadb);
}

Test(worker_health, a_worker_that_waits_for_its_database_gives_no_sign_of_life)
{
    static const char away[] = "DATABASE_URL=mysql://user@127.0.0.1:1/orders";
    const char *const settings[] = {health_setting, away, NULL};
    service_launch_bare(&worker, true, NULL, settings, dir.path);
    cr_assert(process_wait_line(&worker.process, "127.0.0.1", LIMIT_MS), "it says what is away");
    cr_assert_neq(access(health_path, F_OK), 0);
    expect_worker(1, "No such file");
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
}

Test(worker_health, without_a_health_file_there_is_nothing_to_tell)
{
    int code = service_run(&health, true, "health", NULL, dir.path);
    expect_verdict(code, 2, "HEALTH_FILE: ");
}

Test(worker_health, a_file_that_cannot_be_made_ends_the_start_naming_the_setting)
{
    static const char *const settings[] = {"HEALTH_FILE=missing/alive", "LOG_LEVEL=warn", NULL};
    int code = service_run(&worker, true, NULL, settings, dir.path);
    cr_assert_eq(code, 1);
    cr_assert(process_log_contains(&worker.process, "HEALTH_FILE: "));
    cr_assert(process_log_contains(&worker.process, "missing/alive"));
    cr_assert_eq(process_log_count(&worker.process, "\n"), 1);
}
