/* SPDX-License-Identifier: MIT */
/*
 * What an order is: its name and its states.
 * Pure data and pure functions: nothing here blocks, allocates or locks.
 */
#ifndef COMMON_ORDER_ORDER_H
#define COMMON_ORDER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 .. ORDER_ID_MAX. On the wire it is "ORD" and the decimal digits without leading zeros. */
typedef uint64_t order_id;

#define ORDER_ID_MAX ((order_id)INT64_MAX)

enum {
    ORDER_ID_TEXT_SIZE = 3 + 19 + 1,      /* "ORD", the digits of INT64_MAX, NUL */
    ORDER_CLIENT_ID_SIZE = 64 + 1,        /* bytes, NUL included */
    ORDER_USER_ID_SIZE = 64 * 4 + 1,      /* 64 characters of at most 4 bytes, NUL included */
    ORDER_USER_ID_CHARS_MAX = 64,         /* wire contract */
    ORDER_ITEMS_MAX = 1000,               /* wire contract */
    ORDER_ITEM_CHARS_MAX = 64,            /* wire contract */
    ORDER_ITEMS_TEXT_MAX = 64 * 1024,     /* bytes: the whole body is no larger */
    ORDER_IDEMPOTENCY_KEY_SIZE = 255 + 1, /* bytes, NUL included */
    ORDER_FINGERPRINT_SIZE = 16,          /* bytes: BLAKE2b-128 of the request body */
};

/* Stored as these numbers: append only. */
enum order_status {
    ORDER_PENDING = 0,
    ORDER_PROCESSING = 1,
    ORDER_COMPLETED = 2,
    ORDER_STATUS_COUNT,
};

/*
 * An order as a client sent it. `items_json` is borrowed: it points to the array's own bytes in
 * the request body, which outlives every use of the struct. The rest is by value.
 */
struct order {
    order_id id; /* 0 until one is assigned */
    int64_t total_cents;
    const char *items_json; /* a JSON array, valid UTF-8, not NUL-terminated */
    size_t items_json_len;  /* bytes, at most ORDER_ITEMS_TEXT_MAX */
    size_t user_id_len;     /* bytes */
    char user_id[ORDER_USER_ID_SIZE];
    char client_id[ORDER_CLIENT_ID_SIZE];
    char idempotency_key[ORDER_IDEMPOTENCY_KEY_SIZE];  /* empty: none was sent */
    unsigned char fingerprint[ORDER_FINGERPRINT_SIZE]; /* meaningful only with a key */
};

/* The status that is stored as this number; ORDER_STATUS_COUNT: there is none. */
enum order_status order_status_of(int64_t number);

/* "Pending", "Processing" or "Completed": the words of the wire contract. */
const char *order_status_name(enum order_status status);

/* Writes "ORD<id>" and a NUL; returns the length without the NUL. `id` must be in range. */
size_t order_id_format(order_id id, char out[ORDER_ID_TEXT_SIZE]);

/* Sorts in ascending order. */
void order_id_sort(order_id ids[], size_t count);

/* Accepts exactly what order_id_format writes; false leaves `*id` alone. */
bool order_id_parse(const char *text, size_t len, order_id *id);

#endif
