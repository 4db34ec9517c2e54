/* SPDX-License-Identifier: MIT */
#include "common/http/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/http/http_connections.h"
#include "common/http/http_listener.h"
#include "common/http/http_loops.h"
#include "common/http/http_raw_head.h"
#include "common/http/http_stream.h"
#include "common/http/http_transfer.h"

enum {
    CONNECTIONS_MAX = 16384,
    CONNECTIONS_SPARE = 1024,   /* connections past the limit that are answered 503 */
    DESCRIPTORS_OTHER = 64,     /* databases, Redis, logs, wake-ups */
    FIRST_LIMIT_MS = 10 * 1000, /* from the accept to the first request line */
    /*
     * For a request line and header fields, of each connection. The library fills what it has used
     * with zeros after each request. RFC 9110, 4.1: targets of 8,000 bytes should be accepted.
     */
    CONNECTION_BYTES = HTTP_HEAD_BYTES_MAX + 2 * 1024, /* and for the head of the answer */
    POLL_MS = 10,
    DRAIN_IDLE_MS = 500,     /* what connections without a request get during a drain */
    DRAIN_UNREADY_MS = 2000, /* what requests get that have not arrived in whole, and streams */
    STOP_ANSWERS_MS = 1000,  /* for answers that are made but not sent yet */
};

struct http_server {
    struct http_traffic traffic;
    struct http_loops *loops;
    struct http_connections *connections;
    uint16_t port;
    int listener; /* -1: closed */
};

/* libmicrohttpd: a socket was accepted, or is about to be closed. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int socket =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        /* Without memory for it, its first request ends it. */
        *socket_context = http_connections_add(server->connections, socket, FIRST_LIMIT_MS);
    } else if (*socket_context != NULL) {
        void *request = http_connection_request(*socket_context);
        http_transfer_end(&server->traffic, connection, &request,
                          MHD_REQUEST_TERMINATED_WITH_ERROR);
        http_connections_remove(server->connections, *socket_context);
    }
}

/* The library's own words, mostly about clients that went away. */
__attribute__((format(printf, 2, 0))) static void on_library_log(void *context, const char *format,
                                                                 va_list arguments)
{
    (void)context;
    char text[300];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http library", log_str("text", text));
}

/* As many connections as descriptors allow, up to CONNECTIONS_MAX. */
static unsigned connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return CONNECTIONS_SPARE;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = CONNECTIONS_MAX + CONNECTIONS_SPARE + DESCRIPTORS_OTHER;
    if (limit.rlim_cur >= most) {
        return CONNECTIONS_MAX;
    }
    rlim_t usable = limit.rlim_cur > DESCRIPTORS_OTHER ? limit.rlim_cur - DESCRIPTORS_OTHER : 1;
    return (unsigned)(usable - usable / 8);
}

/*
 * How strict the library is with clients. What 0.9 is lenient about request_gate.c refuses, and
 * says why. From 1.0 on leniency also means to repair requests: folded
 * lines are joined, blanks in a target redirected. That must not be.
 */
static int client_discipline(void)
{
    return http_library_is_lenient() ? 0 : 1;
}

static struct MHD_Daemon *make_daemon(void *context)
{
    struct http_server *server = context;
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG,
                            0, NULL, NULL, http_transfer_handle, &server->traffic,
                            MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
                            MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_MAX + CONNECTIONS_SPARE,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_LIMIT_MS / 1000,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_STRICT_FOR_CLIENT, client_discipline(),
                            MHD_OPTION_URI_LOG_CALLBACK, http_transfer_begin, &server->traffic,
                            MHD_OPTION_NOTIFY_COMPLETED, http_transfer_end, &server->traffic,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

static bool may_be_stuck(void *context)
{
    return http_connections_may_be_stuck(((struct http_server *)context)->connections);
}

static void end_stuck(void *context)
{
    http_connections_end_stuck(((struct http_server *)context)->connections);
}

struct http_server *http_server_start(int listener, const struct http_application *application)
{
    struct http_server *server = memory_allocate(1, sizeof *server);
    unsigned limit = connection_limit();
    unsigned spare = limit == CONNECTIONS_MAX ? CONNECTIONS_SPARE : limit / 8;
    http_traffic_init(&server->traffic, application);
    server->port = http_listener_port(listener);
    server->listener = listener;
    server->connections = http_connections_start(limit);
    if (server->port != 0 && listen(listener, SOMAXCONN) == 0) {
        server->loops = http_loops_start(&(struct http_loops_config){
            .listener = listener,
            .connections_max = limit + spare,
            .make_daemon = make_daemon,
            .may_be_stuck = may_be_stuck,
            .end_stuck = end_stuck,
            .context = server,
        });
    }
    if (server->loops == NULL) {
        log_error("HOST, PORT: cannot listen there, so the program ends",
                  log_int("port", server->port), log_str("error", strerror(errno)));
        close(listener);
        http_connections_stop(server->connections);
        http_traffic_finish(&server->traffic);
        free(server);
        return NULL;
    }
    return server;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

/*
 * Waits until no client is left, or none that can still be served: those whose request has arrived
 * are answered, those in the middle of one get a while, those without one a moment to send it.
 */
static void await_clients(struct http_server *server, uint32_t limit_ms)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t busy_ms = start_ms; /* when a request was last being answered */
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        if (http_connections_count(server->connections) == 0) {
            return;
        }
        if (atomic_load(&server->traffic.answering) > 0) {
            busy_ms = now_ms;
        }
        bool unready =
            atomic_load(&server->traffic.exchanges) > 0 && now_ms - start_ms < DRAIN_UNREADY_MS;
        if ((!unready && now_ms - busy_ms >= DRAIN_IDLE_MS) || now_ms - start_ms >= limit_ms) {
            return;
        }
        clock_sleep_ms(POLL_MS);
    }
}

void http_server_drain(struct http_server *server, uint32_t limit_ms)
{
    atomic_store(&server->traffic.draining, true);
    http_stream_wake_all(&server->traffic); /* those that are endless end now */
    http_loops_close(server->loops);
    close(server->listener);
    server->listener = -1;
    await_clients(server, limit_ms);
    atomic_store(&server->traffic.closed, true);
    while (atomic_load(&server->traffic.in_application) > 0) {
        clock_sleep_ms(POLL_MS);
    }
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->traffic.ending, true);
    http_stream_wake_all(&server->traffic);
    uint64_t until_ms = clock_monotonic_ms() + STOP_ANSWERS_MS;
    while (atomic_load(&server->traffic.answering) > 0 && clock_monotonic_ms() < until_ms) {
        clock_sleep_ms(POLL_MS);
    }
    while (http_stream_any_suspended(&server->traffic)) {
        clock_sleep_ms(POLL_MS);
    }
    http_loops_stop(server->loops);
    if (server->listener >= 0) {
        close(server->listener);
    }
    http_connections_stop(server->connections);
    http_traffic_finish(&server->traffic);
    free(server);
}
