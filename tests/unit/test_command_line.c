/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/program/command_line.h"
#include "common/program/version.h"
#include "tests/support/temp_dir.h"

enum { TEXT_SIZE = 8192, FIRST_CODE = 0, SECOND_CODE = 7, THIRD_CODE = 9, ARGUMENTS_MAX = 8 };

static struct temp_dir dir;
static int first_runs;
static int second_runs;
static struct config seen;
static char said[TEXT_SIZE]; /* on both outputs */
static char seen_color[32];
static bool color_given;
static bool quick_given;
static char seen_operand[32];

static int run_first(struct config *config, const struct command_call *call)
{
    (void)call;
    first_runs++;
    seen = *config;
    return FIRST_CODE;
}

static int run_second(struct config *config, const struct command_call *call)
{
    const char *color = command_line_option(call, "--color");
    color_given = color != NULL;
    snprintf(seen_color, sizeof seen_color, "%s", color_given ? color : "");
    quick_given = command_line_option(call, "--quick") != NULL;
    second_runs++;
    seen = *config;
    return SECOND_CODE;
}

static int run_third(struct config *config, const struct command_call *call)
{
    (void)config;
    snprintf(seen_operand, sizeof seen_operand, "%s", command_line_operand(call));
    quick_given = command_line_option(call, "--quick") != NULL;
    return THIRD_CODE;
}

static const char *check_color(const char *text)
{
    return strcmp(text, "red") == 0 || strcmp(text, "blue=1") == 0 ? NULL : "must be red";
}

static const struct command_option second_options[] = {
    {.name = "--color", .value = "COLOR", .summary = "paints it", .check = check_color},
    {.name = "--quick", .summary = "hurries"},
    {.name = NULL},
};

static const struct command_option third_options[] = {
    {.name = "--quick", .summary = "hurries"},
    {.name = NULL},
};

static const struct command commands[] = {
    {.name = "first", .summary = "does the first thing", .run = run_first},
    {.name = "second",
     .summary = "does the second thing",
     .run = run_second,
     .options = second_options},
    {.name = "third",
     .summary = "does the third thing",
     .run = run_third,
     .options = third_options,
     .operand = "FILE"},
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
    int code = command_line_run(CONFIG_API, commands, 3, argc, argv);
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

/* The arguments end with a NULL. */
static int run_all(const char *const arguments[])
{
    char copies[ARGUMENTS_MAX][32] = {"order-api"};
    char *argv[ARGUMENTS_MAX + 1] = {copies[0]};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++) {
        cr_assert_lt(argc, ARGUMENTS_MAX);
        snprintf(copies[argc], sizeof copies[argc], "%s", arguments[argc - 1]);
        argv[argc] = copies[argc];
    }
    return run(argc, argv);
}

/* NULL arguments are left out. */
static int run_with(const char *first, const char *second)
{
    return run_all((const char *const[]){first, second, NULL});
}

static void expect_refused(int code, const char *named)
{
    cr_expect_eq(code, EXIT_USAGE);
    cr_expect_eq(strncmp(said, "order-api", 9), 0, "%s", said);
    cr_expect_not_null(strstr(said, named), "%s", said);
    const char *line_end = strchr(said, '\n');
    cr_expect(line_end != NULL && line_end[1] == '\0', "not one line: %s", said);
    cr_expect_eq(first_runs + second_runs, 0, "nothing was run");
}

static void check_refused(const char *first, const char *second, const char *named)
{
    expect_refused(run_with(first, second), named);
}

