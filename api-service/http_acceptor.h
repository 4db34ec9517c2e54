/* SPDX-License-Identifier: MIT */
/*
 * The thread that accepts connections and hands them on. libmicrohttpd could do it, but it cannot
 * end it: MHD_quiesce_daemon aborts the process when one of the daemon's threads wakes meanwhile,
 * and clients in the kernel's queue, to whom their connection is open, would be reset.
 *
 * Blocks: nothing but http_acceptor_stop, for as long as the hands take.
 * Owns: its thread and the listener.
 */
#ifndef API_SERVICE_HTTP_ACCEPTOR_H
#define API_SERVICE_HTTP_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>

struct http_acceptor;

/* Both are called by the acceptor's thread and must not block. */
struct http_acceptor_hands {
    void *context;
    /* False: leave the next connection in the kernel's queue for now. */
    bool (*has_room)(void *context);
    /* Takes over `socket`, which is non-blocking. The address is borrowed. */
    void (*take)(void *context, int socket, const struct sockaddr *address, socklen_t len);
};

/*
 * Listens on `listener`, a bound socket, which it takes over, and accepts from now on. NULL: it
 * cannot; the log says why, and `listener` is closed.
 */
struct http_acceptor *http_acceptor_start(int listener, const struct http_acceptor_hands *hands);

/*
 * Accepts those that are in the kernel's queue, stops listening and ends the thread. Whoever
 * connects afterwards is refused. Takes NULL.
 */
void http_acceptor_stop(struct http_acceptor *acceptor);

#endif
