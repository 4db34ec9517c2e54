/* SPDX-License-Identifier: MIT */
/* `order-worker health`: whether the worker that touches HEALTH_FILE works. Does not block. */
#ifndef WORKER_SERVICE_HEALTH_H
#define WORKER_SERVICE_HEALTH_H

#include "common/program/command_line.h"

/*
 * One line says what was found: on standard output and exit code 0 when the worker works, on
 * standard error and exit code 1 when it gives no sign of life. EXIT_USAGE: HEALTH_FILE is not set.
 */
int health_run(struct config *config, const struct command_call *call);

#endif
