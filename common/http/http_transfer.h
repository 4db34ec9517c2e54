/* SPDX-License-Identifier: MIT */
/*
 * One request through libmicrohttpd, from its request line to the end of its answer. Inside of the
 * server only.
 *
 * Threads: the library's callbacks run on the loop of their connection. Nothing blocks.
 * Owns: its exchange. The library says when a transfer begins and ends.
 */
#ifndef COMMON_HTTP_HTTP_TRANSFER_H
#define COMMON_HTTP_HTTP_TRANSFER_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/http/http_connections.h"
#include "common/http/http_exchange.h"
#include "common/http/http_loops.h"

enum transfer_state {
    TRANSFER_NEW,
    TRANSFER_HEAD, /* waits before its body is read */
    TRANSFER_BODY,
    TRANSFER_WHOLE,   /* has its body; the application comes next */
    TRANSFER_REQUEST, /* waits with its body */
    TRANSFER_SENT,    /* its answer was handed to the library */
};

/* Waiting, as the thread of the exchange and those that resume it see it. */
enum transfer_wake {
    WAKE_NONE,
    WAKE_WANTED, /* suspended until it is resumed */
    WAKE_COME,   /* resumed, before or after it was suspended */
};

struct http_transfer {
    struct http_exchange exchange;
    struct http_traffic *traffic;
    struct http_loop *loop;
    struct http_resumption resumption; /* its connection is the transfer's */
    struct http_connection *peer;
    enum transfer_state state;
    _Atomic(enum transfer_wake) wake;
    bool answering;        /* counted in the traffic's */
    bool discard;          /* the answer is known, or the body too long: read on, keep nothing */
    bool expects_continue; /* the client waits for "100 Continue" */
    bool is_chunked;       /* its body has no announced length */
    unsigned long long announced_len; /* of the body; 0: none was */
    size_t discard_max;
    size_t received; /* bytes of the body in all */
    char *body;      /* those that are kept */
    size_t body_room;
    atomic_bool stream_suspended;          /* it waits, or is about to, for its next piece */
    struct http_transfer *previous_stream; /* in the traffic's list, while a body is streamed */
    struct http_transfer *next_stream;
    const char *library_target; /* its own, until the head was read */
    char target[];              /* NUL-terminated */
};

/* All transfers of a server. */
struct http_traffic {
    struct http_application application;
    atomic_bool draining;       /* every answer asks to close the connection */
    atomic_bool closed;         /* the application is not called with new requests any more */
    atomic_bool ending;         /* nothing is streamed any more */
    atomic_uint in_application; /* threads that may be in its functions */
    atomic_uint exchanges;      /* requests between their request line and their end */
    atomic_uint answering;      /* those that have arrived in whole; streams are left out */
    atomic_size_t bodies_bytes; /* memory for bodies */
    pthread_mutex_t streams_lock;
    struct http_transfer *streams;
};

void http_traffic_init(struct http_traffic *traffic, const struct http_application *application);
void http_traffic_finish(struct http_traffic *traffic);

/* libmicrohttpd's callbacks; `context` is the traffic. */
void *http_transfer_begin(void *context, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_transfer_handle(void *context, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version,
                                     const char *upload, size_t *upload_size, void **request);
void http_transfer_end(void *context, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode code);

/* Suspends the connection until http_exchange_resume. False: that has happened already. */
bool http_transfer_suspend(struct http_transfer *transfer);

/* The transfer counts as one that is being answered, or does not any more. */
void http_transfer_set_answering(struct http_transfer *transfer, bool answering);

#endif
