/* SPDX-License-Identifier: MIT */
/*
 * The threads that drive libmicrohttpd. Each has a daemon of the library's to itself, which has
 * neither threads nor a listener: the thread accepts, waits, and calls the library when there is
 * something to do, never for it to wait. The library's own threads are not used, because
 *
 * - when exactly 128 connections are readable at once its loop waits for another event before it
 *   looks at them (0.9.75 to 1.0.1);
 * - each resumed connection costs it a write to wake a thread, and a walk over all that are
 *   suspended: here all answers of a flush are resumed at once;
 * - it aborts the process when its listener is taken away at its limit of connections.
 *
 * Owns: the threads, the daemons. Borrows the listener until http_loops_close has returned.
 */
#ifndef COMMON_HTTP_HTTP_LOOPS_H
#define COMMON_HTTP_HTTP_LOOPS_H

#include <microhttpd.h>

struct http_loops;
struct http_loop;

struct http_loops_config {
    int listener; /* non-blocking, and listens */
    unsigned connections_max;
    /* Makes a daemon without threads and listener, on epoll. NULL: it cannot. */
    struct MHD_Daemon *(*make_daemon)(void *context);
    void *context;
};

/* NULL: a daemon cannot be made. */
struct http_loops *http_loops_start(const struct http_loops_config *config);

/* The loop whose thread this is, which is that of all its connections' callbacks. */
struct http_loop *http_loop_here(void);

/* A suspended connection that is to go on. It must stay where it is until it does. */
struct http_resumption {
    struct http_resumption *next;
    struct MHD_Connection *connection;
};

/* From any thread; does not block. Afterwards the resumption belongs to the loop's thread. */
void http_loop_resume(struct http_loop *loop, struct http_resumption *resumption);

/*
 * Takes in the connections that wait at the listener, since to their clients they are open, and
 * none after that. Blocks until all are taken in.
 */
void http_loops_close(struct http_loops *loops);

/* Ends the threads and all connections, of which none may be suspended, and frees. Takes NULL. */
void http_loops_stop(struct http_loops *loops);

#endif
