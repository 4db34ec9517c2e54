/* SPDX-License-Identifier: MIT */
/* What the services take while nobody wants anything of them. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/mariadb_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum {
    /* A second, of all threads together. None asks more than once; each answer is one more. */
    API_WAKE_UPS_MAX = 6,
    WORKER_WAKE_UPS_MAX = 12,
    BOTH_WAKE_UPS_MAX = 8, /* an API with its own processor */
    QUIET_S = 3,
    LIMIT_MS = 30000,
    RESIDENT_MAX_KB = 12 * 1024,
};

struct watch {
    const struct process *process;
    uint64_t per_second_max;
    uint64_t since_ms; /* 0: not yet */
    uint64_t wake_ups; /* at that time */
};

static struct temp_dir dir;
static struct mariadb_server mariadb;
static struct redis_server redis;
static struct service api;
static struct service worker;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    process_discard(&api.process);
    process_discard(&worker.process);
    redis_server_discard(&redis);
    mariadb_server_discard(&mariadb);
    temp_dir_remove(&dir);
}

TestSuite(idle, .init = start, .fini = finish, .timeout = 120);

static uint64_t count_of_thread(const char *tasks, const char *thread)
{
    char path[320];
    char line[256];
    uint64_t count = 0;
    snprintf(path, sizeof path, "%s/%s/status", tasks, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0; /* it has ended, or is no thread */
    }
    while (fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &count);
    }
    fclose(file);
    return count;
}

/* How often its threads went to sleep so far, which is how often they were woken. */
static uint64_t count_wake_ups(const struct process *process)
{
    char tasks[32];
    uint64_t count = 0;
    snprintf(tasks, sizeof tasks, "/proc/%d/task", (int)process->pid);
    DIR *threads = opendir(tasks);
    cr_assert_not_null(threads, "%s: %m", tasks);
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        count += count_of_thread(tasks, entry->d_name);
    }
    closedir(threads);
    return count;
}

/* For as long as QUIET_S. Begins anew when it was not; what a start leaves behind may pass. */
static bool has_been_quiet(void *arg)
{
    struct watch *watch = arg;
    uint64_t now_ms = wait_now_ms();
    uint64_t wake_ups = count_wake_ups(watch->process);
    if (watch->since_ms == 0 || wake_ups - watch->wake_ups > watch->per_second_max * QUIET_S) {
        watch->since_ms = now_ms;
        watch->wake_ups = wake_ups;
    }
    return now_ms - watch->since_ms >= QUIET_S * 1000;
}

/* A sanitizer's own memory says nothing about the service's. */
static void expect_little(const struct process *process, uint64_t wake_ups_max)
{
    struct watch watch = {.process = process, .per_second_max = wake_ups_max};
    cr_assert(wait_until(has_been_quiet, &watch, LIMIT_MS),
              "%s was woken more than %" PRIu64 " times a second", process->name, wake_ups_max);
    size_t kb = process_resident_kb(process);
    cr_assert(service_is_sanitized() || kb < RESIDENT_MAX_KB, "%s: %zu KB are resident",
              process->name, kb);
}

Test(idle, the_pair_sleeps_in_little_memory)
{
    mariadb_server_start(&mariadb);
    redis_server_start(&redis);
    const struct service_settings settings = {.folder = dir.path,
                                              .database_url = mariadb.url,
                                              .redis_url = redis.url};
    service_start_api(&api, &settings);
    service_start_worker(&worker, &settings);
    expect_little(&api.process, API_WAKE_UPS_MAX);
    expect_little(&worker.process, WORKER_WAKE_UPS_MAX);
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(idle, an_api_by_itself_sleeps_in_little_memory)
{
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    expect_little(&api.process, BOTH_WAKE_UPS_MAX);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
