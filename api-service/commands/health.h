/* SPDX-License-Identifier: MIT */
/*
 * `order-api health`: whether the order-api that listens at HOST and PORT is ready. Blocks for a
 * few seconds at most, and for the time it takes to look HOST up.
 */
#ifndef API_SERVICE_COMMANDS_HEALTH_H
#define API_SERVICE_COMMANDS_HEALTH_H

#include "common/program/command_line.h"

/*
 * Asks GET /readyz. One line says what was found: on standard output and exit code 0 when it is
 * ready, on standard error and exit code 1 when it is not. EXIT_USAGE: PORT does not tell where.
 */
int health_run(struct config *config, const struct command_call *call);

#endif
