/* SPDX-License-Identifier: MIT */
#include "common/http/http_transfer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/http/http_raw_head.h"
#include "common/http/http_refusal.h"
#include "common/http/http_stream.h"
#include "common/http/problem.h"

enum {
    BODY_ROOM_FIRST = 512,
    BODIES_BYTES_MAX = 64 * 1024 * 1024, /* of all requests together */
    /* Bytes of a body that is too long, read only to answer in an orderly way. */
    DISCARD_MAX = 4 * 1024 * 1024,
    HEADER_LIMIT_MS = 10 * 1000, /* from the request line to the end of the header section */
    BODY_LIMIT_MS = 20 * 1000,   /* from there to the end of the body */
    TRAILERS_BYTES_MAX = 1024,   /* half of what is kept for the head of an answer */
    TRAILER_ENTRY_BYTES = 64,    /* what the library takes for a field besides its text */
};

static const char too_long[] = "the body may be 65536 bytes long at most";

void http_traffic_init(struct http_traffic *traffic, const struct http_application *application)
{
    traffic->application = *application;
    pthread_mutex_init(&traffic->streams_lock, NULL);
}

void http_traffic_finish(struct http_traffic *traffic)
{
    assert(traffic->streams == NULL);
    pthread_mutex_destroy(&traffic->streams_lock);
}

static struct http_transfer *of(struct http_exchange *exchange)
{
    return (struct http_transfer *)exchange;
}

void *http_exchange_allocate(struct http_exchange *exchange, size_t size)
{
    assert(exchange->data == NULL);
    exchange->data = calloc(1, size);
    return exchange->data;
}

enum http_next http_exchange_wait(struct http_exchange *exchange,
                                  enum http_next (*then)(void *context,
                                                         struct http_exchange *exchange))
{
    exchange->then = then;
    return HTTP_WAIT;
}

bool http_exchange_is_closing(const struct http_exchange *exchange)
{
    return atomic_load(&((const struct http_transfer *)exchange)->traffic->closed);
}

void http_exchange_print_peer(const struct http_exchange *exchange, char text[HTTP_PEER_SIZE])
{
    const struct http_transfer *transfer = (const struct http_transfer *)exchange;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transfer->resumption.connection,
                                MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    http_peer_print(info != NULL ? info->client_addr : NULL, text);
}

/* A transfer that is not suspended yet finds later that it need not be. */
void http_exchange_resume(struct http_exchange *exchange)
{
    struct http_transfer *transfer = of(exchange);
    if (atomic_exchange(&transfer->wake, WAKE_COME) == WAKE_WANTED) {
        http_loop_resume(transfer->loop, &transfer->resumption);
    }
}

bool http_transfer_suspend(struct http_transfer *transfer)
{
    enum transfer_wake none = WAKE_NONE;
    if (!atomic_compare_exchange_strong(&transfer->wake, &none, WAKE_WANTED)) {
        return false;
    }
    /* It may be on the loop's list of resumed ones already, which only this thread works off. */
    MHD_suspend_connection(transfer->resumption.connection);
    return true;
}

void http_transfer_set_answering(struct http_transfer *transfer, bool answering)
{
    if (transfer->answering != answering) {
        transfer->answering = answering;
        atomic_fetch_add(&transfer->traffic->answering, answering ? 1U : -1U);
    }
}

/* The request has arrived in whole, or is answered without. */
static void start_answering(struct http_transfer *transfer)
{
    if (!transfer->answering) {
        http_connection_set_answering(transfer->peer, true);
        /* Now the client waits for the server; the application has its own deadlines. */
        http_connection_expect(transfer->peer, HTTP_IDLE_LIMIT_MS);
        http_transfer_set_answering(transfer, true);
    }
}

/*
 * libmicrohttpd takes the query apart too, into memory of the connection, and 0.9 leaves a request
 * unanswered whose parameters find no room there. http_query.c does it, so the library gets none:
 * its own copy of the target ends here behind the '?'.
 */
static void hide_query(const char *uri)
{
    char *query = strchr((char *)(uintptr_t)uri, '?');
    if (query != NULL) {
        query[1] = '\0';
    }
}

