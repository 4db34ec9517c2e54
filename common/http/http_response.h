/* SPDX-License-Identifier: MIT */
/*
 * The answer to a request: a status, header fields, and a body that is whole or comes in pieces.
 *
 * Blocks: never. Threads: one at a time. Owns: its header fields and its body until
 * http_response_finish. A field that found no memory is remembered: such an answer is not sent, the
 * server closes the connection instead.
 */
#ifndef COMMON_HTTP_HTTP_RESPONSE_H
#define COMMON_HTTP_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

struct http_exchange;

enum { HTTP_RESPONSE_INLINE_SIZE = 256 /* longer bodies are allocated */ };

enum http_piece {
    HTTP_PIECE,       /* `*len` bytes, 1 to `size`, are in `piece` */
    HTTP_PIECE_WAIT,  /* nothing yet: ask again after http_exchange_resume */
    HTTP_PIECE_END,   /* the body is complete */
    HTTP_PIECE_ABORT, /* it cannot be completed: the client shall see that it is cut off */
};

/*
 * A body that is made piece by piece, each when the client has taken the one before, so a slow
 * reader costs one piece of memory and no thread. A client that takes nothing for 75 s is closed. A
 * stream that waits must give a piece at least every 60 s (Server-Sent Events: a comment), since
 * only writing shows that a client has gone.
 */
struct http_stream {
    /* Runs on the exchange's thread; must not block. */
    enum http_piece (*next)(void *context, struct http_exchange *exchange, char *piece, size_t size,
                            size_t *len);
    /*
     * Once, after the last call of `next`, however the stream ends; also if `next` was never
     * called. Nobody may resume the exchange any more when it returns. NULL: nothing to do.
     */
    void (*finish)(void *context);
    void *context;
    /*
     * It goes on for as long as the client wants. When the service stops it ends at once, in an
     * orderly way; any other is given 2 s and then cut off.
     */
    bool endless;
};

/* All zero is a good start. */
struct http_response {
    unsigned status; /* 0: none yet */
    bool close;      /* the connection is not to be used again */
    const char *content_type;
    struct text fields; /* of the header: name, NUL, value, NUL, and so on */
    size_t body_len;
    char *allocated_body;      /* NULL: the body is `inline_body` */
    struct http_stream stream; /* with `next`: the body, in place of the others */
    char inline_body[HTTP_RESPONSE_INLINE_SIZE];
};

/* Adds a header field, as many and as long as it takes. Both strings are copied. */
void http_response_add_header(struct http_response *response, const char *name, const char *value);

/*
 * Walks over the header fields: `*at` is 0 at first. False: there are no more. What is returned is
 * good until the next field is added.
 */
bool http_response_next_header(const struct http_response *response, size_t *at, const char **name,
                               const char **value);

/* Formats the body, which must fit into the inline one. `content_type` is a constant. */
void http_response_print(struct http_response *response, unsigned status, const char *content_type,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The response takes over `body`, memory from malloc. */
void http_response_take_body(struct http_response *response, unsigned status,
                             const char *content_type, char *body, size_t len);

/* The same with a text that is whole; `*body` is empty afterwards. */
void http_response_take_text(struct http_response *response, unsigned status,
                             const char *content_type, struct text *body);

/* The body comes from `stream`, of which a copy is kept. */
void http_response_stream(struct http_response *response, unsigned status, const char *content_type,
                          const struct http_stream *stream);

/* A whole body. */
const char *http_response_body(const struct http_response *response);

/* Frees what it owns, ends its stream; then it is all zero. */
void http_response_finish(struct http_response *response);

#endif
