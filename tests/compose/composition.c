/* SPDX-License-Identifier: MIT */
#include "tests/compose/composition.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/free_port.h"
#include "tests/support/wait_until.h"

enum { COMMAND_SIZE = 2048, COMMAND_LIMIT_MS = 400000, HEALTHY_LIMIT_MS = 120000 };

static const char *const passed_on[] = {"DOCKER_HOST",      "DOCKER_CONTEXT",    "DOCKER_CONFIG",
                                        "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_BUILDKIT",
                                        "COMPOSE",          "COMPOSE_V2",        "BASE_IMAGE",
                                        "API_IMAGE",        "WORKER_IMAGE",      "MYSQL_IMAGE",
                                        "REDIS_IMAGE",      "POSTGRES_IMAGE",    "HOME"};
enum { PASSED_ON = sizeof passed_on / sizeof passed_on[0] };

static const char *required(const char *variable)
{
    const char *value = getenv(variable);
    cr_assert(value != NULL && *value != '\0', "%s is not set: run this by with-engine", variable);
    return value;
}

void composition_create(struct composition *composition, const char *compose_variable,
                        const char *env_file)
{
    composition->compose = required(compose_variable);
    temp_dir_create(&composition->dir);
    /* An empty file, so that a developer's own .env does not come in. */
    temp_dir_write(&composition->dir, "empty.env", "");
    composition->env_file = env_file;
    composition->revision = "first";
    snprintf(composition->project, sizeof composition->project, "orders-test-%d", (int)getpid());
    composition->port = free_port();
    do {
        composition->postgres_port = free_port();
    } while (composition->postgres_port == composition->port);
}

/* Runs a shell command to its end; its output is the process's log. Returns the exit code. */
static int run_shell(struct composition *composition, const char *command)
{
    char entries[PASSED_ON + 4][1024];
    const char *settings[PASSED_ON + 5];
    size_t count = 0;
    for (size_t i = 0; i < PASSED_ON; i++) {
        const char *value = getenv(passed_on[i]);
        if (value != NULL) {
            snprintf(entries[count++], sizeof entries[0], "%s=%s", passed_on[i], value);
        }
    }
    snprintf(entries[count++], sizeof entries[0], "COMPOSE_PROJECT_NAME=%s", composition->project);
    snprintf(entries[count++], sizeof entries[0], "PORT=%d", composition->port);
    snprintf(entries[count++], sizeof entries[0], "POSTGRES_PORT=%d", composition->postgres_port);
    snprintf(entries[count++], sizeof entries[0], "REVISION=%s", composition->revision);
    for (size_t i = 0; i < count; i++) {
        settings[i] = entries[i];
    }
    settings[count] = NULL;
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    process_start(&composition->command, argv, settings, CHECKOUT_PATH);
    return process_wait_exit(&composition->command, COMMAND_LIMIT_MS);
}

static void run_or_fail(struct composition *composition, const char *command)
{
    int code = run_shell(composition, command);
    if (code != 0) {
        process_print_log(&composition->command);
    }
    cr_assert_eq(code, 0, "exit code %d of: %s", code, command);
}

/* Compose's own options, which go before its command. */
static void prepend_compose(const struct composition *composition, char command[COMMAND_SIZE])
{
    char env_file[128];
    snprintf(env_file, sizeof env_file, "%s/empty.env", composition->dir.path);
    snprintf(command, COMMAND_SIZE, "%s --env-file %s ", composition->compose,
             composition->env_file != NULL ? composition->env_file : env_file);
}

void composition_run(struct composition *composition, const char *format, ...)
{
    char command[COMMAND_SIZE];
    prepend_compose(composition, command);
    size_t len = strlen(command);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command + len, sizeof command - len, format, arguments);
    va_end(arguments);
    run_or_fail(composition, command);
}

const char *composition_ask(struct composition *composition, const char *format, ...)
{
    char command[COMMAND_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    run_or_fail(composition, command);
    char *log = process_log_read(&composition->command);
    snprintf(composition->output, sizeof composition->output, "%s", log);
    free(log);
    size_t len = strlen(composition->output);
    if (len > 0 && composition->output[len - 1] == '\n') {
        composition->output[len - 1] = '\0';
    }
    return composition->output;
}

/* The engine's own filters: the two Composes say the same in different words. */
#define OF_SERVICE                                                                                 \
    "--filter label=com.docker.compose.project=%s --filter label=com.docker.compose.service=%s"

static size_t count_lines(const char *text)
{
    size_t count = *text != '\0';
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

size_t composition_healthy(struct composition *composition, const char *service)
{
    return count_lines(composition_ask(composition,
                                       "docker ps -q --filter health=healthy " OF_SERVICE,
                                       composition->project, service));
}

static size_t running(struct composition *composition, const char *service)
{
    return count_lines(
        composition_ask(composition, "docker ps -q " OF_SERVICE, composition->project, service));
}

struct expectation {
    struct composition *composition;
    const char *service;
    size_t count;
};

static bool is_met(void *arg)
{
    const struct expectation *expected = arg;
    return composition_healthy(expected->composition, expected->service) == expected->count &&
           running(expected->composition, expected->service) == expected->count;
}

void composition_wait_healthy(struct composition *composition, const char *service, size_t count)
{
    struct expectation expected = {.composition = composition, .service = service, .count = count};
    if (!wait_until(is_met, &expected, HEALTHY_LIMIT_MS)) {
        composition_run(composition, "logs --no-color --tail 20");
        process_print_log(&composition->command);
        cr_assert_fail("not %zu healthy %s", count, service);
    }
}

const char *composition_container(struct composition *composition, const char *service)
{
    return composition_ask(composition, "docker ps -q " OF_SERVICE " | head -n 1",
                           composition->project, service);
}

void composition_crash(struct composition *composition, const char *service)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%s",
             composition_ask(composition,
                             "docker inspect -f '{{.State.Pid}}' $(docker ps -q " OF_SERVICE
                             " | head -n 1)",
                             composition->project, service));
    /* From a container, as the engine may run on another kernel than this test. */
    composition_ask(
        composition,
        "docker run --rm --pid=host --user 0 --entrypoint sh \"$API_IMAGE\" -c 'kill -9 %s'", pid);
}

void composition_discard(struct composition *composition)
{
    char command[COMMAND_SIZE];
    if (composition->project[0] == '\0') {
        return;
    }
    if (composition->command.pid != 0) {
        process_kill(&composition->command);
    }
    prepend_compose(composition, command);
    size_t len = strlen(command);
    snprintf(command + len, sizeof command - len,
             "--profile postgres down --volumes --remove-orphans");
    int code = run_shell(composition, command);
    if (code != 0) {
        process_print_log(&composition->command);
    }
    process_discard(&composition->command);
    temp_dir_remove(&composition->dir);
    composition->project[0] = '\0';
}
