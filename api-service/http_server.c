/* SPDX-License-Identifier: MIT */
#include "api-service/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-service/problem.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/thread.h"

enum {
    POOL_THREADS = 2, /* with fewer, libmicrohttpd's epoll stalls under many connections */
    CONNECTIONS_MAX = 16384,
    CONNECTIONS_SPARE = 1024, /* connections past the limit that are told 503 */
    DESCRIPTORS_OTHER = 64,   /* databases, Redis, logs, wake-ups */
    DISCARD_MAX =
        4 * 1024 * 1024,       /* bytes of a body that is too long, read only to answer politely */
    IDLE_LIMIT_MS = 75 * 1000, /* from one request to the complete header of the next */
    HEADER_LIMIT_MS = 10 * 1000, /* from the request line to the end of the header section */
    BODY_LIMIT_MS = 20 * 1000,   /* from there to the end of the body */
    REAP_INTERVAL_MS = 1000,
    DRAIN_POLL_MS = 10,
    DRAIN_IDLE_MS = 500, /* what a connection without a request gets during a drain */
};

/* One accepted socket, in a list for the reaper. libmicrohttpd has no deadline for a slow header.
 */
struct http_connection {
    struct http_connection *previous;
    struct http_connection *next;
    int socket;
    atomic_uint_least64_t deadline_ms; /* clock_monotonic_ms */
};

struct http_server {
    struct http_application application;
    struct MHD_Daemon *daemon;
    int listener;
    uint16_t port;
    unsigned connections_max;
    atomic_bool draining;       /* every answer asks to close the connection */
    atomic_bool closed;         /* the application is not called with new requests any more */
    atomic_uint in_application; /* threads that may be in its on_request */
    atomic_uint exchanges;      /* requests between their request line and their end */

    pthread_t reaper;
    pthread_mutex_t lock; /* the list, its count, and `stopping` */
    pthread_cond_t stop_asked;
    bool stopping;
    struct http_connection *connections;
    unsigned connection_count;
};

enum exchange_state { EXCHANGE_NEW, EXCHANGE_BODY, EXCHANGE_WAITING, EXCHANGE_SENT };

struct http_exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_connection *peer;
    enum exchange_state state;
    bool discard; /* the answer is known, or the body too long: read on, keep nothing */
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
    MHD_suspend_connection(exchange->connection);
}

void http_exchange_resume(struct http_exchange *exchange)
{
    MHD_resume_connection(exchange->connection);
}

static void set_deadline(struct http_connection *peer, uint32_t limit_ms)
{
    atomic_store_explicit(&peer->deadline_ms, clock_monotonic_ms() + limit_ms,
                          memory_order_relaxed);
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
    exchange->connection = connection;
    exchange->peer = peer;
    exchange->data = data;
    memcpy(exchange->target, uri, len + 1);
    set_deadline(exchange->peer, HEADER_LIMIT_MS);
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
    set_deadline(exchange->peer, IDLE_LIMIT_MS);
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
    enum MHD_Result queued = MHD_queue_response(exchange->connection, response->status, answer);
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

static bool is_crowded(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool crowded = server->connection_count > server->connections_max;
    pthread_mutex_unlock(&server->lock);
    return crowded;
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
    struct http_head head = {.method = method, .target = exchange->target, .version = version};
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, collect_header, &head);
    set_deadline(exchange->peer, BODY_LIMIT_MS);
    exchange->state = EXCHANGE_BODY;
    enum http_next next = HTTP_ANSWER;
    if (is_crowded(server)) {
        problem_unavailable(&exchange->response, exchange->target,
                            "too many connections; try again on a new one");
        exchange->response.close = true;
    } else {
        next = server->application.on_head(server->application.context, exchange, &head);
    }
    unsigned long long length = announced_length(&head);
    if (next == HTTP_READ_BODY && length > HTTP_BODY_MAX) {
        problem_too_large(&exchange->response, exchange->target);
        next = HTTP_ANSWER;
    }
    exchange->discard = next == HTTP_ANSWER;
    /* A body too long even to be read and thrown away: answer now and close. */
    if (exchange->discard && (exchange->response.close || length > DISCARD_MAX)) {
        exchange->response.close = true;
        return send_response(exchange);
    }
    return MHD_YES;
}

/* Keeps a piece of the body, or only counts it. MHD_NO ends the connection without an answer. */
static enum MHD_Result receive(struct http_exchange *exchange, const char *piece, size_t len)
{
    if (exchange->discard || exchange->body_len + len > HTTP_BODY_MAX) {
        exchange->body_len += len;
        exchange->discard = true;
        return exchange->body_len <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    if (exchange->body_len + len > exchange->body_room) {
        size_t room = exchange->body_len + len;
        char *body = realloc(exchange->body, room);
        if (body == NULL) {
            return MHD_NO;
        }
        exchange->body = body;
        exchange->body_room = room;
    }
    memcpy(exchange->body + exchange->body_len, piece, len);
    exchange->body_len += len;
    return MHD_YES;
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
    if (exchange->discard) {
        if (exchange->response.status == 0) {
            problem_too_large(&exchange->response, exchange->target);
        }
        return send_response(exchange);
    }
    /* The server answers from here on, within the application's own deadlines. */
    set_deadline(exchange->peer, IDLE_LIMIT_MS);
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

static void link_connection(struct http_server *server, struct http_connection *peer)
{
    pthread_mutex_lock(&server->lock);
    peer->next = server->connections;
    if (peer->next != NULL) {
        peer->next->previous = peer;
    }
    server->connections = peer;
    server->connection_count++;
    pthread_mutex_unlock(&server->lock);
}

static void unlink_connection(struct http_server *server, struct http_connection *peer)
{
    pthread_mutex_lock(&server->lock);
    if (peer->previous != NULL) {
        peer->previous->next = peer->next;
    } else {
        server->connections = peer->next;
    }
    if (peer->next != NULL) {
        peer->next->previous = peer->previous;
    }
    server->connection_count--;
    pthread_mutex_unlock(&server->lock);
}

/* libmicrohttpd: a socket was accepted, or is about to be closed. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context != NULL) {
            unlink_connection(server, *socket_context);
        }
        free(*socket_context);
        return;
    }
    struct http_connection *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return; /* its first request ends the connection */
    }
    peer->socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    set_deadline(peer, IDLE_LIMIT_MS);
    link_connection(server, peer);
    *socket_context = peer;
}

