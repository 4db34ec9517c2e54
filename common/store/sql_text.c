/* SPDX-License-Identifier: MIT */
#include "common/store/sql_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 4096,
    NUMBER_SIZE = 20, /* the digits of UINT64_MAX */
};

void sql_text_clear(struct sql_text *text)
{
    text->len = 0;
    text->failed = false;
}

void sql_text_finish(struct sql_text *text)
{
    free(text->bytes);
    *text = (struct sql_text){0};
}

bool sql_text_is_whole(const struct sql_text *text)
{
    return !text->failed;
}

char *sql_text_reserve(struct sql_text *text, size_t size)
{
    if (text->failed) {
        return NULL;
    }
    if (size > text->capacity - text->len) {
        size_t capacity = text->capacity > 0 ? text->capacity : FIRST_CAPACITY;
        while (capacity - text->len < size) {
            capacity *= 2;
        }
        char *bytes = realloc(text->bytes, capacity);
        if (bytes == NULL) {
            text->failed = true;
            return NULL;
        }
        text->bytes = bytes;
        text->capacity = capacity;
    }
    return text->bytes + text->len;
}

void sql_text_extend(struct sql_text *text, size_t written)
{
    assert(written <= text->capacity - text->len);
    text->len += written;
}

static void add_bytes(struct sql_text *text, const char *bytes, size_t len)
{
    char *end = sql_text_reserve(text, len);
    if (end != NULL) {
        memcpy(end, bytes, len);
        text->len += len;
    }
}

const char *sql_text_string(struct sql_text *text)
{
    char *end = sql_text_reserve(text, 1);
    if (end != NULL) {
        *end = '\0';
    }
    return sql_text_is_whole(text) ? text->bytes : NULL;
}

void sql_text_add(struct sql_text *text, const char *sql)
{
    add_bytes(text, sql, strlen(sql));
}

/* The lists of ids are most of what is sent, hence digits by hand instead of printf. */
void sql_text_add_unsigned(struct sql_text *text, uint64_t number)
{
    char digits[NUMBER_SIZE];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_bytes(text, digits + start, sizeof digits - start);
}

void sql_text_add_signed(struct sql_text *text, int64_t number)
{
    if (number < 0) {
        sql_text_add(text, "-");
    }
    /* Negated as unsigned, because -INT64_MIN is no int64_t. */
    sql_text_add_unsigned(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void sql_text_add_ids(struct sql_text *text, const order_id ids[], size_t count)
{
    assert(count >= 1);
    for (size_t i = 0; i < count; i++) {
        sql_text_add(text, i == 0 ? "(" : ",");
        sql_text_add_unsigned(text, ids[i]);
    }
    sql_text_add(text, ")");
}

void sql_text_add_hex(struct sql_text *text, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    sql_text_add(text, "X'");
    for (size_t i = 0; i < len; i++) {
        add_bytes(text, (const char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
    }
    sql_text_add(text, "'");
}
