/* SPDX-License-Identifier: MIT */
#include "common/http/http_stream.h"

#include <assert.h>

enum { BLOCK_BYTES = 16 * 1024 /* at most for a piece; the connection's memory may have less */ };

static bool must_end(const struct http_transfer *transfer)
{
    const struct http_traffic *traffic = transfer->traffic;
    return atomic_load(&traffic->ending) ||
           (transfer->exchange.response.stream.endless && atomic_load(&traffic->draining));
}

/* A body that ends before its time must not look complete. */
static ssize_t end(const struct http_transfer *transfer)
{
    return transfer->exchange.response.stream.endless ? MHD_CONTENT_READER_END_OF_STREAM
                                                      : MHD_CONTENT_READER_END_WITH_ERROR;
}

static enum http_piece ask(struct http_transfer *transfer, char *piece, size_t size, size_t *len)
{
    const struct http_stream *stream = &transfer->exchange.response.stream;
    atomic_store(&transfer->wake, WAKE_NONE);
    atomic_fetch_add(&transfer->traffic->in_application, 1);
    enum http_piece made = stream->next(stream->context, &transfer->exchange, piece, size, len);
    atomic_fetch_sub(&transfer->traffic->in_application, 1);
    return made;
}

/*
 * libmicrohttpd wants the next piece, since the client has taken the last one. 0: the connection is
 * suspended, ask again when it is resumed.
 */
static ssize_t on_piece(void *context, uint64_t position, char *piece, size_t size)
{
    (void)position;
    struct http_transfer *transfer = context;
    http_connection_expect(transfer->peer, HTTP_IDLE_LIMIT_MS); /* to take this one */
    for (;;) {
        size_t len = 0;
        atomic_store(&transfer->stream_suspended, false);
        if (must_end(transfer)) {
            return end(transfer);
        }
        switch (ask(transfer, piece, size, &len)) {
        case HTTP_PIECE:
            assert(len >= 1 && len <= size);
            return (ssize_t)len;
        case HTTP_PIECE_WAIT:
            break;
        case HTTP_PIECE_END:
            return MHD_CONTENT_READER_END_OF_STREAM;
        default:
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        atomic_store(&transfer->stream_suspended, true);
        if (http_transfer_suspend(transfer)) {
            /* A thread that ends all streams wakes those that wait: it has seen that this one
             * does, or else this one sees here that they must end. */
            if (must_end(transfer)) {
                http_exchange_resume(&transfer->exchange);
            }
            return 0;
        }
    }
}

static void link_in(struct http_transfer *transfer)
{
    struct http_traffic *traffic = transfer->traffic;
    pthread_mutex_lock(&traffic->streams_lock);
    transfer->next_stream = traffic->streams;
    if (transfer->next_stream != NULL) {
        transfer->next_stream->previous_stream = transfer;
    }
    traffic->streams = transfer;
    pthread_mutex_unlock(&traffic->streams_lock);
}

static void link_out(struct http_transfer *transfer)
{
    struct http_traffic *traffic = transfer->traffic;
    pthread_mutex_lock(&traffic->streams_lock);
    if (transfer->previous_stream != NULL) {
        transfer->previous_stream->next_stream = transfer->next_stream;
    } else if (traffic->streams == transfer) {
        traffic->streams = transfer->next_stream;
    }
    if (transfer->next_stream != NULL) {
        transfer->next_stream->previous_stream = transfer->previous_stream;
    }
    pthread_mutex_unlock(&traffic->streams_lock);
}

struct MHD_Response *http_stream_start(struct http_transfer *transfer)
{
    struct MHD_Response *answer =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_piece, transfer, NULL);
    if (answer != NULL) {
        /* It may go on for hours: a drain does not wait for it as for other answers. */
        http_transfer_set_answering(transfer, false);
        link_in(transfer);
    }
    return answer;
}

void http_stream_stop(struct http_transfer *transfer)
{
    if (transfer->exchange.response.stream.next != NULL) {
        link_out(transfer);
    }
}

void http_stream_wake_all(struct http_traffic *traffic)
{
    pthread_mutex_lock(&traffic->streams_lock);
    for (struct http_transfer *each = traffic->streams; each != NULL; each = each->next_stream) {
        http_exchange_resume(&each->exchange);
    }
    pthread_mutex_unlock(&traffic->streams_lock);
}

bool http_stream_any_suspended(struct http_traffic *traffic)
{
    bool any = false;
    pthread_mutex_lock(&traffic->streams_lock);
    for (struct http_transfer *each = traffic->streams; each != NULL; each = each->next_stream) {
        any = any || atomic_load(&each->stream_suspended);
    }
    pthread_mutex_unlock(&traffic->streams_lock);
    return any;
}
