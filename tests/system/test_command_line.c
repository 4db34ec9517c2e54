/* SPDX-License-Identifier: MIT */
/* The command line of both programs: the version, the help and what it says of each setting. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

enum { LIMIT_MS = 20000, SETTINGS_MAX = 32 };

static struct temp_dir dir;
static struct service service;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    process_discard(&service.process);
    temp_dir_remove(&dir);
}

TestSuite(command_line, .init = start, .fini = finish, .timeout = 60);

/* One line: the version, and the commit in parentheses where the build knows it. */
static void expect_version(bool worker, const char *start)
{
    cr_assert_eq(service_run(&service, worker, "--version", NULL, dir.path), 0);
    char *line = process_log_read(&service.process);
    cr_assert_eq(strncmp(line, start, strlen(start)), 0, "%s", line);
    const char *rest = line + strlen(start);
    cr_assert(strcmp(rest, "\n") == 0 || strncmp(rest, " (", 2) == 0, "%s", line);
    cr_assert_eq(process_log_count(&service.process, "\n"), 1);
    free(line);
}

/* That it is the right commit: unit.version. */
Test(command_line, version_is_printed)
{
    expect_version(false, "order-api " ORDERS_VERSION);
    expect_version(true, "order-worker " ORDERS_VERSION);
}

Test(command_line, help_needs_no_good_settings)
{
    static const char *const settings[] = {"DATABASE_URL=nonsense", NULL};
    cr_assert_eq(service_run(&service, false, "--help", settings, dir.path), 0);
    cr_assert(process_log_contains(&service.process, "Usage: order-api"));
    cr_assert_eq(service_run(&service, true, "--help", settings, dir.path), 0);
    cr_assert(process_log_contains(&service.process, "Usage: order-worker"));
}

Test(command_line, other_spellings_of_help_and_version_mean_the_same)
{
    static const char *const helps[] = {"-h", "help"};
    static const char *const versions[] = {"-V", "version"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(service_run(&service, false, helps[i], NULL, dir.path), 0);
        cr_assert(process_log_contains(&service.process, "Usage: order-api"), "%s", helps[i]);
        cr_assert_eq(service_run(&service, true, versions[i], NULL, dir.path), 0);
        cr_assert(process_log_contains(&service.process, "order-worker " ORDERS_VERSION), "%s",
                  versions[i]);
    }
    static const char *const arguments[] = {"archive", "-h", NULL};
    cr_assert_eq(service_run_command(&service, arguments, NULL, dir.path), 0);
    cr_assert(process_log_contains(&service.process, "--before"));
}

Test(command_line, a_service_may_be_started_by_its_command)
{
    static const char *const settings[] = {"PORT=0", NULL};
    service_launch_bare(&service, false, "serve", settings, dir.path);
    service_wait_api(&service);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    service_launch_bare(&service, true, "work", NULL, dir.path);
    cr_assert(process_wait_line(&service.process, "msg=ready", LIMIT_MS));
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(command_line, an_unknown_argument_ends_the_start)
{
    cr_assert_eq(service_run(&service, false, "--port=1", NULL, dir.path), 2);
    cr_assert(process_log_contains(&service.process, "--port=1"));
    cr_assert_eq(service_run(&service, true, "serve", NULL, dir.path), 2);
    cr_assert(process_log_contains(&service.process, "serve"));
}

struct setting {
    char name[64];
    char value[128];
};

/* "  NAME   meaning" and, on the next line, "(default: value)". */
static size_t read_help(bool worker, struct setting settings[SETTINGS_MAX])
{
    size_t count = 0;
    cr_assert_eq(service_run(&service, worker, "--help", NULL, dir.path), 0);
    char *help = process_log_read(&service.process);
    for (const char *line = help; line != NULL && count < SETTINGS_MAX;) {
        struct setting *setting = &settings[count];
        const char *next = strchr(line, '\n');
        setting->value[0] = '\0';
        if (next != NULL && strncmp(line, "  ", 2) == 0 && isupper((unsigned char)line[2])) {
            cr_assert_eq(sscanf(line, " %63s", setting->name), 1);
            cr_assert_eq(sscanf(next + 1, " (default: %127[^)])", setting->value), 1, "%s", line);
            if (strcmp(setting->value, "none") == 0) {
                setting->value[0] = '\0';
            }
            count++;
        }
        line = next != NULL ? next + 1 : NULL;
    }
    free(help);
    return count;
}

static size_t read_example(struct setting settings[SETTINGS_MAX])
{
    char line[256];
    size_t count = 0;
    FILE *file = fopen(ENV_EXAMPLE_PATH, "r");
    cr_assert_not_null(file, "%s: %m", ENV_EXAMPLE_PATH);
    while (fgets(line, sizeof line, file) != NULL && count < SETTINGS_MAX) {
        settings[count].value[0] = '\0';
        if (line[0] != '#' &&
            sscanf(line, "%63[A-Z_]=%127[^\n]", settings[count].name, settings[count].value) >= 1) {
            count++;
        }
    }
    fclose(file);
    return count;
}

static const struct setting *find(const struct setting settings[], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

/* The settings of both programs; those they share are the same in both. */
static size_t read_both_helps(struct setting settings[SETTINGS_MAX])
{
    struct setting worker[SETTINGS_MAX];
    size_t count = read_help(false, settings);
    size_t worker_count = read_help(true, worker);
    size_t shared = 0;
    for (size_t i = 0; i < worker_count; i++) {
        const struct setting *same = find(settings, count, worker[i].name);
        if (same != NULL) {
            cr_expect_str_eq(same->value, worker[i].value, "%s", same->name);
            shared++;
        } else {
            cr_assert_lt(count, SETTINGS_MAX);
            settings[count++] = worker[i];
        }
    }
    cr_assert_geq(shared, 7);
    return count;
}

Test(command_line, help_and_the_example_file_agree)
{
    struct setting help[SETTINGS_MAX];
    struct setting example[SETTINGS_MAX];
    size_t help_count = read_both_helps(help);
    size_t example_count = read_example(example);
    cr_assert_geq(help_count, 12);
    cr_assert_eq(example_count, help_count);
    for (size_t i = 0; i < help_count; i++) {
        const struct setting *same = find(example, example_count, help[i].name);
        cr_assert_not_null(same, "%s is not in .env.example", help[i].name);
        if (strncmp(help[i].name, "API_CLIENT_", 11) != 0) {
            cr_expect_str_eq(same->value, help[i].value, "%s is %s in .env.example, not %s",
                             help[i].name, same->value, help[i].value);
        }
    }
}

Test(command_line, help_shows_each_program_its_own_settings_and_commands)
{
    struct setting settings[SETTINGS_MAX];
    size_t count = read_help(false, settings);
    cr_assert_not_null(find(settings, count, "PORT"));
    cr_assert_null(find(settings, count, "HEALTH_FILE"));
    cr_assert(process_log_contains(&service.process, "\n  serve "));
    cr_assert(process_log_contains(&service.process, "\n  health "));
    count = read_help(true, settings);
    cr_assert_null(find(settings, count, "PORT"));
    cr_assert_not_null(find(settings, count, "HEALTH_FILE"));
    cr_assert(process_log_contains(&service.process, "\n  work "));
    cr_assert(process_log_contains(&service.process, "\n  health "));
}
