/* SPDX-License-Identifier: MIT */
/*
 * An HTTP server in the test's own process, with an application of the test's, clients of it, and
 * the request or stream that waits.
 */
#ifndef TESTS_CONTRACT_HTTP_SERVER_FIXTURE_H
#define TESTS_CONTRACT_HTTP_SERVER_FIXTURE_H

#include "common/http/http_server.h"
#include "tests/support/raw_http.h"

enum {
    HTTP_LIMIT_MS = 20000,
    HTTP_SOCKET_BYTES = 32 * 1024, /* the system takes twice that */
};

extern struct http_server *http_server; /* NULL: it has been stopped */
extern uint16_t http_port;

/* Sockets of clients send at most HTTP_SOCKET_BYTES ahead. */
void http_server_fixture_start(const struct http_application *application);

/* Without a drain. May be called by a test, and is by .fini. */
void http_server_fixture_stop(void);

/* Sends a request; the caller closes. */
struct raw_http *ask(const char *request);
struct raw_http *get(const char *target);

/* Waits for the one answer, checks it, and closes. */
void expect_answer(struct raw_http *raw, int status, const char *text);

/* Waits until the text has come. */
void expect_text(struct raw_http *raw, const char *text);

/* A handler that waits, or the next piece of a stream, says so before it does. */
void note_waiter(struct http_exchange *exchange);

/* Waits for the wait number `count` of the process, from 1. */
void expect_waits(int count);

/* The same, and resumes who waits. */
void resume_waiter(int count);

#endif
