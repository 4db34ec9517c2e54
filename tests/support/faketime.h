/* SPDX-License-Identifier: MIT */
/*
 * For services that run behind libfaketime, which gives a process a wrong clock and shared memory
 * named after its id, and has no time to remove that from one that is killed.
 */
#ifndef TESTS_SUPPORT_FAKETIME_H
#define TESTS_SUPPORT_FAKETIME_H

#include <sys/types.h>

/* Of a process that has ended, in whatever way. Takes one that never ran: 0. */
void faketime_remove_traces(pid_t pid);

#endif
