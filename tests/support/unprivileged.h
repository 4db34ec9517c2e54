/* SPDX-License-Identifier: MIT */
/*
 * Servers that refuse to run as root, or whose helpers do: as root they run as the user that
 * Debian's package has made for them, else as whoever runs the test. Threads: as process.h.
 */
#ifndef TESTS_SUPPORT_UNPRIVILEGED_H
#define TESTS_SUPPORT_UNPRIVILEGED_H

#include "tests/support/process.h"

/* `signal`, such as "QUIT", is what the process gets when the test dies. Otherwise process_start.
 */
void unprivileged_start(struct process *process, const char *user, const char *signal,
                        const char *const argv[], const char *folder);

/* As root: gives the folder, and all that is in it, to the user. */
void unprivileged_give(const char *user, const char *folder);

#endif
