/* SPDX-License-Identifier: MIT */
#include "tests/chaos/topology.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "tests/support/faketime.h"
#include "tests/support/free_port.h"
#include "tests/support/small_disk.h"
#include "tests/support/wait_until.h"

enum {
    SETTINGS_MAX = 8,
    SETTING_SIZE = 160,
    URL_SIZE = 256,
    READY_LIMIT_MS = 60000,
    SERVER_END_MS = 500
};

bool topology_has(const struct topology *topology, size_t service)
{
    return topology->is_alone ? service == 0 : service < TOPOLOGY_SERVICES;
}

bool topology_is_api(size_t service)
{
    return service < TOPOLOGY_APIS;
}

const char *topology_service_name(size_t service)
{
    static const char *const names[] = {"api 1", "api 2", "worker 1", "worker 2"};
    return names[service];
}

/* False: libfaketime is not installed. */
static bool find_faketime(char *path, size_t size)
{
    glob_t found;
    if (glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) != 0) {
        return false;
    }
    snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return true;
}

static size_t add_skew(int skew_s, char texts[][SETTING_SIZE])
{
    char faketime[SETTING_SIZE - sizeof "LD_PRELOAD="];
    cr_assert(find_faketime(faketime, sizeof faketime), "install libfaketime");
    snprintf(texts[0], SETTING_SIZE, "LD_PRELOAD=%s", faketime);
    snprintf(texts[1], SETTING_SIZE, "FAKETIME=%+ds", skew_s);
    snprintf(texts[2], SETTING_SIZE, FAKETIME_TRUE_MONOTONIC);
    snprintf(texts[3], SETTING_SIZE, FAKETIME_TRUE_WAITS);
    return 4;
}

/* `url` with the link's address, or unchanged where there is no link. */
static const char *url_through(const struct fault_proxy *link, const char *url, char text[URL_SIZE])
{
    if (link == NULL) {
        return url;
    }
    cr_assert(fault_proxy_url(link, url, text, URL_SIZE), "%s", url);
    return text;
}

static void remove_traces(struct topology *topology, size_t service)
{
    faketime_remove_traces(topology->skewed[service]);
    topology->skewed[service] = 0;
}

void topology_launch(struct topology *topology, size_t service)
{
    remove_traces(topology, service);
    char texts[SETTINGS_MAX][SETTING_SIZE];
    const char *others[SETTINGS_MAX + 1] = {NULL};
    size_t count = 0;
    if (topology_is_api(service)) {
        snprintf(texts[count++], SETTING_SIZE, "PORT=%u", (unsigned)topology->ports[service]);
    }
    if (topology->skew_s[service] != 0) {
        count += add_skew(topology->skew_s[service], texts + count);
    }
    for (size_t i = 0; i < count; i++) {
        others[i] = texts[i];
    }
    char database_url[URL_SIZE];
    char redis_url[URL_SIZE];
    const struct service_settings settings = {
        .folder = topology->database.folder,
        .database_url =
            url_through(topology->database_links[service], topology->database.url, database_url),
        .redis_url = topology->is_alone ? NULL
                                        : url_through(topology->redis_links[service],
                                                      topology->redis.url, redis_url),
        .delay_ms = TOPOLOGY_DELAY_MS,
        .others = others,
    };
    struct service *own = &topology->services[service];
    if (topology_is_api(service)) {
        service_launch_api(own, &settings);
    } else {
        service_launch_worker(own, &settings);
    }
    topology->skewed[service] = topology->skew_s[service] != 0 ? own->process.pid : 0;
    topology->was_started[service] = true;
}

/* Fails the test if a process has ended by itself. */
static void expect_alive(const struct topology *topology)
{
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        const struct process *process = &topology->services[i].process;
        if (process->pid != 0 && !process_is_running(process)) {
            process_print_log(process);
            cr_assert_fail("%s has ended by itself", topology_service_name(i));
        }
    }
}

/* Checks the clock by the hour in the service's log. */
static void expect_skew(const struct topology *topology, size_t service)
{
    char now[32];
    char before[32];
    time_t seconds = time(NULL) + topology->skew_s[service];
    strftime(now, sizeof now, "time=%Y-%m-%dT%H:", gmtime(&seconds));
    seconds -= READY_LIMIT_MS / 1000;
    strftime(before, sizeof before, "time=%Y-%m-%dT%H:", gmtime(&seconds));
    const struct process *process = &topology->services[service].process;
    cr_assert(process_log_contains(process, now) || process_log_contains(process, before),
              "the clock of %s is right", topology_service_name(service));
}

