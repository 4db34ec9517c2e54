/* SPDX-License-Identifier: MIT */
/*
 * What store_verify found, for people and for programs: the figures of /metrics as the counters say
 * them, as the rows say them, and the difference. Pure, but for what is written to `out`.
 */
#ifndef API_SERVICE_ROUTES_VERIFY_TEXT_H
#define API_SERVICE_ROUTES_VERIFY_TEXT_H

#include <stdio.h>

#include "common/store/store.h"

/* A table, and a line for each flaw that rows have. */
void verify_text_print(FILE *out, const struct store_verification *found);

/* "total_orders -1, completed_orders -1": the figures that taking the drift out changes. */
void verify_text_print_repaired(FILE *out, const struct store_verification *found);

/* One JSON object. */
void verify_text_print_json(FILE *out, const struct store_verification *found);

#endif
