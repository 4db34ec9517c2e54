/* SPDX-License-Identifier: MIT */
/*
 * `order-api archive`: moves Completed orders out of the table in use, batch by batch, and deletes
 * the idempotency keys they no longer need, while the services run. Killed at any time it loses
 * nothing, and run again it goes on. Blocks: as long as there is something to move, and a minute at
 * most for a database that is away.
 */
#ifndef API_SERVICE_COMMANDS_ARCHIVE_H
#define API_SERVICE_COMMANDS_ARCHIVE_H

#include "common/program/command_line.h"

extern const struct command_option archive_options[];

/* Exit code 0: all that is old is moved. 1: it is not, and a line says why. */
int archive_run(struct config *config, const struct command_call *call);

#endif
