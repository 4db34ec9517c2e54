/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_array.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static void add(struct text *array, const void *bytes, size_t len)
{
    char *end = text_reserve(array, len);
    if (end != NULL && len > 0) {
        memcpy(end, bytes, len);
        text_extend(array, len);
    }
}

static void add_int(struct text *array, uint32_t number)
{
    uint32_t bytes = htobe32(number);
    add(array, &bytes, sizeof bytes);
}

void postgres_array_start(struct text *array, enum postgres_type element, size_t count)
{
    assert(count >= 1 && count <= INT32_MAX);
    text_clear(array);
    add_int(array, 1); /* dimensions */
    add_int(array, 0); /* none of the elements is NULL */
    add_int(array, element);
    add_int(array, (uint32_t)count);
    add_int(array, 1); /* the first index */
}

void postgres_array_add_bigint(struct text *array, int64_t number)
{
    uint64_t bytes = htobe64((uint64_t)number);
    postgres_array_add_bytes(array, &bytes, sizeof bytes);
}

void postgres_array_add_bytes(struct text *array, const void *bytes, size_t len)
{
    assert(len <= INT32_MAX);
    add_int(array, (uint32_t)len);
    add(array, bytes, len);
}

void postgres_array_set_ids(struct text *array, const order_id ids[], size_t count)
{
    postgres_array_start(array, POSTGRES_BIGINT, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_bigint(array, (int64_t)ids[i]);
    }
}
