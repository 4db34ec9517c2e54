/* SPDX-License-Identifier: MIT */
/* What a MySQL or MariaDB server's settings let survive. Blocks as mysql_session.h. */
#ifndef COMMON_STORE_MYSQL_MYSQL_DURABILITY_H
#define COMMON_STORE_MYSQL_MYSQL_DURABILITY_H

#include "common/base/status.h"
#include "common/store/durability.h"

struct store;

/* Reads the settings and judges them. */
MUST_CHECK enum status mysql_durability(struct store *store, struct durability_report *report);

/* The two halves of it: a report with nothing read yet, and what the settings in one mean. */
struct durability_report mysql_durability_start(void);
void mysql_durability_judge(struct durability_report *report);

#endif
