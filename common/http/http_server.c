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
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/http/http_connections.h"
#include "common/http/http_listener.h"
#include "common/http/http_loops.h"
#include "common/http/problem.h"

enum {
    CONNECTIONS_MAX = 16384,
    CONNECTIONS_SPARE = 1024, /* connections past the limit that are told 503 */
    DESCRIPTORS_OTHER = 64,   /* databases, Redis, logs, wake-ups */
    BODY_ROOM_FIRST = 512,
    BODIES_BYTES_MAX = 64 * 1024 * 1024, /* of all requests together */
    /* Bytes of a body that is too long, read only to answer in an orderly way. */
    DISCARD_MAX = 4 * 1024 * 1024,
    FIRST_LIMIT_MS = 10 * 1000, /* from the accept to the first request line */
    /*
     * For a request line and header fields, of each connection. The library fills what it has used
     * with zeros after each request. RFC 9110, 4.1: targets of 8,000 bytes should be taken.
     */
    CONNECTION_BYTES = HTTP_HEAD_BYTES_MAX + 2 * 1024, /* and for the head of the answer */
    HEADER_LIMIT_MS = 10 * 1000, /* from the request line to the end of the header section */
    BODY_LIMIT_MS = 20 * 1000,   /* from there to the end of the body */
    POLL_MS = 10,
    DRAIN_IDLE_MS = 500,     /* what connections without a request get during a drain */
    DRAIN_UNREADY_MS = 2000, /* what requests get that have not arrived in whole */
    STOP_ANSWERS_MS = 1000,  /* for answers that are made but not sent yet */
};

struct http_server {
    struct http_application application;
    struct http_loops *loops;
    struct http_connections *connections;
    uint16_t port;
    int listener;               /* -1: closed */
    atomic_bool draining;       /* every answer asks to close the connection */
    atomic_bool closed;         /* the application is not called with new requests any more */
    atomic_uint in_application; /* threads that may be in its on_request */
    atomic_uint exchanges;      /* requests between their request line and their end */
    atomic_uint answering;      /* those that have arrived in whole */
    atomic_size_t bodies_bytes; /* memory for bodies */
};

enum exchange_state { EXCHANGE_NEW, EXCHANGE_BODY, EXCHANGE_WAITING, EXCHANGE_SENT };

struct http_exchange {
    struct http_server *server;
    struct http_loop *loop;
    struct http_resumption resumption; /* its connection is the exchange's */
    struct http_connection *peer;
    enum exchange_state state;
    bool answering;
    bool discard; /* the answer is known, or the body too long: read on, keep nothing */
    size_t discard_max;
    char *body;
    size_t body_len; /* bytes kept, or, with `discard`, read in all */
    size_t body_room;
    struct http_response response;
    void *data;
    char target[]; /* NUL-terminated */
};

void *http_exchange_data(struct http_exchange *exchange)
{
    return exchange->data;
}

struct http_response *http_exchange_response(struct http_exchange *exchange)
{
    return &exchange->response;
}

const char *http_exchange_target(const struct http_exchange *exchange)
{
    return exchange->target;
}

const char *http_exchange_body(const struct http_exchange *exchange, size_t *len)
{
    *len = exchange->body_len;
    return exchange->body != NULL ? exchange->body : "";
}

void http_exchange_suspend(struct http_exchange *exchange)
{
    exchange->state = EXCHANGE_WAITING;
    MHD_suspend_connection(exchange->resumption.connection);
}

void http_exchange_resume(struct http_exchange *exchange)
{
    http_loop_resume(exchange->loop, &exchange->resumption);
}

/* The request has arrived in whole, or is answered without. */
static void start_answering(struct http_exchange *exchange)
{
    if (!exchange->answering) {
        exchange->answering = true;
        http_connection_set_answering(exchange->peer, true);
        /* The server's turn: the application has deadlines of its own. */
        http_connection_expect(exchange->peer, HTTP_IDLE_LIMIT_MS);
        atomic_fetch_add(&exchange->server->answering, 1);
    }
}

/* libmicrohttpd: a request line has arrived. What this returns becomes the request's own pointer.
 */
static void *on_request_line(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = context;
    size_t len = strlen(uri);
    struct http_connection *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct http_exchange *exchange = calloc(1, sizeof *exchange + len + 1);
    void *data = calloc(1, server->application.data_size);
    if (peer == NULL || exchange == NULL || data == NULL) {
        free(exchange);
        free(data);
        return NULL; /* on_request ends the connection */
    }
    exchange->server = server;
    exchange->loop = http_loop_here();
    exchange->resumption.connection = connection;
    exchange->peer = peer;
    exchange->data = data;
    memcpy(exchange->target, uri, len + 1);
    http_connection_expect(peer, HEADER_LIMIT_MS);
    atomic_fetch_add(&server->exchanges, 1);
    return exchange;
}

