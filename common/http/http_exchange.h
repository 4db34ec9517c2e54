/* SPDX-License-Identifier: MIT */
/*
 * One request and its answer, and the application that answers: what the rest of a program needs to
 * know of HTTP.
 *
 * Threads: the application's functions run on the server's loops, several at once, one at a time
 * for any one exchange. http_exchange_resume may be called from any thread. Nothing here blocks.
 */
#ifndef COMMON_HTTP_HTTP_EXCHANGE_H
#define COMMON_HTTP_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/http/http_head.h"
#include "common/http/http_peer.h"
#include "common/http/http_query.h"
#include "common/http/http_response.h"

enum {
    HTTP_BODY_MAX = 64 * 1024, /* bytes of a request; wire contract */
};

enum http_next {
    HTTP_ANSWER, /* the response is filled in: send it (once the body has been read to its end) */
    HTTP_READ_BODY, /* only before the body has been read: go on, then call `on_request` */
    HTTP_WAIT,      /* wait for http_exchange_resume; see http_exchange_wait */
};

struct http_exchange {
    const char *target; /* as sent: not unescaped, with its query; NUL-terminated */
    struct http_query query;
    const char *body; /* complete in `on_request`, valid until the exchange ends; no NUL behind */
    size_t body_len;
    struct http_response response;
    void *data; /* the application's own, from http_exchange_allocate; NULL at first */
    enum http_next (*then)(void *context, struct http_exchange *exchange); /* what follows a wait */
};

/* None of its functions may block. Each says what comes next. */
struct http_application {
    void *context;
    enum http_next (*on_head)(void *context, struct http_exchange *exchange,
                              const struct http_head *head);
    enum http_next (*on_request)(void *context, struct http_exchange *exchange);
};

/*
 * Zeroed memory that lives as long as the exchange, as its `data`; once for an exchange. NULL:
 * there is none.
 */
void *http_exchange_allocate(struct http_exchange *exchange, size_t size);

/*
 * `return http_exchange_wait(exchange, then)`, from any function of the application and from a
 * `then`: the exchange waits until it is resumed, once for each wait, which may have happened
 * already; then `then` runs, with the application's context, on the exchange's own thread. Nothing
 * is read from the client meanwhile, so the code that resumes it must keep a deadline.
 */
enum http_next http_exchange_wait(struct http_exchange *exchange,
                                  enum http_next (*then)(void *context,
                                                         struct http_exchange *exchange));

/* From any thread. Afterwards the exchange is its own thread's, and may be gone. */
void http_exchange_resume(struct http_exchange *exchange);

/* The client's address, as http_peer_print makes it. On the exchange's own thread. */
void http_exchange_print_peer(const struct http_exchange *exchange, char text[HTTP_PEER_SIZE]);

/*
 * http_server_drain has ended, or is about to: the parts of the program that work for requests
 * stop. A `then` that wants to hand them something asks first, and answers 503 if so. As long as it
 * is false within a function of the application they go on. (`on_request` is not called any more.)
 */
bool http_exchange_is_closing(const struct http_exchange *exchange);

#endif
