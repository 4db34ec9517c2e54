/* SPDX-License-Identifier: MIT */
/*
 * A strict check of one JSON text (RFC 8259) in UTF-8 (RFC 3629), put in front of cJSON because
 * cJSON lets through much that is not JSON: raw control characters, "01", bad UTF-8, trailing
 * bytes, duplicate keys. Pure: no recursion, no allocation, one pass, nothing blocks.
 *
 * Refused beyond the grammar: a byte order mark, duplicate keys in any object (compared after
 * unescaping), lone surrogates in \u escapes (no UTF-8 can carry them), nesting deeper than
 * JSON_DEPTH_MAX, more than JSON_OPEN_KEYS_MAX keys in the objects open at one time, and keys made
 * to collide (the last two bound the work of finding duplicates).
 */
#ifndef COMMON_BASE_JSON_CHECK_H
#define COMMON_BASE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/status.h"

enum {
    JSON_DEPTH_MAX = 16,
    JSON_OPEN_KEYS_MAX = 1024,
    JSON_MEMBERS_MAX = 8, /* how many members one json_check can look for */
};

enum json_kind {
    JSON_ABSENT, /* no such member */
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* A value as it stands in the text, quotes or brackets included. Borrowed from the text. */
struct json_span {
    enum json_kind kind;
    const char *text;
    size_t len;
};

struct json_error {
    size_t offset;      /* bytes from the start of the text to the first one at fault */
    const char *reason; /* a static phrase such as "a value is missing"; never NULL */
};

/* A member of the root to look for. */
struct json_member {
    const char *name;      /* in: NUL-terminated ASCII, compared case-sensitively with the unescaped
                              keys; borrowed */
    struct json_span span; /* out: of its value; JSON_ABSENT when there is none */
};

union json_result {
    struct json_span root;   /* with STATUS_OK */
    struct json_error error; /* with STATUS_INVALID */
};

/*
 * STATUS_OK: `text` is one JSON value, whose span is `result->root`; if it is an object, the
 * `count`
 * (<= JSON_MEMBERS_MAX) members asked for have their spans.
 * STATUS_INVALID: it is not; `result->error` says where and why.
 */
MUST_CHECK enum status json_check(const char *text, size_t len, struct json_member members[],
                                  size_t count, union json_result *result);

/*
 * Steps through the elements of `array`, the span of an array in a checked text: start with
 * `*position` 0, each call fills `*element`; false at the end.
 */
bool json_array_next(const struct json_span *array, size_t *position, struct json_span *element);

#endif