/* Of the command that has options. */
static void check_option_refused(const char *first, const char *second, const char *third,
                                 const char *named)
{
    expect_refused(run_all((const char *const[]){"second", first, second, third, NULL}), named);
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

Test(command_line, what_is_no_option_of_the_command_is_refused_in_one_line)
{
    check_refused("first", "now", "now");
    check_refused("first", "--quick", "--quick");
    check_refused("--help", "first", "first");
    check_refused("--quick", "second", "--quick");
    check_option_refused("--qui", NULL, NULL, "--qui is not an option");
    check_option_refused("--quicker", NULL, NULL, "--quicker is not an option");
    check_option_refused("quick", NULL, NULL, "quick is not an option");
    check_option_refused("", NULL, NULL, "is not an option");
    check_option_refused("--quick", "second", NULL, "second is not an option");
}

Test(command_line, options_reach_the_command)
{
    cr_assert_eq(run_with("second", NULL), SECOND_CODE);
    cr_assert(!color_given && !quick_given);
    cr_assert_eq(run_with("second", "--quick"), SECOND_CODE);
    cr_assert(!color_given && quick_given);
    cr_assert_eq(run_all((const char *const[]){"second", "--color", "red", "--quick", NULL}),
                 SECOND_CODE);
    cr_assert(color_given && quick_given);
    cr_assert_str_eq(seen_color, "red");
    cr_assert_eq(run_with("second", "--color=blue=1"), SECOND_CODE);
    cr_assert(color_given && !quick_given);
    cr_assert_str_eq(seen_color, "blue=1");
}

Test(command_line, a_value_that_is_missing_or_wrong_is_refused_in_one_line)
{
    check_option_refused("--color", NULL, NULL, "--color needs a value");
    check_option_refused("--color", "--quick", NULL, "--color needs a value");
    check_option_refused("--color", "", NULL, "--color needs a value");
    check_option_refused("--color=", "red", NULL, "--color needs a value");
    check_option_refused("--color", "green", NULL, "--color must be red");
    check_option_refused("--color=green", "--quick", NULL, "--color must be red");
    check_option_refused("--quick=yes", NULL, NULL, "--quick takes no value");
}

Test(command_line, an_option_that_is_given_twice_is_refused_in_one_line)
{
    check_option_refused("--quick", "--quick", NULL, "--quick is given twice");
    check_option_refused("--color=red", "--color", "red", "--color is given twice");
}

Test(command_line, the_word_that_a_command_needs_reaches_it)
{
    cr_assert_eq(run_with("third", "a file"), THIRD_CODE);
    cr_assert_str_eq(seen_operand, "a file");
    cr_assert_eq(run_all((const char *const[]){"third", "--quick", "b", NULL}), THIRD_CODE);
    cr_assert(quick_given);
    cr_assert_str_eq(seen_operand, "b");
    cr_assert_eq(run_with("third", "--help"), EXIT_SUCCESS);
    cr_assert_not_null(strstr(said, "Usage: order-api third [OPTION...] FILE\n"), "%s", said);
}

Test(command_line, a_word_that_is_missing_or_too_much_is_refused_in_one_line)
{
    check_refused("third", NULL, "FILE is missing");
    check_refused("third", "--quick", "FILE is missing");
    check_refused("third", "", "FILE is empty");
    check_refused("third", "-", "- is not an option");
    expect_refused(run_all((const char *const[]){"third", "a", "b", NULL}),
                   "b is one argument too many");
}

Test(command_line, help_of_a_command_lists_its_options_and_runs_nothing)
{
    setenv("PROCESSING_DELAY_MS", "soon", 1);
    cr_assert_eq(run_with("second", "--help"), EXIT_SUCCESS);
    cr_assert_not_null(strstr(said, "Usage: order-api second [OPTION...]\n"), "%s", said);
    cr_assert_not_null(strstr(said, "second does the second thing.\n"), "%s", said);
    cr_assert_not_null(strstr(said, "\n  --color COLOR        paints it\n"), "%s", said);
    cr_assert_not_null(strstr(said, "\n  --quick              hurries\n"), "%s", said);
    cr_assert_not_null(strstr(said, "\n  --help "), "%s", said);
    cr_assert_eq(run_with("first", "--help"), EXIT_SUCCESS);
    cr_assert_not_null(strstr(said, "Usage: order-api first\n"), "%s", said);
    cr_assert_null(strstr(said, "--quick"), "%s", said);
    cr_assert_eq(first_runs + second_runs, 0);
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
    char expected[128];
    snprintf(expected, sizeof expected, "order-api %s\n", version_text());
    cr_assert_str_eq(said, expected);
    cr_assert_eq(first_runs + second_runs, 0);
}
