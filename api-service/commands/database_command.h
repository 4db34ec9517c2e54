/* SPDX-License-Identifier: MIT */
/* What the commands that look at the database themselves share. */
#ifndef API_SERVICE_COMMANDS_DATABASE_COMMAND_H
#define API_SERVICE_COMMANDS_DATABASE_COMMAND_H

#include "common/program/config.h"
#include "common/store/store.h"

/*
 * A store that makes nothing that is not there, to be ended with store_destroy. From now on SIGINT
 * and SIGTERM end the process at once: whatever a command was at, the database rolls it back.
 */
struct store *database_command_open(const struct config *config);

/* One line on standard error about a call that answered `status`. Returns the exit code. */
int database_command_failed(const char *command, const struct config *config, enum status status);

/* The same for a schema that is newer than the program. */
int database_command_too_new(const char *command, int schema, int program);

/* Whether the schema has the program's version; if not, a line on standard error says so. */
bool database_command_is_current(const char *command, const struct config *config,
                                 struct store *store);

#endif
