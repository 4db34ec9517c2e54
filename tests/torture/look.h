/* SPDX-License-Identifier: MIT */
/* What must be true in a run. Each of these keeps a finding in the run when it is not. */
#ifndef TESTS_TORTURE_LOOK_H
#define TESTS_TORTURE_LOOK_H

#include "tests/torture/run.h"

/* One number from the database, as its superuser. */
int64_t look_ask(const struct run *run, const char *query);

void look_for_sanitizers(struct run *run);

/* It takes an order, soon, and answers. */
void look_at_recovery(struct run *run);

/* Acknowledged orders have their rows, and nobody else has one; they are completed, soon. */
void look_at_rows(struct run *run);
void look_at_completion(struct run *run);

void look_at_counters(struct run *run);

/* No more are open than `max`, soon; 0: unknown. Keeps in the run how many there are. */
void look_at_descriptors(struct run *run, size_t max);

#endif
