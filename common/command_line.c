/* SPDX-License-Identifier: MIT */
#include "common/command_line.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

static void print_help(enum config_program program, const struct command commands[], size_t count)
{
    const char *name = config_program_name(program);
    printf("%s %s\n\nUsage: %s [COMMAND | --help | --version]\n\nCommands:\n", name, ORDERS_VERSION,
           name);
    for (size_t i = 0; i < count; i++) {
        printf("  %-20s %s%s\n", commands[i].name, commands[i].summary,
               i == 0 ? " (the default)" : "");
    }
    printf("\nSettings come from the environment, then from .env in the working folder; NAME_FILE\n"
           "reads a value from a file:\n");
    config_print_settings(program);
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

static int run(enum config_program program, const struct command *command)
{
    struct config config;
    if (!config_load(program, &config)) {
        return EXIT_USAGE;
    }
    log_init(config.log_level, config.log_format);
    return command->run(&config);
}

int command_line_run(enum config_program program, const struct command commands[], size_t count,
                     int argc, char *argv[])
{
    assert(count >= 1);
    const char *name = config_program_name(program);
    if (argc > 2) {
        fprintf(stderr, "%s: %s takes no argument; leave out %s\n", name, argv[1], argv[2]);
        return EXIT_USAGE;
    }
    if (argc < 2) {
        return run(program, &commands[0]);
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_help(program, commands, count);
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", name, ORDERS_VERSION);
        return EXIT_SUCCESS;
    }
    const struct command *command = find(commands, count, argv[1]);
    if (command == NULL) {
        fprintf(stderr, "%s: there is no command %s; %s --help lists them\n", name, argv[1], name);
        return EXIT_USAGE;
    }
    return run(program, command);
}
