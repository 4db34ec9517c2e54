/* SPDX-License-Identifier: MIT */
/*
 * HTTP as the application sees it: plain structs, nothing of the library that speaks it.
 */
#ifndef COMMON_HTTP_HTTP_HEAD_H
#define COMMON_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEADERS_MAX = 64,           /* header fields of one request */
    HTTP_HEAD_BYTES_MAX = 14 * 1024, /* that the server keeps of its head */
    HTTP_BODY_MAX = 64 * 1024,       /* bytes; wire contract */
    HTTP_RESPONSE_HEADERS_MAX = 4,
    HTTP_RESPONSE_VALUE_SIZE = 96,   /* bytes of one response header's value, NUL included */
    HTTP_RESPONSE_INLINE_SIZE = 256, /* longer bodies are allocated */
};

/* Lengths are the true ones; the strings are NUL-terminated behind them. Borrowed from the server.
 */
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
    bool crowded; /* the server has more connections than it should; this one will be closed */
};

/* Whether the header is called `name`, in any case. */
bool http_header_is(const struct http_header *header, const char *name);

/* The value of the first header called `name` (any case), NULL if there is none. */
const char *http_head_find(const struct http_head *head, const char *name);

/* A response. All zero is a good start; http_response_finish frees what it owns. */
struct http_response {
    unsigned status; /* 0: none yet */
    bool close;      /* the connection is not to be used again */
    const char *content_type;
    size_t header_count;
    struct {
        const char *name;
        char value[HTTP_RESPONSE_VALUE_SIZE];
    } headers[HTTP_RESPONSE_HEADERS_MAX];
    size_t body_len;
    char *allocated_body; /* NULL: the body is `inline_body` */
    char inline_body[HTTP_RESPONSE_INLINE_SIZE];
};

void http_response_add_header(struct http_response *response, const char *name, const char *value);

/* Formats the body, which must fit into the inline one. `content_type` is a constant. */
void http_response_print(struct http_response *response, unsigned status, const char *content_type,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The response takes over `body`, memory from malloc. */
void http_response_take_body(struct http_response *response, unsigned status,
                             const char *content_type, char *body, size_t len);

const char *http_response_body(const struct http_response *response);
void http_response_finish(struct http_response *response);

#endif
