/* SPDX-License-Identifier: MIT */
#include "tests/support/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

enum { START_LIMIT_MS = 30000, SETTINGS_MAX = 32, SETTING_SIZE = 1200, ARGUMENTS_MAX = 8 };

struct setting_list {
    char text[8][SETTING_SIZE];
    const char *entries[SETTINGS_MAX];
    size_t count;
};

/*
 * Of the build this is, or of the build folder that ORDERS_TEST_BUILD names, so that the same tests
 * can be put before other programs.
 */
static const char *program(bool worker)
{
    static char path[1024];
    const char *build = getenv("ORDERS_TEST_BUILD");
    if (build == NULL) {
        return worker ? ORDER_WORKER_PATH : ORDER_API_PATH;
    }
    snprintf(path, sizeof path, "%s/%s", build,
             worker ? "worker-service/order-worker" : "api-service/order-api");
    return path;
}

static void add(struct setting_list *list, const char *name, const char *value)
{
    char *text = list->text[list->count];
    int len = snprintf(text, SETTING_SIZE, "%s=%s", name, value);
    cr_assert_lt(len, SETTING_SIZE, "%s is too long", name);
    list->entries[list->count++] = text;
}

static void make_settings(struct setting_list *list, const struct service_settings *settings)
{
    list->count = 0;
    add(list, "API_CLIENT_ID", SERVICE_CLIENT_ID);
    add(list, "API_CLIENT_SECRET", SERVICE_CLIENT_SECRET);
    add(list, "PORT", "0");
    if (settings->database_url != NULL) {
        add(list, "DATABASE_URL", settings->database_url);
    }
    if (settings->redis_url != NULL) {
        add(list, "REDIS_URL", settings->redis_url);
    }
    if (settings->delay_ms != 0) {
        char number[16];
        snprintf(number, sizeof number, "%u", settings->delay_ms);
        add(list, "PROCESSING_DELAY_MS", number);
    }
}

/* Of two settings with one name only the later may be there: which one counts is undefined. */
static void override(struct setting_list *list, const char *setting)
{
    size_t name_len = strcspn(setting, "=") + 1;
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->entries[i], setting, name_len) == 0) {
            list->entries[i] = setting;
            return;
        }
    }
    cr_assert_lt(list->count, SETTINGS_MAX - 1);
    list->entries[list->count++] = setting;
}

static void launch(struct service *service, const char *path,
                   const struct service_settings *settings)
{
    struct setting_list list;
    make_settings(&list, settings);
    for (size_t i = 0; settings->others != NULL && settings->others[i] != NULL; i++) {
        override(&list, settings->others[i]);
    }
    list.entries[list.count] = NULL;
    const char *const argv[] = {path, NULL};
    process_start(&service->process, argv, list.entries, settings->folder);
}

void service_launch_api(struct service *service, const struct service_settings *settings)
{
    launch(service, program(false), settings);
}

void service_launch_worker(struct service *service, const struct service_settings *settings)
{
    launch(service, program(true), settings);
}

void service_wait_api(struct service *service)
{
    long port = process_wait_number(&service->process, "msg=ready port=", START_LIMIT_MS);
    cr_assert(port > 0 && port <= UINT16_MAX, "order-api is not ready: port %ld", port);
    service->port = (uint16_t)port;
}

void service_start_api(struct service *service, const struct service_settings *settings)
{
    service_launch_api(service, settings);
    service_wait_api(service);
}

void service_start_worker(struct service *service, const struct service_settings *settings)
{
    service_launch_worker(service, settings);
    cr_assert(process_wait_line(&service->process, "msg=ready", START_LIMIT_MS),
              "order-worker is not ready");
}

void service_launch_bare(struct service *service, bool worker, const char *argument,
                         const char *const settings[], const char *folder)
{
    const char *const argv[] = {program(worker), argument, NULL};
    process_start(&service->process, argv, settings, folder);
}

void service_launch_from_shell(struct service *service, const char *script,
                               const char *const settings[], const char *folder)
{
    const char *const argv[] = {"/bin/sh", "-c", script, program(false), NULL};
    process_start(&service->process, argv, settings, folder);
}

int service_run(struct service *service, bool worker, const char *argument,
                const char *const settings[], const char *folder)
{
    service_launch_bare(service, worker, argument, settings, folder);
    return process_wait_exit(&service->process, START_LIMIT_MS);
}

void service_launch_command(struct service *service, const char *const arguments[],
                            const char *const settings[], const char *folder)
{
    const char *argv[ARGUMENTS_MAX + 2] = {program(false)};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        cr_assert_lt(i, ARGUMENTS_MAX);
        argv[i + 1] = arguments[i];
    }
    process_start(&service->process, argv, settings, folder);
}

int service_run_command(struct service *service, const char *const arguments[],
                        const char *const settings[], const char *folder)
{
    service_launch_command(service, arguments, settings, folder);
    return process_wait_exit(&service->process, START_LIMIT_MS);
}

bool service_is_sanitized(void)
{
    return ORDERS_SANITIZED;
}
