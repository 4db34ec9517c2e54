/* SPDX-License-Identifier: MIT */
/*
 * A scenario, tortured: one run that records the calls that can fail, and one run for each of them
 * in which it does, once. What is found fails the test, with the call, where it was made, and the
 * command that repeats the run.
 *
 * ORDERS_TORTURE_CALLS: so many of the calls only, chosen by ORDERS_TORTURE_SEED; 0: all.
 * ORDERS_TORTURE_KEY: only the call with this key.
 */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

#include "tests/torture/run.h"

void torture(const struct scenario *scenario);

/* For .fini. */
void torture_finish(void);

#endif