/* A request line has arrived. What this returns becomes the request's own pointer. */
void *http_transfer_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct http_traffic *traffic = context;
    size_t len = strlen(uri);
    struct http_connection *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct http_transfer *transfer = calloc(1, sizeof *transfer + len + 1);
    if (peer == NULL || transfer == NULL) {
        free(transfer);
        return NULL; /* http_transfer_handle ends the connection */
    }
    transfer->traffic = traffic;
    transfer->loop = http_loop_here();
    transfer->resumption.connection = connection;
    transfer->peer = peer;
    memcpy(transfer->target, uri, len + 1);
    transfer->exchange.target = transfer->target;
    transfer->library_target = uri;
    hide_query(uri);
    http_connection_set_request(peer, transfer);
    http_connection_expect(peer, HEADER_LIMIT_MS);
    atomic_fetch_add(&traffic->exchanges, 1);
    return transfer;
}

void http_transfer_end(void *context, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct http_traffic *traffic = context;
    struct http_transfer *transfer = *request;
    if (transfer == NULL) {
        return;
    }
    http_stream_stop(transfer);
    http_response_finish(&transfer->exchange.response);
    http_transfer_set_answering(transfer, false);
    http_connection_set_answering(transfer->peer, false);
    http_connection_has_received(transfer->peer);
    http_connection_set_request(transfer->peer, NULL);
    http_connection_expect_next(transfer->peer);
    atomic_fetch_sub(&traffic->bodies_bytes, transfer->body_room);
    http_query_finish(&transfer->exchange.query);
    free(transfer->exchange.data);
    free(transfer->body);
    free(transfer);
    *request = NULL;
    atomic_fetch_sub(&traffic->exchanges, 1);
}

/* The exchange, and so the body, outlives the sending: nothing is copied. */
static struct MHD_Response *make_answer(struct http_transfer *transfer)
{
    const struct http_response *response = &transfer->exchange.response;
    if (response->stream.next != NULL) {
        return http_stream_start(transfer);
    }
    return MHD_create_response_from_buffer(response->body_len,
                                           (void *)(uintptr_t)http_response_body(response),
                                           MHD_RESPMEM_PERSISTENT);
}

/* False: no memory, or the library refuses a field; the answer would not be the one that was made.
 */
static bool add_fields(const struct http_transfer *transfer, struct MHD_Response *answer)
{
    const struct http_response *response = &transfer->exchange.response;
    const char *name;
    const char *value;
    bool added = text_is_whole(&response->fields) &&
                 MHD_add_response_header(answer, "Content-Type", response->content_type) == MHD_YES;
    for (size_t at = 0; added && http_response_next_header(response, &at, &name, &value);) {
        added = MHD_add_response_header(answer, name, value) == MHD_YES;
    }
    if (added && (response->close ||
                  atomic_load_explicit(&transfer->traffic->draining, memory_order_relaxed))) {
        added = MHD_add_response_header(answer, "Connection", "close") == MHD_YES;
    }
    return added;
}

static enum MHD_Result send_response(struct http_transfer *transfer)
{
    const struct http_response *response = &transfer->exchange.response;
    start_answering(transfer);
    struct MHD_Response *answer = make_answer(transfer);
    if (answer == NULL || !add_fields(transfer, answer)) {
        log_warn("an answer cannot be sent: no memory, or a header field that HTTP does not allow; "
                 "its connection is closed",
                 log_int("status", response->status));
        if (answer != NULL) {
            MHD_destroy_response(answer);
        }
        return MHD_NO;
    }
    transfer->state = TRANSFER_SENT;
    enum MHD_Result queued =
        http_refusal_queue_answer(transfer->resumption.connection, response->status, answer);
    MHD_destroy_response(answer);
    return queued;
}

static enum http_next call_on_request(struct http_transfer *transfer)
{
    struct http_traffic *traffic = transfer->traffic;
    enum http_next next = HTTP_ANSWER;
    atomic_fetch_add(&traffic->in_application, 1);
    if (atomic_load(&traffic->closed)) {
        problem_unavailable(&transfer->exchange, "shutting down");
    } else {
        next = traffic->application.on_request(traffic->application.context, &transfer->exchange);
    }
    atomic_fetch_sub(&traffic->in_application, 1);
    return next;
}

