/* SPDX-License-Identifier: MIT */
/*
 * The threads that drive libmicrohttpd. Each has its own daemon of the library, without threads or
 * a listener: the thread accepts and waits by itself, and calls the library only when there is
 * something to do. The library's own threads are not used, because
 *
 * - when exactly 128 connections are readable at once its loop waits for another event before it
 *   looks at them (0.9.75 to 1.0.1);
 * - each resumed connection costs a write to wake a thread, and a walk over all suspended ones:
 * here all answers of a flush are resumed together;
 * - it aborts the process when its listener is closed while it is at its limit of connections.
 *
 * Owns: the threads, the daemons. Borrows the listener until http_loops_close has returned.
 */
#ifndef COMMON_HTTP_HTTP_LOOPS_H
#define COMMON_HTTP_HTTP_LOOPS_H

#include <stdbool.h>

#include <microhttpd.h>

struct http_loops;
struct http_loop;

struct http_loops_config {
    int listener; /* non-blocking, and listens */
    unsigned connections_max;
    /* Makes a daemon without threads and listener, on epoll. NULL: it cannot. */
    struct MHD_Daemon *(*make_daemon)(void *context);
    /*
     * Some connection may have come to a stand, maybe with the library busy for it (0.9.75), maybe
     * waiting for nothing (1.0.1). As long as it says so, each thread calls `end_stuck` often.
     */
    bool (*may_be_stuck)(void *context);
    void (*end_stuck)(void *context);
    void *context;
};

/* NULL: a daemon cannot be made. */
struct http_loops *http_loops_start(const struct http_loops_config *config);

/* The loop whose thread this is, which is that of all its connections' callbacks. */
struct http_loop *http_loop_here(void);

/* A suspended connection that is to be resumed. It must stay at its address until then. */
struct http_resumption {
    struct http_resumption *next;
    struct MHD_Connection *connection;
};

/* From any thread; does not block. Afterwards the resumption belongs to the loop's thread. */
void http_loop_resume(struct http_loop *loop, struct http_resumption *resumption);

/*
 * Accepts the connections that wait at the listener, since for their clients they are open, and
 * none after that. Blocks until that is done.
 */
void http_loops_close(struct http_loops *loops);

/* Ends the threads and all connections, of which none may be suspended, and frees. Takes NULL. */
void http_loops_stop(struct http_loops *loops);

#endif
