/* SPDX-License-Identifier: MIT */
/*
 * The head of a request, as the application sees it: plain structs, nothing of the library that
 * speaks HTTP. Borrowed from the server while `on_head` runs. Nothing here blocks or allocates.
 */
#ifndef COMMON_HTTP_HTTP_HEAD_H
#define COMMON_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEADERS_MAX = 64,           /* header fields of one request */
    HTTP_HEAD_BYTES_MAX = 14 * 1024, /* that the server keeps of its head */
};

/* Lengths are the true ones; the strings are NUL-terminated behind them. */
struct http_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/* What is known of a request once its header section is complete. */
struct http_head {
    const char *method;
    const char *target; /* as sent: not unescaped, with its query */
    const char *version;
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    bool too_many_headers; /* the rest is not in `headers` */
    bool has_more_in_it; /* than these parts: a NUL, a folded line, a bare line feed, more blanks */
    bool crowded; /* the server has more connections than it should; this one will be closed */
};

/* Whether the text is a token (RFC 9110, section 5.6.2), as a field's name must be. */
bool http_is_token(const char *text, size_t len);

/* Whether the header is called `name`, in any case. */
bool http_header_is(const struct http_header *header, const char *name);

/* The value of the first header called `name` (any case), NULL if there is none. */
const char *http_head_find(const struct http_head *head, const char *name);

#endif
