/* SPDX-License-Identifier: MIT */
/*
 * The accepted sockets, and a thread that closes those whose client is too slow or has gone:
 * libmicrohttpd has no deadline for a slow header, and its edge-triggered epoll overlooks an end of
 * stream that arrives together with data.
 *
 * Threads: all functions from any, one at a time for any one connection. None blocks.
 * Owns: its list and thread. The sockets are the HTTP library's; add and remove bracket their life.
 */
#ifndef COMMON_HTTP_HTTP_CONNECTIONS_H
#define COMMON_HTTP_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_IDLE_LIMIT_MS = 75 * 1000 };

struct http_connections;
struct http_connection;

/* Connections past `limit` are crowded: their requests get 503. Never NULL. */
struct http_connections *http_connections_start(unsigned limit);

/* No connection may be left. Takes NULL. */
void http_connections_stop(struct http_connections *connections);

/* A socket that was accepted, with `deadline_ms` for what is expected first. NULL: no memory. */
struct http_connection *http_connections_add(struct http_connections *connections, int socket,
                                             uint32_t deadline_ms);

/* Before the socket is closed. */
void http_connections_remove(struct http_connections *connections,
                             struct http_connection *connection);

unsigned http_connections_count(struct http_connections *connections);

/* It came when the limit was reached. */
bool http_connection_is_crowded(const struct http_connection *connection);

/* The client has `deadline_ms` from now for what it is to send next. */
void http_connection_expect(struct http_connection *connection, uint32_t deadline_ms);

/*
 * An answer was given: the client has HTTP_IDLE_LIMIT_MS for its next request line. While there
 * are more than 2,048 connections, idle ones are closed after 5 s, since each used one keeps
 * memory.
 */
void http_connection_expect_next(struct http_connection *connection);

/*
 * The client sends a body that comes in chunks, and the library has made something of all that came
 * so far: the head, or a piece. Until the body has ended the connection is one of those that may
 * get stuck. Both on the thread that has added the connection.
 */
void http_connection_receives(struct http_connection *connection);
void http_connection_has_received(struct http_connection *connection);

/* Whether any connection receives. Without a lock. */
bool http_connections_may_be_stuck(struct http_connections *connections);

/*
 * Ends the connections of which the library has taken much of what they sent, and made nothing of
 * it for a while: a line of a chunked body that fills its buffer. 0.9.75 looks at it again and
 * again; 1.0.1 sometimes does, and sometimes forgets the connection until its time is over. Only
 * those that the calling thread has added.
 */
void http_connections_end_stuck(struct http_connections *connections);

/*
 * The caller's request that is under way on the connection; NULL: none. It outlives the connection
 * where the library does not tell its end: 1.0.1, after a line of a chunked body that is too long.
 */
void http_connection_set_request(struct http_connection *connection, void *request);
void *http_connection_request(const struct http_connection *connection);

/*
 * http_refusal_send, and its rules, for the connection's socket; once, and not after
 * http_connection_note_refusal: the library sends one. Both on the thread that has added it.
 */
void http_connection_refuse(struct http_connection *connection, unsigned status);
void http_connection_note_refusal(struct http_connection *connection);
/* Nothing more can be sent: the library's next attempt fails. On that thread too. */
void http_connection_end_output(struct http_connection *connection);

/* While an answer is being made the client may close its side; it still reads. */
void http_connection_set_answering(struct http_connection *connection, bool answering);

#endif
