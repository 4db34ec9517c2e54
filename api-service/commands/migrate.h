/* SPDX-License-Identifier: MIT */
/*
 * `order-api migrate`: brings the database's schema to the program's version, as the services do
 * when they start. Blocks: for a database that is away up to a minute, and as long as the steps
 * take.
 */
#ifndef API_SERVICE_COMMANDS_MIGRATE_H
#define API_SERVICE_COMMANDS_MIGRATE_H

#include "common/program/command_line.h"

extern const struct command_option migrate_options[];

/*
 * Exit code 0: the database has the program's version; with --dry-run: the missing steps are
 * printed. 1: it has not, or that could not be found out, and a line says why.
 */
int migrate_run(struct config *config, const struct command_call *call);

#endif
