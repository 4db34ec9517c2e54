/* SPDX-License-Identifier: MIT */
/* What a PostgreSQL server's settings let survive. Blocks as postgres_session.h. */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_DURABILITY_H
#define COMMON_STORE_POSTGRES_POSTGRES_DURABILITY_H

#include "common/base/status.h"
#include "common/store/durability.h"

struct store;

/* Reads the settings, as they are for the session, and judges them. */
MUST_CHECK enum status postgres_durability(struct store *store, struct durability_report *report);

/* The two halves of it: a report with nothing read yet, and what the settings in one mean. */
struct durability_report postgres_durability_start(void);
void postgres_durability_judge(struct durability_report *report);

#endif
