/* SPDX-License-Identifier: MIT */
#include "common/http/http_connections.h"

#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/http/http_refusal.h"

enum {
    REAP_INTERVAL_MS = 1000,
    MANY_CONNECTIONS = 2048,
    MANY_IDLE_LIMIT_MS = 5 * 1000,
    GONE_MANY = 1024, /* as many leave enough memory behind to be worth the walk over all of it */
    BUSY = 0,
    STUCK_MS = 20,
    STUCK_BYTES = 4 * 1024, /* more than the line before a chunk has */
};

struct http_connection {
    struct http_connections *all;
    struct http_connection *previous;
    struct http_connection *next;
    int socket;
    bool crowded;
    atomic_bool answering;
    atomic_uint_least64_t deadline_ms;   /* clock_monotonic_ms, and so */
    pthread_t owner;                     /* the loop's thread; what follows is its alone */
    bool refused;                        /* it ends after that */
    bool receives;                       /* a body of which nobody knows how long it is */
    uint64_t progress_ms;                /* a piece of it last came */
    uint64_t taken;                      /* bytes that the library had read by then */
    void *request;                       /* that has not ended yet; the caller's */
    atomic_uint_least64_t idle_since_ms; /* the end of the last answer; BUSY: on the next request */
};

struct http_connections {
    pthread_t reaper;
    pthread_mutex_t lock; /* all that follows */
    pthread_cond_t stop_asked;
    bool stopping;
    struct http_connection *first;
    atomic_uint count;     /* may be read without it, both */
    atomic_uint receiving; /* those that may get stuck */
    unsigned most;         /* that there were since memory was given back */
    unsigned limit;
};

