/* SPDX-License-Identifier: MIT */
#include "common/program/command_line.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/program/version.h"

struct command_call {
    const struct command *command;
    const char *values[COMMAND_OPTIONS_MAX]; /* NULL: not given */
    const char *operand;                     /* likewise */
};

static size_t option_count(const struct command *command)
{
    size_t count = 0;
    while (command->options != NULL && command->options[count].name != NULL) {
        count++;
    }
    assert(count <= COMMAND_OPTIONS_MAX);
    return count;
}

static void print_help(enum config_program program, const struct command commands[], size_t count)
{
    const char *name = config_program_name(program);
    printf("%s %s\n\nUsage: %s [COMMAND [OPTION...] | --help | --version]\n\nCommands:\n", name,
           version_text(), name);
    for (size_t i = 0; i < count; i++) {
        printf("  %-20s %s%s\n", commands[i].name, commands[i].summary,
               i == 0 ? " (the default)" : "");
    }
    printf("\n%s COMMAND --help lists the options of a command.\n"
           "\nSettings come from the environment, then from .env in the working folder; NAME_FILE\n"
           "reads a value from a file:\n",
           name);
    config_print_settings(program);
}

static void print_command_help(enum config_program program, const struct command *command)
{
    size_t count = option_count(command);
    printf("Usage: %s %s%s%s%s\n\n%s %s.\n\nOptions:\n", config_program_name(program),
           command->name, count > 0 ? " [OPTION...]" : "", command->operand != NULL ? " " : "",
           command->operand != NULL ? command->operand : "", command->name, command->summary);
    for (size_t i = 0; i < count; i++) {
        const struct command_option *option = &command->options[i];
        int len = printf("  %s%s%s", option->name, option->value != NULL ? " " : "",
                         option->value != NULL ? option->value : "");
        printf("%*s %s\n", len < 22 ? 22 - len : 0, "", option->summary);
    }
    printf("  %-20s prints this\n", "--help");
}

/* One line on standard error: "order-api archive: --batch must be a number". Returns 0. */
static int refuse(enum config_program program, const struct command *command, const char *what,
                  const char *wrong)
{
    fprintf(stderr, "%s %s: %s %s; %s %s --help lists the options\n", config_program_name(program),
            command->name, what, wrong, config_program_name(program), command->name);
    return 0;
}

/* The index of the option that `argument` names, with or without "=value"; -1: there is none. */
static int find_option(const struct command *command, const char *argument)
{
    size_t count = option_count(command);
    size_t len = strcspn(argument, "=");
    for (size_t i = 0; i < count; i++) {
        const char *name = command->options[i].name;
        if (strlen(name) == len && memcmp(name, argument, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/*
 * Reads the option at `arguments[0]` and returns how many arguments it takes; 0: it is wrong, and a
 * line says why. A NULL follows the last argument.
 */
static int read_option(enum config_program program, struct command_call *call, char *arguments[])
{
    const struct command *command = call->command;
    const char *attached = strchr(arguments[0], '=');
    int index = find_option(command, arguments[0]);
    if (index < 0) {
        return refuse(program, command, arguments[0], "is not an option of this command");
    }
    const struct command_option *option = &command->options[index];
    if (call->values[index] != NULL) {
        return refuse(program, command, option->name, "is given twice");
    }
    if (option->value == NULL) {
        call->values[index] = "";
        return attached == NULL ? 1 : refuse(program, command, option->name, "takes no value");
    }
    const char *value = attached != NULL ? attached + 1 : arguments[1];
    if (value == NULL || value[0] == '\0' || (attached == NULL && strncmp(value, "--", 2) == 0)) {
        return refuse(program, command, option->name, "needs a value");
    }
    const char *wrong = option->check != NULL ? option->check(value) : NULL;
    if (wrong != NULL) {
        return refuse(program, command, option->name, wrong);
    }
    call->values[index] = value;
    return attached != NULL ? 1 : 2;
}

/* As read_option, for any argument. */
static int read_argument(enum config_program program, struct command_call *call, char *arguments[])
{
    const struct command *command = call->command;
    const char *argument = arguments[0];
    if (command->operand == NULL || argument[0] == '-') {
        return read_option(program, call, arguments);
    }
    if (argument[0] == '\0') {
        return refuse(program, command, command->operand, "is empty");
    }
    if (call->operand != NULL) {
        return refuse(program, command, argument, "is one argument too many");
    }
    call->operand = argument;
    return 1;
}

const char *command_line_operand(const struct command_call *call)
{
    assert(call->operand != NULL);
    return call->operand;
}

const char *command_line_option(const struct command_call *call, const char *name)
{
    int index = find_option(call->command, name);
    assert(index >= 0);
    return call->values[index];
}

static const struct command *find(const struct command commands[], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* `arguments` are the `count` after the command. */
static int run(enum config_program program, const struct command *command, char *arguments[],
               int count)
{
    struct command_call call = {.command = command};
    for (int i = 0, taken = 0; i < count; i += taken) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            print_command_help(program, command);
            return EXIT_SUCCESS;
        }
        taken = read_argument(program, &call, arguments + i);
        if (taken == 0) {
            return EXIT_USAGE;
        }
    }
    if (command->operand != NULL && call.operand == NULL) {
        refuse(program, command, command->operand, "is missing");
        return EXIT_USAGE;
    }
    struct config config;
    if (!config_load(program, &config)) {
        return EXIT_USAGE;
    }
    log_init(config.log_level, config.log_format);
    return command->run(&config, &call);
}

enum { SPELLINGS = 3 };

/* People try the ones they know from other programs. */
static bool is_among(const char *argument, const char *const spellings[SPELLINGS])
{
    for (size_t i = 0; i < SPELLINGS; i++) {
        if (strcmp(argument, spellings[i]) == 0) {
            return true;
        }
    }
    return false;
}

int command_line_run(enum config_program program, const struct command commands[], size_t count,
                     int argc, char *argv[])
{
    assert(count >= 1);
    const char *name = config_program_name(program);
    if (argc < 2) {
        return run(program, &commands[0], NULL, 0);
    }
    bool help = is_among(argv[1], (const char *const[]){"--help", "-h", "help"});
    bool version = is_among(argv[1], (const char *const[]){"--version", "-V", "version"});
    if ((help || version) && argc > 2) {
        fprintf(stderr, "%s: %s takes no arguments; remove %s\n", name, argv[1], argv[2]);
        return EXIT_USAGE;
    }
    if (help) {
        print_help(program, commands, count);
        return EXIT_SUCCESS;
    }
    if (version) {
        printf("%s %s\n", name, version_text());
        return EXIT_SUCCESS;
    }
    const struct command *command = find(commands, count, argv[1]);
    if (command == NULL) {
        fprintf(stderr, "%s: there is no command %s; %s --help lists them\n", name, argv[1], name);
        return EXIT_USAGE;
    }
    return run(program, command, argv + 2, argc - 2);
}
