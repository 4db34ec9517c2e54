/* SPDX-License-Identifier: MIT */
/*
 * Visits every state of the model, breadth first, so the printed path to a broken promise is a
 * shortest one. Memory: up to about a gigabyte; beyond that the process exits.
 */
#ifndef TESTS_MODEL_EXPLORE_H
#define TESTS_MODEL_EXPLORE_H

#include "tests/model/model.h"

/* Prints what it finds to stdout. `alone`: see model_start. True: every promise is kept in every
 * state. */
bool explore(enum model_break broken, bool alone);

#endif
