/* SPDX-License-Identifier: MIT */
#include "common/http/http_query.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <uriparser/Uri.h>

#include "common/base/utf8.h"

/* uriparser leaves a '%' without two digits as it is, and ends a value at %00. */
static bool is_encoded(const char *text)
{
    for (const char *at = strchr(text, '%'); at != NULL; at = strchr(at + 1, '%')) {
        if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]) ||
            memcmp(at + 1, "00", 2) == 0) {
            return false;
        }
    }
    return true;
}

static bool is_text(const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    uint32_t code_point;
    for (size_t at = 0, step; at < len; at += step) {
        step = utf8_next(text + at, len - at, &code_point);
        if (step == 0 || utf8_is_control(code_point)) {
            return false;
        }
    }
    return true;
}

static bool are_texts(const struct http_query *query)
{
    for (const UriQueryListA *each = query->first; each != NULL; each = each->next) {
        if (!is_text(each->key) || !is_text(each->value)) {
            return false;
        }
    }
    return true;
}

/* NULL: uriparser may take it apart. */
static const char *check_text(const char *text)
{
    size_t count = 1;
    for (const char *at = strchr(text, '&'); at != NULL; at = strchr(at + 1, '&')) {
        count++;
    }
    if (count > HTTP_QUERY_MAX) {
        return "the query has more than 64 parameters";
    }
    if (!is_encoded(text)) {
        return "a '%' in the query must be followed by the two hexadecimal digits of a byte that "
               "is not zero";
    }
    return NULL;
}

enum status http_query_parse(const char *target, struct http_query *query, const char **wrong)
{
    const char *text = strchr(target, '?');
    query->first = NULL;
    if (text == NULL || *++text == '\0') {
        return STATUS_OK;
    }
    *wrong = check_text(text);
    if (*wrong != NULL) {
        return STATUS_INVALID;
    }
    int items;
    if (uriDissectQueryMallocA(&query->first, &items, text, text + strlen(text)) != URI_SUCCESS) {
        query->first = NULL;
        return STATUS_UNAVAILABLE; /* it has no other reason */
    }
    if (!are_texts(query)) {
        http_query_finish(query);
        *wrong = "the query must be UTF-8 without control characters";
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

const char *http_query_find(const struct http_query *query, const char *name)
{
    for (const UriQueryListA *each = query->first; each != NULL; each = each->next) {
        if (strcmp(each->key, name) == 0) {
            return each->value != NULL ? each->value : "";
        }
    }
    return NULL;
}

void http_query_finish(struct http_query *query)
{
    if (query->first != NULL) {
        uriFreeQueryListA(query->first);
    }
    query->first = NULL;
}
