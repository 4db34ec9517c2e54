/* SPDX-License-Identifier: MIT */
/*
 * For services that run behind libfaketime, which gives a process a wrong clock and shared memory
 * named after its id, and has no time to remove that from one that is killed.
 */
#ifndef TESTS_SUPPORT_FAKETIME_H
#define TESTS_SUPPORT_FAKETIME_H

#include <sys/types.h>

/* Their monotonic clock stays the true one. */
#define FAKETIME_TRUE_MONOTONIC "FAKETIME_DONT_FAKE_MONOTONIC=1"
/* And so do waits by it. Without this libfaketime 0.9.10 takes their ends for times of the
 * calendar, which are long past: no wait lasts, and each thread that waits keeps a processor busy.
 */
#define FAKETIME_TRUE_WAITS "FAKETIME_FORCE_MONOTONIC_FIX=0"

/* Of a process that has ended, in whatever way. Takes one that never ran: 0. */
void faketime_remove_traces(pid_t pid);

#endif
