/* SPDX-License-Identifier: MIT */
#include "common/base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 256, /* one field of an answer; statements keep what they have grown to */
    NUMBER_SIZE = 20,     /* the digits of UINT64_MAX */
};

void text_clear(struct text *text)
{
    text->len = 0;
    text->failed = false;
}

void text_finish(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

bool text_is_whole(const struct text *text)
{
    return !text->failed;
}

/* False: the memory for `size` more bytes is not to be had; nothing is changed. */
static bool grow(struct text *text, size_t size)
{
    if (size > SIZE_MAX / 2 - text->len) {
        return false; /* doubling would wrap around */
    }
    size_t capacity = text->capacity > 0 ? text->capacity : FIRST_CAPACITY;
    while (capacity - text->len < size) {
        capacity *= 2;
    }
    char *bytes = realloc(text->bytes, capacity);
    if (bytes == NULL) {
        return false;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

char *text_reserve(struct text *text, size_t size)
{
    assert(text->len <= text->capacity);
    if (!text->failed && size > text->capacity - text->len) {
        text->failed = !grow(text, size);
    }
    return text->failed ? NULL : text->bytes + text->len;
}

void text_extend(struct text *text, size_t written)
{
    assert(written <= text->capacity - text->len);
    text->len += written;
}

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
    char *end = text_reserve(text, len);
    if (end != NULL) {
        memcpy(end, bytes, len);
        text->len += len;
    }
}

const char *text_string(struct text *text)
{
    char *end = text_reserve(text, 1);
    if (end != NULL) {
        *end = '\0';
    }
    return text_is_whole(text) ? text->bytes : NULL;
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

/* The lists of ids are most of what is sent, hence digits by hand instead of printf. */
void text_add_unsigned(struct text *text, uint64_t number)
{
    char digits[NUMBER_SIZE];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add_bytes(text, digits + start, sizeof digits - start);
}

void text_add_signed(struct text *text, int64_t number)
{
    if (number < 0) {
        text_add(text, "-");
    }
    /* Negated as unsigned, because -INT64_MIN is no int64_t. */
    text_add_unsigned(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(len >= 0); /* the format is good and what it makes fits an int */
    char *end = text_reserve(text, (size_t)len + 1); /* vsnprintf ends with a NUL */
    if (end != NULL) {
        vsnprintf(end, (size_t)len + 1, format, again);
        text_extend(text, (size_t)len);
    }
    va_end(again);
}