static enum http_next call_then(struct http_transfer *transfer)
{
    struct http_traffic *traffic = transfer->traffic;
    atomic_store(&transfer->wake, WAKE_NONE);
    atomic_fetch_add(&traffic->in_application, 1);
    enum http_next next =
        transfer->exchange.then(traffic->application.context, &transfer->exchange);
    atomic_fetch_sub(&traffic->in_application, 1);
    return next;
}

/* HTTP_WAIT: the transfer is suspended. */
static enum http_next wait_if_asked(struct http_transfer *transfer, enum http_next next)
{
    while (next == HTTP_WAIT && !http_transfer_suspend(transfer)) {
        next = call_then(transfer);
    }
    return next;
}

/* What the application has made of the head. */
static enum MHD_Result after_head(struct http_transfer *transfer, enum http_next next)
{
    transfer->state = TRANSFER_HEAD;
    next = wait_if_asked(transfer, next);
    if (next == HTTP_WAIT) {
        http_connection_expect(transfer->peer, HTTP_IDLE_LIMIT_MS); /* the application's turn */
        return MHD_YES;
    }
    transfer->state = TRANSFER_BODY;
    http_connection_expect(transfer->peer, BODY_LIMIT_MS);
    if (next == HTTP_READ_BODY) {
        transfer->discard_max = DISCARD_MAX;
    }
    if (next == HTTP_READ_BODY && transfer->announced_len > HTTP_BODY_MAX) {
        problem_too_large(&transfer->exchange, too_long);
        next = HTTP_ANSWER;
    }
    struct http_response *response = &transfer->exchange.response;
    response->close = response->close || http_connection_is_crowded(transfer->peer);
    transfer->discard = next == HTTP_ANSWER;
    /* A client that waits for "100 Continue" is answered at once; so is one that would send too
     * much. */
    bool now = transfer->announced_len > transfer->discard_max || transfer->expects_continue;
    if (transfer->discard && (response->close || now)) {
        response->close = true;
        return send_response(transfer);
    }
    return MHD_YES;
}

static enum MHD_Result read_head(struct http_transfer *transfer, const char *method,
                                 const char *version)
{
    const struct http_application *application = &transfer->traffic->application;
    struct http_head head = {.method = method,
                             .target = transfer->target,
                             .version = version,
                             .crowded = http_connection_is_crowded(transfer->peer)};
    http_raw_head_read(&head, transfer->resumption.connection, transfer->library_target);
    const char *length = http_head_find(&head, "Content-Length");
    transfer->announced_len = length != NULL ? strtoull(length, NULL, 10) : 0;
    transfer->expects_continue = http_head_find(&head, "Expect") != NULL;
    transfer->discard_max = HTTP_BODY_MAX;
    transfer->is_chunked = http_head_find(&head, "Transfer-Encoding") != NULL;
    if (transfer->is_chunked) {
        http_connection_receives(transfer->peer);
    }
    atomic_fetch_add(&transfer->traffic->in_application, 1);
    enum http_next next = application->on_head(application->context, &transfer->exchange, &head);
    atomic_fetch_sub(&transfer->traffic->in_application, 1);
    return after_head(transfer, next);
}

/* False: no memory, or the bodies of all requests have taken what they may. */
static bool make_room(struct http_transfer *transfer, size_t needed)
{
    size_t room = transfer->body_room > 0 ? transfer->body_room : BODY_ROOM_FIRST;
    while (room < needed) {
        room *= 2;
    }
    size_t more = room - transfer->body_room;
    if (more == 0) {
        return true;
    }
    size_t before = atomic_fetch_add(&transfer->traffic->bodies_bytes, more);
    char *body = before + more <= BODIES_BYTES_MAX ? realloc(transfer->body, room) : NULL;
    if (body == NULL) {
        atomic_fetch_sub(&transfer->traffic->bodies_bytes, more);
        return false;
    }
    transfer->body = body;
    transfer->body_room = room;
    return true;
}

