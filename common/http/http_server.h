/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server. It reads requests, hands them to an application, lets them wait, and sends the
 * answers. http_exchange.h has what the application needs; libmicrohttpd is known in this room
 * only.
 *
 * Blocks: start, drain and stop. Threads: its loops, on which the application's functions run.
 * Limits: connections, sizes of heads and bodies, and the time a client may take for each part of a
 * request.
 */
#ifndef COMMON_HTTP_HTTP_SERVER_H
#define COMMON_HTTP_HTTP_SERVER_H

#include <stdint.h>

#include "common/http/http_exchange.h"

struct http_server;

/*
 * Serves on `listener`, a bound socket, which it takes over. NULL: it cannot; the log says why.
 */
struct http_server *http_server_start(int listener, const struct http_application *application);

uint16_t http_server_port(const struct http_server *server);

/*
 * Stops accepting, answers every request that has arrived (for up to `limit_ms`), gives those in
 * the middle of one 2 s, and asks clients to close their connections. The application must go on
 * resuming meanwhile. Streams that are endless end at once. When this returns, `on_request` is not
 * running and will not be called any more; see http_exchange_is_closing for the rest.
 */
void http_server_drain(struct http_server *server, uint32_t limit_ms);

/*
 * Sends the answers that are made, ends all connections and frees. Streams are cut off. Every
 * exchange that waits for anything but a piece of its stream has been resumed. Takes NULL.
 */
void http_server_stop(struct http_server *server);

#endif
