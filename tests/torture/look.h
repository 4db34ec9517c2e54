/* SPDX-License-Identifier: MIT */
/* What must be true in a run. Each check that fails records a finding in the run. Blocks. */
#ifndef TESTS_TORTURE_LOOK_H
#define TESTS_TORTURE_LOOK_H

#include "tests/torture/run.h"

/* One number from the database, as its superuser. */
int64_t look_ask(const struct run *run, const char *query);

void look_for_sanitizers(struct run *run);

/* The service accepts and answers an order within the limit. */
void look_at_recovery(struct run *run);

/* Acknowledged orders have rows, no unsent order has one, and all are completed in time. */
void look_at_rows(struct run *run);
void look_at_completion(struct run *run);

void look_at_counters(struct run *run);

/* At most `max` descriptors are open, in time; 0: unknown. Stores their number in the run. */
void look_at_descriptors(struct run *run, size_t max);

#endif