static bool server_has_ended(void *arg)
{
    return !process_is_running(arg);
}

/* The server may be about to end. */
void topology_revive_database(struct topology *topology)
{
    struct database *database = &topology->database;
    struct process *server =
        database->postgres.port != 0 ? &database->postgres.process : &database->mariadb.process;
    if (topology->disk_mb > 0 && server->pid != 0 &&
        wait_until(server_has_ended, server, SERVER_END_MS)) {
        process_wait_exit(server, SERVER_END_MS);
        database_restart(database);
    }
}

void topology_settle(struct topology *topology)
{
    topology_revive_database(topology);
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        struct process *process = &topology->services[i].process;
        if (!topology->was_started[i] || process->pid == 0) {
            continue;
        }
        if (!process_wait_line(process, "msg=ready", READY_LIMIT_MS)) {
            process_print_log(process);
            cr_assert_fail("%s is not ready", topology_service_name(i));
        }
        topology->was_started[i] = false;
        if (topology->skew_s[i] != 0) {
            expect_skew(topology, i);
        }
    }
    expect_alive(topology);
}

static void start_links(struct topology *topology)
{
    const struct database *database = &topology->database;
    bool is_postgres = database->postgres.port != 0;
    uint16_t port = is_postgres ? database->postgres.port : database->mariadb.port;
    for (size_t i = 0; i < TOPOLOGY_SERVICES && !topology->is_alone; i++) {
        topology->redis_links[i] = fault_proxy_start(topology->redis.port, FAULT_PLAIN);
        if (port != 0) {
            topology->database_links[i] =
                fault_proxy_start(port, is_postgres ? FAULT_POSTGRES : FAULT_MYSQL);
        }
    }
}

/*
 * AddressSanitizer stops a program that has another library loaded before its own. Here the order
 * does not matter: libfaketime allocates nothing that outlives a call.
 */
static void allow_preloading(void)
{
    char options[256];
    const char *given = getenv("ASAN_OPTIONS");
    snprintf(options, sizeof options, "%s%sverify_asan_link_order=0", given != NULL ? given : "",
             given != NULL ? ":" : "");
    setenv("ASAN_OPTIONS", options, 1);
}

void topology_start(struct topology *topology, const char *kind)
{
    allow_preloading();
    if (topology->disk_mb > 0) {
        small_disk_mount(topology->disk_mb);
    }
    database_start(&topology->database, kind);
    if (!topology->is_alone) {
        redis_server_start(&topology->redis);
    }
    start_links(topology);
    for (size_t i = 0; i < TOPOLOGY_APIS; i++) {
        topology->ports[i] = free_port();
    }
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology_has(topology, i)) {
            topology_launch(topology, i);
        }
    }
    topology_settle(topology);
}

void topology_stop_services(struct topology *topology)
{
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology->services[i].process.pid != 0) {
            process_stop_cleanly(&topology->services[i].process, SERVICE_STOP_MS);
        }
    }
}

struct fault_counts topology_link_counts(const struct topology *topology)
{
    struct fault_counts sum = {0};
    for (size_t i = 0; i < 2 * TOPOLOGY_SERVICES; i++) {
        struct fault_proxy *link =
            i % 2 == 0 ? topology->database_links[i / 2] : topology->redis_links[i / 2];
        if (link != NULL) {
            struct fault_counts counts = fault_proxy_counts(link);
            sum.accepted += counts.accepted;
            sum.commits += counts.commits;
            sum.eaten_oks += counts.eaten_oks;
            sum.eaten_commits += counts.eaten_commits;
            sum.late_commits += counts.late_commits;
            sum.late_answered += counts.late_answered;
            sum.late_lost += counts.late_lost;
            sum.half_closes += counts.half_closes;
            sum.resets += counts.resets;
            sum.cuts += counts.cuts;
        }
    }
    return sum;
}

void topology_discard(struct topology *topology)
{
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        process_discard(&topology->services[i].process);
        remove_traces(topology, i);
        fault_proxy_stop(topology->database_links[i]);
        fault_proxy_stop(topology->redis_links[i]);
    }
    redis_server_discard(&topology->redis);
    database_discard(&topology->database);
    small_disk_unmount();
}
