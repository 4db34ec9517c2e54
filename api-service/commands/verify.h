/* SPDX-License-Identifier: MIT */
/*
 * `order-api verify`: whether the counters are what the rows say, and the rows what they can be.
 * Blocks for as long as it takes to read every order.
 */
#ifndef API_SERVICE_COMMANDS_VERIFY_H
#define API_SERVICE_COMMANDS_VERIFY_H

#include "common/program/command_line.h"

extern const struct command_option verify_options[];

/*
 * Prints what store_verify finds; with --repair it repairs the counters and verifies again. Exit
 * code 0: in the end all is well. 1: it is not, or it could not be found out, and a line says why.
 */
int verify_run(struct config *config, const struct command_call *call);

#endif
