/* SPDX-License-Identifier: MIT */
/*
 * Arrays as PostgreSQL sends and takes them (array_send and array_recv in its source), so that a
 * whole batch is one parameter of a constant statement and nothing needs quoting.
 *
 * Pure, but for the memory the text keeps. Start with the number of elements, then add so many.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_ARRAY_H
#define COMMON_STORE_POSTGRES_POSTGRES_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/order/order.h"
#include "common/store/postgres/postgres_session.h"

/* Whatever `array` held is forgotten. `count` >= 1. */
void postgres_array_start(struct text *array, enum postgres_type element, size_t count);

void postgres_array_add_bigint(struct text *array, int64_t number);

/* For both text and bytea. */
void postgres_array_add_bytes(struct text *array, const void *bytes, size_t len);

/* A whole array of bigint. */
void postgres_array_set_ids(struct text *array, const order_id ids[], size_t count);

#endif
