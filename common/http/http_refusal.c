/* SPDX-License-Identifier: MIT */
#include "common/http/http_refusal.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/http/http_raw_head.h"
#include "common/http/http_transfer.h"
#include "common/http/problem.h"

enum { PROBLEM_SIZE = 400, HEAD_SIZE = 300, UNREAD_MAX = 1024 * 1024 };

enum MHD_Result http_refusal_queue_answer(struct MHD_Connection *connection, unsigned status,
                                          struct MHD_Response *answer)
{
    static _Atomic(void *) address;
    enum MHD_Result (*library_queue)(struct MHD_Connection *, unsigned, struct MHD_Response *);
    void *found = atomic_load_explicit(&address, memory_order_relaxed);
    if (found == NULL) {
        found = dlsym(RTLD_NEXT, "MHD_queue_response");
        assert(found != NULL);
        atomic_store_explicit(&address, found, memory_order_relaxed);
    }
    /* C has no cast from a pointer to an object to one to a function. */
    memcpy(&library_queue, &found, sizeof library_queue);
    return library_queue(connection, status, answer);
}

static const char *detail_of(unsigned status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "the body is too long";
    case MHD_HTTP_URI_TOO_LONG:
        return "the request line is too long";
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return "the header or trailer fields are too many or too long";
    case MHD_HTTP_NOT_IMPLEMENTED:
        return "the method is not known";
    case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
        return "the server speaks HTTP/1.1 and HTTP/1.0";
    default:
        return status < 500 ? "the request is not well-formed HTTP/1.1"
                            : "the server could not read the request";
    }
}

/* Returns the length. */
static size_t print_problem(char text[PROBLEM_SIZE], unsigned status)
{
    return problem_print(text, PROBLEM_SIZE, status, MHD_get_reason_phrase_for(status),
                         detail_of(status));
}

void http_refusal_send(int socket, unsigned status)
{
    char content[PROBLEM_SIZE];
    char message[HEAD_SIZE + PROBLEM_SIZE];
    char date[40];
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    size_t content_len = print_problem(content, status);
    int len = snprintf(message, sizeof message,
                       "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Type: %s\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       status, MHD_get_reason_phrase_for(status), date, problem_content_type,
                       content_len, content);
    send(socket, message, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* A socket that is closed with bytes unread resets the connection, and the client loses this.
     */
    recv(socket, NULL, UNREAD_MAX, MSG_TRUNC | MSG_DONTWAIT);
}

/* NULL: no memory. */
static struct MHD_Response *make_problem(unsigned status)
{
    char content[PROBLEM_SIZE];
    size_t len = print_problem(content, status);
    struct MHD_Response *problem =
        MHD_create_response_from_buffer(len, content, MHD_RESPMEM_MUST_COPY);
    if (problem != NULL &&
        MHD_add_response_header(problem, "Content-Type", problem_content_type) != MHD_YES) {
        MHD_destroy_response(problem);
        return NULL;
    }
    return problem;
}

/* 1.0 refuses a line of a chunked body that is too long twice, and ends the connection by that. */
static bool is_refused_twice(const struct http_transfer *transfer, unsigned status)
{
    return transfer->state == TRANSFER_BODY && status == MHD_HTTP_CONTENT_TOO_LARGE;
}

/* 0.9 goes on with a request that it refuses when it has the whole head, and sends the head of the
 * answer twice. */
static bool is_sent_twice(struct MHD_Connection *connection, const struct http_transfer *transfer)
{
    const union MHD_ConnectionInfo *head =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return http_library_is_lenient() && transfer->state == TRANSFER_NEW && head != NULL &&
           head->header_size > 0;
}

/*
 * Called by the library alone, to refuse a request. It ends the connection after that. MHD_NO ends
 * it at once, with all its memory; but 0.9 still reads the head when it has refused its cookies, so
 * there it is let go on, and finds that it cannot send any more.
 */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
                                   struct MHD_Response *page)
{
    struct http_connection *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    const struct http_transfer *transfer = peer != NULL ? http_connection_request(peer) : NULL;
    if (status < MHD_HTTP_BAD_REQUEST || peer == NULL) { /* there was no memory for it */
        return http_refusal_queue_answer(connection, status, page);
    }
    if (transfer != NULL && is_refused_twice(transfer, status)) {
        http_connection_refuse(peer, status);
        return MHD_NO;
    }
    if (transfer != NULL && is_sent_twice(connection, transfer)) {
        http_connection_refuse(peer, status);
        http_connection_end_output(peer);
        return http_refusal_queue_answer(connection, status, page);
    }
    http_connection_note_refusal(peer);
    struct MHD_Response *problem = make_problem(status);
    if (problem == NULL) {
        return http_refusal_queue_answer(connection, status, page);
    }
    enum MHD_Result queued = http_refusal_queue_answer(connection, status, problem);
    MHD_destroy_response(problem);
    return queued;
}
