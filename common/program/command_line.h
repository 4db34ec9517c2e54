/* SPDX-License-Identifier: MIT */
/*
 * The command line of both programs: one command, the file it is about if it is about one, and its
 * options. What differs between installations is a setting (common/program/config.h); what differs
 * between calls is an option. A new command is a line in the table of a main.c and a function, a
 * new option is a line in the command's own table.
 */
#ifndef COMMON_PROGRAM_COMMAND_LINE_H
#define COMMON_PROGRAM_COMMAND_LINE_H

#include <stddef.h>

#include "common/program/config.h"

enum {
    EXIT_USAGE = 2, /* the command line or a setting is wrong; a line says what to change */
    COMMAND_OPTIONS_MAX = 8,
};

/* Given as "--name" or, with a value, as "--name VALUE" or "--name=VALUE", at most once. */
struct command_option {
    const char *name;    /* with its dashes: "--before" */
    const char *value;   /* what --help calls its value: "DATE"; NULL: it has none */
    const char *summary; /* for --help */
    /* Says what a value must be if `text` is not, such as "must be a number"; NULL: it is good.
     * NULL itself: every value is good. */
    const char *(*check)(const char *text);
};

struct command_call; /* the options of one call */

struct command {
    const char *name;
    const char *summary; /* for --help */
    /* Settings are loaded, the log is set up, options are checked. Returns the exit code. */
    int (*run)(struct config *config, const struct command_call *call);
    /* Up to COMMAND_OPTIONS_MAX; one without a name ends them. NULL: there are none. */
    const struct command_option *options;
    /* What --help calls the one word that must follow the command: "FILE". NULL: none may. */
    const char *operand;
};

/*
 * The value of the option called `name`, which is in the command's table; "" for one without a
 * value. NULL: it was not given. Good as long as argv.
 */
const char *command_line_option(const struct command_call *call, const char *name);

/* The word that followed a command which has an `operand`. Not empty. Good as long as argv. */
const char *command_line_operand(const struct command_call *call);

/*
 * Runs the command that is named, or the first one when there is no argument; answers --help,
 * COMMAND --help and --version, also where they are spelt -h, help, -V or version. Returns what
 * main returns: the command's exit code, or EXIT_USAGE after one line on standard error.
 */
int command_line_run(enum config_program program, const struct command commands[], size_t count,
                     int argc, char *argv[]);

#endif
