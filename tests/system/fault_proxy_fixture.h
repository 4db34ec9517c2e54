/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the fault proxy share: a proxy, and both ends of a connection through it. A
 * check that fails fails the test.
 */
#ifndef TESTS_SYSTEM_FAULT_PROXY_FIXTURE_H
#define TESTS_SYSTEM_FAULT_PROXY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/fault_proxy.h"

enum {
    LIMIT_MS = 10000,
    QUIET_MS = 150, /* in which what should not come would have come */
    HOLD_MS = 2000, /* what is not held back takes less, also on a busy machine */
    THROTTLED_MS = 1500,
};

extern int listener; /* the server's */
extern uint16_t server_port;
extern struct fault_proxy *proxy;
extern int client; /* the two ends of the connection made last */
extern int server;

/* For .init and .fini: a proxy for no protocol, and a connection through it. */
void start(void);
void finish(void);

/* The same with another protocol, instead. */
void begin(enum fault_protocol protocol);

/* Connects to the proxy; -1: refused. */
int dial(void);

bool is_readable(int fd, int limit_ms);

/* A new connection, both ends of it. */
void connect_through(void);

void say(int fd, const char *bytes, size_t len);

/* Exactly these bytes come. */
void expect_bytes(int fd, const char *bytes, size_t len);

void expect_text(int fd, const char *text);

/* The stream ends, or is reset, next. */
void expect_end(int fd);
void expect_reset(int fd);

/* Nothing comes within QUIET_MS. */
void expect_quiet(int fd);

#endif
