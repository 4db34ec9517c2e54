/* SPDX-License-Identifier: MIT */
/* The processes of the model. Each function adds all next steps of its process and its faults. */
#ifndef TESTS_MODEL_ACTORS_H
#define TESTS_MODEL_ACTORS_H

#include "tests/model/model.h"

void client_expand(const struct state *state, struct steps *steps);
void api_expand(enum model_break broken, const struct state *state, int number,
                struct steps *steps);
void list_expand(const struct state *state, struct steps *steps);
void worker_expand(enum model_break broken, const struct state *state, int number,
                   struct steps *steps);

#endif