static void on_request_end(void *context, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct http_server *server = context;
    struct http_exchange *exchange = *request;
    if (exchange == NULL) {
        return;
    }
    if (exchange->answering) {
        http_connection_set_answering(exchange->peer, false);
        atomic_fetch_sub(&server->answering, 1);
    }
    http_connection_expect_next(exchange->peer);
    atomic_fetch_sub(&server->bodies_bytes, exchange->body_room);
    http_response_finish(&exchange->response);
    free(exchange->body);
    free(exchange->data);
    free(exchange);
    *request = NULL;
    atomic_fetch_sub(&server->exchanges, 1);
}

static enum MHD_Result send_response(struct http_exchange *exchange)
{
    struct http_response *response = &exchange->response;
    start_answering(exchange);
    /* The exchange, and so the body, outlives the sending: nothing is copied. */
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(response->body_len,
                                        (void *)(uintptr_t)http_response_body(response),
                                        MHD_RESPMEM_PERSISTENT);
    if (answer == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(answer, "Content-Type", response->content_type);
    for (size_t i = 0; i < response->header_count; i++) {
        MHD_add_response_header(answer, response->headers[i].name, response->headers[i].value);
    }
    if (response->close ||
        atomic_load_explicit(&exchange->server->draining, memory_order_relaxed)) {
        MHD_add_response_header(answer, "Connection", "close");
    }
    exchange->state = EXCHANGE_SENT;
    enum MHD_Result queued =
        MHD_queue_response(exchange->resumption.connection, response->status, answer);
    MHD_destroy_response(answer);
    return queued;
}

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct http_head *head = context;
    if (head->header_count == HTTP_HEADERS_MAX) {
        head->too_many_headers = true;
        return MHD_NO;
    }
    head->headers[head->header_count++] = (struct http_header){
        .name = name,
        .name_len = name_len,
        .value = value != NULL ? value : "",
        .value_len = value_len,
    };
    return MHD_YES;
}

/* 0 when no length is announced. */
static unsigned long long announced_length(const struct http_head *head)
{
    const char *length = http_head_find(head, "Content-Length");
    return length != NULL ? strtoull(length, NULL, 10) : 0;
}

static enum MHD_Result begin(struct http_exchange *exchange, const char *method,
                             const char *version)
{
    struct http_server *server = exchange->server;
    struct http_head head = {.method = method,
                             .target = exchange->target,
                             .version = version,
                             .crowded = http_connection_is_crowded(exchange->peer)};
    MHD_get_connection_values_n(exchange->resumption.connection, MHD_HEADER_KIND, collect_header,
                                &head);
    http_connection_expect(exchange->peer, BODY_LIMIT_MS);
    exchange->state = EXCHANGE_BODY;
    exchange->discard_max = HTTP_BODY_MAX;
    enum http_next next = server->application.on_head(server->application.context, exchange, &head);
    unsigned long long length = announced_length(&head);
    if (next == HTTP_READ_BODY) {
        exchange->discard_max = DISCARD_MAX;
    }
    if (next == HTTP_READ_BODY && length > HTTP_BODY_MAX) {
        problem_too_large(&exchange->response, exchange->target);
        next = HTTP_ANSWER;
    }
    exchange->response.close = exchange->response.close || head.crowded;
    exchange->discard = next == HTTP_ANSWER;
    /* Who waits for "100 Continue" is told at once; so is who would send too much. */
    bool now = length > exchange->discard_max || http_head_find(&head, "Expect") != NULL;
    if (exchange->discard && (exchange->response.close || now)) {
        exchange->response.close = true;
        return send_response(exchange);
    }
    return MHD_YES;
}

/* False: no memory, or the bodies of all requests have taken what they may. */
static bool make_room(struct http_exchange *exchange, size_t needed)
{
    size_t room = exchange->body_room > 0 ? exchange->body_room : BODY_ROOM_FIRST;
    while (room < needed) {
        room *= 2;
    }
    size_t more = room - exchange->body_room;
    if (more == 0) {
        return true;
    }
    size_t before = atomic_fetch_add(&exchange->server->bodies_bytes, more);
    char *body = before + more <= BODIES_BYTES_MAX ? realloc(exchange->body, room) : NULL;
    if (body == NULL) {
        atomic_fetch_sub(&exchange->server->bodies_bytes, more);
        return false;
    }
    exchange->body = body;
    exchange->body_room = room;
    return true;
}

/* Keeps a piece of the body, or only counts it. MHD_NO ends the connection without an answer. */
static enum MHD_Result receive(struct http_exchange *exchange, const char *piece, size_t len)
{
    if (!exchange->discard && exchange->body_len + len > HTTP_BODY_MAX) {
        problem_too_large(&exchange->response, exchange->target);
        exchange->discard = true;
    }
    if (!exchange->discard && !make_room(exchange, exchange->body_len + len)) {
        problem_unavailable(&exchange->response, exchange->target,
                            "too much is being sent at once; nothing was stored; try again");
        exchange->discard = true;
    }
    if (!exchange->discard) {
        memcpy(exchange->body + exchange->body_len, piece, len);
    }
    exchange->body_len += len;
    return !exchange->discard || exchange->body_len <= exchange->discard_max ? MHD_YES : MHD_NO;
}

