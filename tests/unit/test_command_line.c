/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/command_line.h"
#include "tests/support/temp_dir.h"

enum { TEXT_SIZE = 8192, FIRST_CODE = 0, SECOND_CODE = 7 };

static struct temp_dir dir;
static int first_runs;
static int second_runs;
static struct config seen;
static char said[TEXT_SIZE]; /* on both outputs */

static int run_first(struct config *config)
{
    first_runs++;
    seen = *config;
    return FIRST_CODE;
}

static int run_second(struct config *config)
{
    second_runs++;
    seen = *config;
    return SECOND_CODE;
}

static const struct command commands[] = {
    {"first", "does the first thing", run_first},
    {"second", "does the second thing", run_second},
};

/* Settings are read from the environment and the working folder: neither is the developer's. */
static void setup(void)
{
    temp_dir_create(&dir);
    cr_assert_eq(chdir(dir.path), 0);
    clearenv();
}

static void teardown(void)
{
    temp_dir_remove(&dir);
}

TestSuite(command_line, .init = setup, .fini = teardown);

static int run(int argc, char *argv[])
{
    int outputs[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    int memory = memfd_create("said", MFD_CLOEXEC);
    fflush(NULL);
    dup2(memory, STDOUT_FILENO);
    dup2(memory, STDERR_FILENO);
    int code = command_line_run(CONFIG_API, commands, 2, argc, argv);
    fflush(NULL);
    dup2(outputs[0], STDOUT_FILENO);
    dup2(outputs[1], STDERR_FILENO);
    ssize_t len = pread(memory, said, sizeof said - 1, 0);
    cr_assert_geq(len, 0);
    said[len] = '\0';
    close(memory);
    close(outputs[0]);
    close(outputs[1]);
    return code;
}

/* NULL arguments are left out. */
static int run_with(const char *first, const char *second)
{
    char copies[3][32] = {"order-api", "", ""};
    char *argv[4] = {copies[0]};
    int argc = 1;
    if (first != NULL) {
        snprintf(copies[1], sizeof copies[1], "%s", first);
        argv[argc++] = copies[1];
    }
    if (second != NULL) {
        snprintf(copies[2], sizeof copies[2], "%s", second);
        argv[argc++] = copies[2];
    }
    return run(argc, argv);
}

static void check_refused(const char *first, const char *second, const char *named)
{
    cr_expect_eq(run_with(first, second), EXIT_USAGE);
    cr_expect_eq(strncmp(said, "order-api: ", 11), 0, "%s", said);
    cr_expect_not_null(strstr(said, named), "%s", said);
    const char *line_end = strchr(said, '\n');
    cr_expect(line_end != NULL && line_end[1] == '\0', "not one line: %s", said);
    cr_expect_eq(first_runs + second_runs, 0, "nothing was run");
}

Test(command_line, without_an_argument_the_first_command_runs)
{
    cr_assert_eq(run_with(NULL, NULL), FIRST_CODE);
    cr_assert_eq(first_runs, 1);
    cr_assert_eq(second_runs, 0);
    cr_assert_str_eq(said, "");
}

Test(command_line, a_program_started_without_even_its_name_runs_the_first_command)
{
    char *argv[] = {NULL};
    cr_assert_eq(run(0, argv), FIRST_CODE);
    cr_assert_eq(first_runs, 1);
}

Test(command_line, a_command_runs_by_its_name_and_gives_the_exit_code)
{
    cr_assert_eq(run_with("second", NULL), SECOND_CODE);
    cr_assert_eq(second_runs, 1);
    cr_assert_eq(run_with("first", NULL), FIRST_CODE);
    cr_assert_eq(first_runs, 1);
}

Test(command_line, a_command_gets_the_settings)
{
    setenv("PROCESSING_DELAY_MS", "77", 1);
    cr_assert_eq(run_with("second", NULL), SECOND_CODE);
    cr_assert_eq(seen.processing_delay_ms, 77);
    cr_assert_str_eq(seen.redis_queue, "orders:pending");
}

Test(command_line, a_wrong_setting_keeps_a_command_from_running)
{
    setenv("PROCESSING_DELAY_MS", "soon", 1);
    check_refused("second", NULL, "PROCESSING_DELAY_MS");
    check_refused(NULL, NULL, "PROCESSING_DELAY_MS");
}

Test(command_line, an_unknown_command_is_refused_in_one_line)
{
    check_refused("third", NULL, "third");
    check_refused("--port=1", NULL, "--port=1");
    check_refused("", NULL, "--help");
    check_refused("firs", NULL, "firs");
    check_refused("first ", NULL, "first ");
}

Test(command_line, a_second_argument_is_refused_in_one_line)
{
    check_refused("first", "now", "now");
    check_refused("--help", "first", "first");
}

Test(command_line, help_lists_the_commands_and_the_settings_and_runs_nothing)
{
    setenv("PROCESSING_DELAY_MS", "soon", 1);
    cr_assert_eq(run_with("--help", NULL), EXIT_SUCCESS);
    cr_assert_not_null(strstr(said, "  first "), "%s", said);
    cr_assert_not_null(strstr(said, "does the first thing (the default)\n"), "%s", said);
    cr_assert_not_null(strstr(said, "  second "), "%s", said);
    cr_assert_not_null(strstr(said, "does the second thing\n"), "%s", said);
    cr_assert_not_null(strstr(said, "  PROCESSING_DELAY_MS "), "%s", said);
    cr_assert_null(strstr(said, "HEALTH_FILE"), "that is the worker's");
    cr_assert_eq(first_runs + second_runs, 0);
}

Test(command_line, version_names_the_program_and_runs_nothing)
{
    cr_assert_eq(run_with("--version", NULL), EXIT_SUCCESS);
    cr_assert_eq(strncmp(said, "order-api ", 10), 0, "%s", said);
    cr_assert_eq(first_runs + second_runs, 0);
}