/* The client has closed its side, and all it sent has been read. */
static bool has_ended(const struct http_connection *connection)
{
    char byte;
    return recv(connection->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool is_late(const struct http_connection *connection, uint64_t now_ms)
{
    return atomic_load_explicit(&connection->deadline_ms, memory_order_relaxed) < now_ms;
}

static bool is_idle(const struct http_connection *connection, uint64_t now_ms)
{
    uint64_t since_ms = atomic_load_explicit(&connection->idle_since_ms, memory_order_relaxed);
    /* A request may have ended after the walk over all began, which is when now_ms is. */
    return since_ms != BUSY && since_ms + MANY_IDLE_LIMIT_MS <= now_ms;
}

/*
 * The library sees a socket that is shut down as one that ended, and closes it. `*excess`: how many
 * connections there are more than may be idle for long.
 */
static void check(struct http_connection *connection, uint64_t now_ms, unsigned *excess)
{
    bool let_go = *excess > 0 && is_idle(connection, now_ms);
    if (let_go || is_late(connection, now_ms)) {
        shutdown(connection->socket, SHUT_RDWR);
        *excess -= *excess > 0;
    } else if (!atomic_load_explicit(&connection->answering, memory_order_relaxed) &&
               has_ended(connection)) {
        shutdown(connection->socket, SHUT_RD); /* answers on their way still go out */
    }
}

/* False: the system does not tell. */
static bool count_received(const struct http_connection *connection, uint64_t *bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    bool told =
        getsockopt(connection->socket, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
        len >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    *bytes = told ? info.tcpi_bytes_received : 0;
    return told;
}

static bool count_unread(const struct http_connection *connection, uint64_t *bytes)
{
    int unread = 0;
    bool told = ioctl(connection->socket, FIONREAD, &unread) == 0;
    *bytes = (uint64_t)unread;
    return told;
}

/*
 * Bytes that the library has read from the socket. More may come between the two calls: asked in
 * this order it can only be too much.
 */
static uint64_t count_taken_at_most(const struct http_connection *connection)
{
    uint64_t unread;
    uint64_t received;
    bool told = count_unread(connection, &unread) && count_received(connection, &received);
    return told && received > unread ? received - unread : 0;
}

/* In this order only too little. 0 also: not known. */
static uint64_t count_taken_at_least(const struct http_connection *connection)
{
    uint64_t unread;
    uint64_t received;
    bool told = count_received(connection, &received) && count_unread(connection, &unread);
    return told && received > unread ? received - unread : 0;
}

static bool is_stuck(const struct http_connection *connection, uint64_t now_ms)
{
    return connection->receives && connection->progress_ms + STUCK_MS <= now_ms &&
           count_taken_at_least(connection) > connection->taken + STUCK_BYTES;
}

bool http_connections_may_be_stuck(struct http_connections *connections)
{
    return atomic_load_explicit(&connections->receiving, memory_order_relaxed) > 0;
}

void http_connections_end_stuck(struct http_connections *connections)
{
    uint64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&connections->lock);
    for (struct http_connection *each = connections->first; each != NULL; each = each->next) {
        if (pthread_equal(each->owner, pthread_self()) && is_stuck(each, now_ms)) {
            http_connection_refuse(each, MHD_HTTP_BAD_REQUEST);
            shutdown(each->socket, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&connections->lock);
}

unsigned http_connections_count(struct http_connections *connections)
{
    return atomic_load_explicit(&connections->count, memory_order_relaxed);
}

static void check_all(struct http_connections *connections)
{
    uint64_t now_ms = clock_monotonic_ms();
    unsigned count = http_connections_count(connections);
    unsigned excess = count > MANY_CONNECTIONS ? count - MANY_CONNECTIONS : 0;
    for (struct http_connection *each = connections->first; each != NULL; each = each->next) {
        check(each, now_ms, &excess);
    }
}

/*
 * Gives the memory of many connections back to the system after they ended; the allocator would
 * keep it.
 */
static void give_memory_back(struct http_connections *connections)
{
    unsigned count = http_connections_count(connections);
    if (connections->most - count >= GONE_MANY) {
        connections->most = count;
        pthread_mutex_unlock(&connections->lock);
        malloc_trim(0);
        pthread_mutex_lock(&connections->lock);
    }
}

/* The lock keeps a socket from being closed, and its number from being used again, meanwhile. */
static void *reap(void *arg)
{
    struct http_connections *connections = arg;
    pthread_mutex_lock(&connections->lock);
    while (!connections->stopping) {
        check_all(connections);
        struct timespec until = clock_monotonic_after(REAP_INTERVAL_MS);
        pthread_cond_timedwait(&connections->stop_asked, &connections->lock, &until);
        give_memory_back(connections);
    }
    pthread_mutex_unlock(&connections->lock);
    return NULL;
}

struct http_connections *http_connections_start(unsigned limit)
{
    struct http_connections *connections = memory_allocate(1, sizeof *connections);
    connections->limit = limit;
    pthread_mutex_init(&connections->lock, NULL);
    thread_cond_init(&connections->stop_asked);
    connections->reaper = thread_start("http-reaper", reap, connections);
    return connections;
}

void http_connections_stop(struct http_connections *connections)
{
    if (connections == NULL) {
        return;
    }
    pthread_mutex_lock(&connections->lock);
    connections->stopping = true;
    pthread_cond_signal(&connections->stop_asked);
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->reaper, NULL);
    pthread_cond_destroy(&connections->stop_asked);
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}

struct http_connection *http_connections_add(struct http_connections *connections, int socket,
                                             uint32_t deadline_ms)
{
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->all = connections;
    connection->socket = socket;
    http_connection_expect(connection, deadline_ms);
    connection->owner = pthread_self();
    pthread_mutex_lock(&connections->lock);
    connection->next = connections->first;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    connections->first = connection;
    connections->count++;
    connection->crowded = connections->count > connections->limit;
    if (connections->count > connections->most) {
        connections->most = connections->count;
    }
    pthread_mutex_unlock(&connections->lock);
    return connection;
}

void http_connections_remove(struct http_connections *connections,
                             struct http_connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        connections->first = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    connections->count--;
    pthread_mutex_unlock(&connections->lock);
    http_connection_has_received(connection);
    free(connection);
}

bool http_connection_is_crowded(const struct http_connection *connection)
{
    return connection->crowded;
}

void http_connection_expect(struct http_connection *connection, uint32_t deadline_ms)
{
    atomic_store_explicit(&connection->idle_since_ms, BUSY, memory_order_relaxed);
    atomic_store_explicit(&connection->deadline_ms, clock_monotonic_ms() + deadline_ms,
                          memory_order_relaxed);
}

void http_connection_expect_next(struct http_connection *connection)
{
    uint64_t now_ms = clock_monotonic_ms();
    atomic_store_explicit(&connection->deadline_ms, now_ms + HTTP_IDLE_LIMIT_MS,
                          memory_order_relaxed);
    atomic_store_explicit(&connection->idle_since_ms, now_ms, memory_order_relaxed);
}

void http_connection_receives(struct http_connection *connection)
{
    if (!connection->receives) {
        connection->receives = true;
        atomic_fetch_add_explicit(&connection->all->receiving, 1, memory_order_relaxed);
    }
    connection->progress_ms = clock_monotonic_ms();
    connection->taken = count_taken_at_most(connection);
}

void http_connection_has_received(struct http_connection *connection)
{
    if (connection->receives) {
        connection->receives = false;
        atomic_fetch_sub_explicit(&connection->all->receiving, 1, memory_order_relaxed);
    }
}

void http_connection_set_request(struct http_connection *connection, void *request)
{
    connection->request = request;
}

void *http_connection_request(const struct http_connection *connection)
{
    return connection->request;
}

void http_connection_refuse(struct http_connection *connection, unsigned status)
{
    if (!connection->refused) {
        connection->refused = true;
        http_refusal_send(connection->socket, status);
    }
}

void http_connection_end_output(struct http_connection *connection)
{
    shutdown(connection->socket, SHUT_WR);
}

void http_connection_note_refusal(struct http_connection *connection)
{
    connection->refused = true;
}

void http_connection_set_answering(struct http_connection *connection, bool answering)
{
    atomic_store_explicit(&connection->answering, answering, memory_order_relaxed);
}
