/* SPDX-License-Identifier: MIT */
/*
 * What store_verify found, for people and for programs: each figure as the counters say, as the
 * rows say, and the difference.
 *
 * Blocks: only where `out` does. Threads: any, each with an output of its own. Owns: nothing.
 */
#ifndef API_SERVICE_ROUTES_VERIFY_TEXT_H
#define API_SERVICE_ROUTES_VERIFY_TEXT_H

#include <stdio.h>

#include "common/base/text.h"
#include "common/store/store.h"

/* A table, and a line for each kind of impossible row. */
void verify_text_print(FILE *out, const struct store_verification *found);

/* "total_orders -1, completed_orders -1": how the repair changes the figures. */
void verify_text_print_repaired(FILE *out, const struct store_verification *found);

/* One JSON object. False: no memory, part of the text is missing. */
bool verify_text_print_json(struct text *out, const struct store_verification *found);

#endif
