/* SPDX-License-Identifier: MIT */
/*
 * Error answers: application/problem+json (RFC 9457). Each function fills in the
 * exchange's response in whole; its target becomes `instance`, without the query. Nothing blocks.
 */
#ifndef COMMON_HTTP_PROBLEM_H
#define COMMON_HTTP_PROBLEM_H

#include <stddef.h>

#include "common/http/http_exchange.h"

/* One thing that is wrong with a request. Strings are constants. */
struct field_error {
    const char *member;  /* of the top-level object; NULL: the body itself */
    int index;           /* of the array element, -1: the member itself */
    const char *message; /* what it should be */
    const char *type;    /* a stable word for programs, such as "too_long" */
    bool in_header;      /* `member` is a header field, not a member of the body */
};

void problem_bad_request(struct http_exchange *exchange, const char *detail);
void problem_unauthorized(struct http_exchange *exchange, const char *detail);
void problem_not_found(struct http_exchange *exchange, const char *detail);
/* `allowed`: the methods, such as "GET, HEAD". */
void problem_method_not_allowed(struct http_exchange *exchange, const char *allowed);
void problem_too_large(struct http_exchange *exchange, const char *detail);
void problem_unsupported_media_type(struct http_exchange *exchange, const char *detail);
/* `count` >= 1. */
void problem_unprocessable(struct http_exchange *exchange, const char *detail,
                           const struct field_error errors[], size_t count);
/* 503 with Retry-After. */
void problem_unavailable(struct http_exchange *exchange, const char *detail);

extern const char problem_content_type[];

/*
 * Prints a problem of no request in particular into `text`, where it must have room; returns its
 * length. `title` and `detail` have nothing in them that JSON escapes.
 */
size_t problem_print(char *text, size_t size, unsigned status, const char *title,
                     const char *detail);

#endif
