/* SPDX-License-Identifier: MIT */
/*
 * The command line of both programs: one command and nothing else. Everything that varies is a
 * setting, so commands have no options. A new command is a line in the table of a main.c and its
 * function.
 */
#ifndef COMMON_COMMAND_LINE_H
#define COMMON_COMMAND_LINE_H

#include <stddef.h>

#include "common/config.h"

enum { EXIT_USAGE = 2 }; /* the command line or a setting is wrong; a line says what to change */

struct command {
    const char *name;
    const char *summary; /* for --help */
    /* Settings are loaded and the log is set up. Returns the exit code. */
    int (*run)(struct config *config);
};

/*
 * Runs the command that is named, or the first one when there is no argument; answers --help and
 * --version. Returns what main returns: the command's exit code, or EXIT_USAGE after one line on
 * standard error.
 */
int command_line_run(enum config_program program, const struct command commands[], size_t count,
                     int argc, char *argv[]);

#endif