/*
 * Shuts down sockets whose client has taken too long; the server then sees them end. The lock keeps
 * a socket from being closed, and its number from being used again, meanwhile.
 */
static void *reap(void *arg)
{
    struct http_server *server = arg;
    pthread_mutex_lock(&server->lock);
    while (!server->stopping) {
        uint64_t now_ms = clock_monotonic_ms();
        for (struct http_connection *peer = server->connections; peer != NULL; peer = peer->next) {
            if (atomic_load_explicit(&peer->deadline_ms, memory_order_relaxed) < now_ms) {
                shutdown(peer->socket, SHUT_RDWR);
            }
        }
        struct timespec until = clock_monotonic_after(REAP_INTERVAL_MS);
        pthread_cond_timedwait(&server->stop_asked, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
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

static int open_listener(const struct addrinfo *address)
{
    int listener = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          address->ai_protocol);
    if (listener < 0) {
        return -1;
    }
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(listener, SOMAXCONN) == 0) {
        return listener;
    }
    int error = errno;
    close(listener);
    errno = error;
    return -1;
}

static int listen_on(const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(host, service, &hints, &addresses);
    if (error != 0) {
        log_error("HOST: no such address", log_str("host", host),
                  log_str("error", gai_strerror(error)));
        return -1;
    }
    int listener = open_listener(addresses);
    if (listener < 0) {
        log_error("HOST, PORT: cannot listen there", log_str("host", host), log_int("port", port),
                  log_str("error", strerror(errno)));
    }
    freeaddrinfo(addresses);
    return listener;
}

static uint16_t bound_port(int listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char service[8] = "0";
    if (getsockname(listener, (struct sockaddr *)&address, &len) == 0) {
        getnameinfo((struct sockaddr *)&address, len, NULL, 0, service, sizeof service,
                    NI_NUMERICSERV);
    }
    return (uint16_t)strtoul(service, NULL, 10);
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
 * request_gate.c refuses as a problem. From 1.0 on leniency also means to mend requests: folded
 * lines are joined, blanks in a target redirected. That must not be.
 */
enum { CLIENT_DISCIPLINE = MHD_VERSION >= 0x01000000 ? 1 : 0 };

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    unsigned limit = server->connections_max == CONNECTIONS_MAX
                         ? CONNECTIONS_MAX + CONNECTIONS_SPARE
                         : server->connections_max + server->connections_max / 8;
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG,
                            0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
                            on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, server->listener,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)POOL_THREADS,
                            MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)IDLE_LIMIT_MS / 1000, MHD_OPTION_STRICT_FOR_CLIENT,
                            (int)CLIENT_DISCIPLINE, MHD_OPTION_URI_LOG_CALLBACK, on_request_line,
                            server, MHD_OPTION_NOTIFY_COMPLETED, on_request_end, server,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

struct http_server *http_server_start(const char *host, uint16_t port,
                                      const struct http_application *application)
{
    struct http_server *server = memory_allocate(1, sizeof *server);
    server->application = *application;
    server->connections_max = connection_limit();
    server->listener = listen_on(host, port);
    if (server->listener < 0) {
        free(server);
        return NULL;
    }
    server->port = bound_port(server->listener);
    pthread_mutex_init(&server->lock, NULL);
    thread_cond_init(&server->stop_asked);
    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        log_error("the HTTP server does not start", log_str("error", strerror(errno)));
        close(server->listener);
        free(server);
        return NULL;
    }
    server->reaper = thread_start("http-reaper", reap, server);
    return server;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

static unsigned count_connections(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

/* Waits until no client is left, no request has come for a while, or `patience_ms` have passed. */
static void await_clients(struct http_server *server, uint32_t patience_ms)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t busy_ms = start_ms; /* when a request was last seen under way */
    const struct timespec pause = {.tv_nsec = DRAIN_POLL_MS * 1000000L};
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        if (atomic_load(&server->exchanges) > 0) {
            busy_ms = now_ms;
        }
        if (count_connections(server) == 0 || now_ms - busy_ms >= DRAIN_IDLE_MS ||
            now_ms - start_ms >= patience_ms) {
            return;
        }
        nanosleep(&pause, NULL);
    }
}

void http_server_drain(struct http_server *server, uint32_t patience_ms)
{
    atomic_store(&server->draining, true);
    int listener = MHD_quiesce_daemon(server->daemon);
    if (listener >= 0) {
        close(listener);
    }
    await_clients(server, patience_ms);
    atomic_store(&server->closed, true);
    const struct timespec pause = {.tv_nsec = DRAIN_POLL_MS * 1000000L};
    while (atomic_load(&server->in_application) > 0) {
        nanosleep(&pause, NULL);
    }
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_signal(&server->stop_asked);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->reaper, NULL);
    MHD_stop_daemon(server->daemon);
    pthread_cond_destroy(&server->stop_asked);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
