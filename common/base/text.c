/* SPDX-License-Identifier: MIT */
#include "common/base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/store/store.h"

enum {
    FIRST_CAPACITY = 4096,
    NUMBER_SIZE = 20, /* the digits of UINT64_MAX */
    RANGE_LENGTH_MIN = 3,
    /* A server compares each row that it reads with all of them, but looks an id up in a list. */
    RANGES_MAX = 32,
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

static int compare_ids(const void *left, const void *right)
{
    order_id a = *(const order_id *)left;
    order_id b = *(const order_id *)right;
    return (a > b) - (a < b);
}

/* How many of the sorted ids, from the first on, follow each other without a gap. */
static size_t run_length(const order_id sorted[], size_t count)
{
    size_t length = 1;
    while (length < count && sorted[length] == sorted[length - 1] + 1) {
        length++;
    }
    return length;
}

static void add_range(struct sql_text *text, const char *column, order_id first, order_id last)
{
    sql_text_add(text, column);
    sql_text_add(text, " BETWEEN ");
    sql_text_add_unsigned(text, first);
    sql_text_add(text, " AND ");
    sql_text_add_unsigned(text, last);
}

static void add_list(struct sql_text *text, const char *column, const order_id ids[], size_t count)
{
    sql_text_add(text, column);
    sql_text_add(text, " IN (");
    for (size_t i = 0; i < count; i++) {
        sql_text_add(text, i > 0 ? "," : "");
        sql_text_add_unsigned(text, ids[i]);
    }
    sql_text_add(text, ")");
}

void sql_text_add_ids(struct sql_text *text, const char *column, const order_id ids[], size_t count)
{
    order_id sorted[STORE_BATCH_MAX];
    order_id single[STORE_BATCH_MAX];
    size_t singles = 0;
    size_t ranges = 0;
    assert(count >= 1 && count <= STORE_BATCH_MAX);
    memcpy(sorted, ids, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_ids);
    sql_text_add(text, "(");
    for (size_t i = 0, length; i < count; i += length) {
        length = run_length(&sorted[i], count - i);
        if (length >= RANGE_LENGTH_MIN && ranges < RANGES_MAX) {
            sql_text_add(text, ranges++ > 0 ? " OR " : "");
            add_range(text, column, sorted[i], sorted[i + length - 1]);
        } else {
            memcpy(&single[singles], &sorted[i], length * sizeof single[0]);
            singles += length;
        }
    }
    if (singles > 0) {
        sql_text_add(text, ranges > 0 ? " OR " : "");
        add_list(text, column, single, singles);
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