/* HTTP_WAIT: the exchange may be in other hands already. */
static enum http_next hand_over(struct http_server *server, struct http_exchange *exchange)
{
    enum http_next next = HTTP_ANSWER;
    atomic_fetch_add(&server->in_application, 1);
    if (atomic_load(&server->closed)) {
        problem_unavailable(&exchange->response, exchange->target, "shutting down");
    } else {
        next = server->application.on_request(server->application.context, exchange);
    }
    atomic_fetch_sub(&server->in_application, 1);
    return next;
}

static enum MHD_Result end_of_body(struct http_exchange *exchange)
{
    start_answering(exchange);
    if (exchange->discard) {
        return send_response(exchange);
    }
    return hand_over(exchange->server, exchange) == HTTP_WAIT ? MHD_YES : send_response(exchange);
}

/* libmicrohttpd's access handler: headers complete, pieces of the body, its end, and each resume.
 */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    (void)context;
    (void)connection;
    (void)url;
    struct http_exchange *exchange = *request;
    if (exchange == NULL) {
        return MHD_NO;
    }
    if (exchange->state == EXCHANGE_NEW) {
        return begin(exchange, method, version);
    }
    if (*upload_size > 0) {
        size_t len = *upload_size;
        *upload_size = 0;
        return exchange->state == EXCHANGE_BODY ? receive(exchange, upload, len) : MHD_YES;
    }
    switch (exchange->state) {
    case EXCHANGE_BODY:
        return end_of_body(exchange);
    case EXCHANGE_WAITING:
        exchange->server->application.on_resumed(exchange->server->application.context, exchange);
        return send_response(exchange);
    default:
        return MHD_YES;
    }
}

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
 * How strict the library is with clients. Its own refusals are HTML, and what 0.9 is lenient about
 * request_gate.c refuses as a problem. From 1.0 on leniency also means to repair requests: folded
 * lines are joined, blanks in a target redirected. That must not be.
 */
enum { CLIENT_DISCIPLINE = MHD_VERSION >= 0x01000000 ? 1 : 0 };

static struct MHD_Daemon *make_daemon(void *context)
{
    struct http_server *server = context;
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG,
                            0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
                            on_library_log, NULL, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_MAX + CONNECTIONS_SPARE,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_LIMIT_MS / 1000,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_STRICT_FOR_CLIENT, (int)CLIENT_DISCIPLINE,
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
                            MHD_OPTION_NOTIFY_COMPLETED, on_request_end, server,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

struct http_server *http_server_start(int listener, const struct http_application *application)
{
    struct http_server *server = memory_allocate(1, sizeof *server);
    unsigned limit = connection_limit();
    unsigned spare = limit == CONNECTIONS_MAX ? CONNECTIONS_SPARE : limit / 8;
    server->application = *application;
    server->port = http_listener_port(listener);
    server->listener = listener;
    server->connections = http_connections_start(limit);
    if (server->port != 0 && listen(listener, SOMAXCONN) == 0) {
        server->loops = http_loops_start(&(struct http_loops_config){
            .listener = listener,
            .connections_max = limit + spare,
            .make_daemon = make_daemon,
            .context = server,
        });
    }
    if (server->loops == NULL) {
        log_error("HOST, PORT: cannot listen there", log_int("port", server->port),
                  log_str("error", strerror(errno)));
        close(listener);
        http_connections_stop(server->connections);
        free(server);
        return NULL;
    }
    return server;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

static void wait_a_moment(void)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    nanosleep(&pause, NULL);
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
        if (atomic_load(&server->answering) > 0) {
            busy_ms = now_ms;
        }
        bool unready = atomic_load(&server->exchanges) > 0 && now_ms - start_ms < DRAIN_UNREADY_MS;
        if ((!unready && now_ms - busy_ms >= DRAIN_IDLE_MS) || now_ms - start_ms >= limit_ms) {
            return;
        }
        wait_a_moment();
    }
}

void http_server_drain(struct http_server *server, uint32_t limit_ms)
{
    atomic_store(&server->draining, true);
    http_loops_close(server->loops);
    close(server->listener);
    server->listener = -1;
    await_clients(server, limit_ms);
    atomic_store(&server->closed, true);
    while (atomic_load(&server->in_application) > 0) {
        wait_a_moment();
    }
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    uint64_t until_ms = clock_monotonic_ms() + STOP_ANSWERS_MS;
    while (atomic_load(&server->answering) > 0 && clock_monotonic_ms() < until_ms) {
        wait_a_moment();
    }
    http_loops_stop(server->loops);
    if (server->listener >= 0) {
        close(server->listener);
    }
    http_connections_stop(server->connections);
    free(server);
}
