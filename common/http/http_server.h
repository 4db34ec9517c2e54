/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: with http_loops.c all that knows libmicrohttpd. It reads requests, hands them to
 * an application, lets them wait suspended, and sends the answers.
 *
 * Threads: the application's functions run on the server's loops, several at once, one at a time
 * for any one exchange. http_exchange_resume may be called from any thread. Limits: connections,
 * header and body sizes, and the time a client may take for each part of a request.
 */
#ifndef COMMON_HTTP_HTTP_SERVER_H
#define COMMON_HTTP_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/http/http_head.h"

struct http_server;
struct http_exchange; /* one request and its answer */

enum http_next {
    HTTP_ANSWER, /* the response is filled in: send it (once the body has been read to its end) */
    HTTP_READ_BODY, /* only from `on_head`: go on, then call `on_request` */
    HTTP_WAIT,      /* only from `on_request`: http_exchange_suspend was called */
};

/* None of these may block. `data` is the application's own part of the exchange, zeroed at first.
 */
struct http_application {
    void *context;
    size_t data_size;
    enum http_next (*on_head)(void *context, struct http_exchange *exchange,
                              const struct http_head *head);
    enum http_next (*on_request)(void *context, struct http_exchange *exchange);
    void (*on_resumed)(void *context, struct http_exchange *exchange); /* fills the response in */
};

/*
 * Serves on `listener`, a bound socket, which it takes over. NULL: it cannot; the log says why.
 */
struct http_server *http_server_start(int listener, const struct http_application *application);

uint16_t http_server_port(const struct http_server *server);

/*
 * Stops accepting, answers every request that has arrived (for up to `limit_ms`), gives those in
 * the middle of one 2 s, and tells clients to close their connections. The application must go on
 * resuming meanwhile. When this returns, `on_request` is not running and will not be called any
 * more.
 */
void http_server_drain(struct http_server *server, uint32_t limit_ms);

/*
 * Sends the answers that are made, ends all connections and frees. Every exchange has been resumed.
 * Takes NULL.
 */
void http_server_stop(struct http_server *server);

void *http_exchange_data(struct http_exchange *exchange);
struct http_response *http_exchange_response(struct http_exchange *exchange);
const char *http_exchange_target(const struct http_exchange *exchange);

/* The body, complete in `on_request` and valid until the response has been sent. Not
 * NUL-terminated. */
const char *http_exchange_body(const struct http_exchange *exchange, size_t *len);

/*
 * Takes the exchange out of the server's hands until http_exchange_resume. Call it before anybody
 * who may resume it can know of the exchange; afterwards do not touch the exchange from the
 * server's thread.
 */
void http_exchange_suspend(struct http_exchange *exchange);
void http_exchange_resume(struct http_exchange *exchange);

#endif
