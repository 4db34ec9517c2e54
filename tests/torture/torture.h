/* SPDX-License-Identifier: MIT */
/*
 * Tortures a scenario: runs it to record the calls that can fail, then once for each of these
 * calls, which fails in that run. A finding fails the test and is printed with the call, its stack
 * and the command that repeats the run. Blocks. Threads: the test's main thread.
 *
 * ORDERS_TORTURE_CALLS: only so many of the calls, chosen by ORDERS_TORTURE_SEED; 0: all.
 * ORDERS_TORTURE_KEY: only the call with this key.
 */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

#include "tests/torture/run.h"

void torture(const struct scenario *scenario);

/* For .fini. */
void torture_finish(void);

#endif
