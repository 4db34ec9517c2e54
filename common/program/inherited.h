/* SPDX-License-Identifier: MIT */
/*
 * What a process has from whoever started it, and must not depend on. Never blocks; owns nothing.
 */
#ifndef COMMON_PROGRAM_INHERITED_H
#define COMMON_PROGRAM_INHERITED_H

/*
 * First thing in main, before anything is opened or started:
 * - Standard input, output and error that are closed become /dev/null. Else the next file or socket
 *   would get such a number, and log lines would go to a client or to Redis.
 * - The log never waits for its reader (log_output.h).
 * - Files are made for the user alone (umask 077): orders.db has what customers bought.
 * - Signals as thread_prepare_signals has them.
 */
void inherited_repair(void);

#endif