/* Keeps a piece of the body, or only counts it. MHD_NO ends the connection. */
static enum MHD_Result receive(struct http_transfer *transfer, const char *piece, size_t len)
{
    if (!transfer->discard && transfer->received + len > HTTP_BODY_MAX) {
        problem_too_large(&transfer->exchange, too_long);
        transfer->discard = true;
    }
    if (!transfer->discard && !make_room(transfer, transfer->received + len)) {
        problem_unavailable(&transfer->exchange,
                            "too much is being sent at once; nothing was stored; try again");
        transfer->discard = true;
    }
    if (!transfer->discard) {
        memcpy(transfer->body + transfer->received, piece, len);
    }
    if (transfer->is_chunked) {
        http_connection_receives(transfer->peer);
    }
    transfer->received += len;
    if (!transfer->discard || transfer->received <= transfer->discard_max) {
        return MHD_YES;
    }
    http_connection_refuse(transfer->peer, MHD_HTTP_CONTENT_TOO_LARGE); /* the library cannot now */
    return MHD_NO;
}

static enum MHD_Result after_request(struct http_transfer *transfer, enum http_next next)
{
    transfer->state = TRANSFER_REQUEST;
    next = wait_if_asked(transfer, next);
    assert(next != HTTP_READ_BODY);
    if (next == HTTP_WAIT) {
        http_connection_expect(transfer->peer, HTTP_IDLE_LIMIT_MS); /* each wait has its own time */
        return MHD_YES;
    }
    return send_response(transfer);
}

struct trailers {
    size_t bytes;
    bool malformed;
};

static enum MHD_Result look_at_trailer(void *context, enum MHD_ValueKind kind, const char *name,
                                       size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    (void)value;
    struct trailers *trailers = context;
    trailers->bytes += TRAILER_ENTRY_BYTES + name_len + value_len;
    trailers->malformed = trailers->malformed || !http_is_token(name, name_len);
    return MHD_YES;
}

/*
 * The fields behind a chunked body share the connection's memory with the head of the answer. What
 * was stored by a request whose answer finds no room there, its client would not know of.
 */
static bool refuses_trailers(struct http_transfer *transfer)
{
    struct trailers trailers = {0};
    MHD_get_connection_values_n(transfer->resumption.connection, MHD_FOOTER_KIND, look_at_trailer,
                                &trailers);
    if (trailers.bytes <= TRAILERS_BYTES_MAX && !trailers.malformed) {
        return false;
    }
    problem_bad_request(&transfer->exchange,
                        "the trailer fields behind the body are malformed or too large; send none");
    transfer->exchange.response.close = true;
    return true;
}

/*
 * The application is called at the library's next call, which comes at once. A connection that is
 * suspended in this one would be read from as soon as it is resumed, since the library has not
 * noted yet that its request is whole; a client that has closed its side, and waits for its answer,
 * would then count as gone. And until it is suspended the library may end it, so nobody else may
 * have the exchange yet.
 */
static enum MHD_Result end_of_body(struct http_transfer *transfer)
{
    start_answering(transfer);
    http_connection_has_received(transfer->peer);
    if (transfer->discard || refuses_trailers(transfer)) {
        return send_response(transfer);
    }
    transfer->exchange.body = transfer->body != NULL ? transfer->body : "";
    transfer->exchange.body_len = transfer->received;
    transfer->state = TRANSFER_WHOLE;
    return MHD_YES;
}

/* The head is complete, a piece of the body, its end, and each time the connection is resumed. */
enum MHD_Result http_transfer_handle(void *context, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version,
                                     const char *upload, size_t *upload_size, void **request)
{
    (void)context;
    (void)connection;
    (void)url;
    struct http_transfer *transfer = *request;
    if (transfer == NULL) {
        return MHD_NO;
    }
    size_t len = *upload_size;
    *upload_size = 0;
    switch (transfer->state) {
    case TRANSFER_NEW:
        return read_head(transfer, method, version);
    case TRANSFER_HEAD:
        return after_head(transfer, call_then(transfer));
    case TRANSFER_BODY:
        return len > 0 ? receive(transfer, upload, len) : end_of_body(transfer);
    case TRANSFER_WHOLE:
        return after_request(transfer, call_on_request(transfer));
    case TRANSFER_REQUEST:
        return after_request(transfer, call_then(transfer));
    default:
        return MHD_YES; /* what follows an answer that was sent early */
    }
}
