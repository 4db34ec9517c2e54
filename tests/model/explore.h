/* SPDX-License-Identifier: MIT */
/*
 * Visits every state of the model, breadth first, so that the way to a broken promise that it
 * prints is a shortest one. Memory: about a gigabyte at most, or the process ends.
 */
#ifndef TESTS_MODEL_EXPLORE_H
#define TESTS_MODEL_EXPLORE_H

#include "tests/model/model.h"

/* Prints what it finds to stdout. `alone`: see model_start. True: every promise is kept in every
 * state. */
bool explore(enum model_break broken, bool alone);

#endif
