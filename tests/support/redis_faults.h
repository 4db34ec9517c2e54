/* SPDX-License-Identifier: MIT */
/*
 * A real redis-server made to refuse, in each of the ways it has, and to serve again. One that is
 * to load needs redis_faults_options when it starts. Failing to bring it about fails the test.
 * Threads: the test's main thread.
 */
#ifndef TESTS_SUPPORT_REDIS_FAULTS_H
#define TESTS_SUPPORT_REDIS_FAULTS_H

#include <stdbool.h>

#include "tests/support/redis_server.h"

struct redis_fault {
    const char *kind; /* the word of its errors, in lower case */
    void (*begin)(const struct redis_server *server, const char *key);
    void (*end)(const struct redis_server *server, const char *key);
    bool refuses_pops; /* else pushes only */
};

enum {
    REDIS_OOM,
    REDIS_READONLY,
    REDIS_NOAUTH,
    REDIS_MISCONF,
    REDIS_NOREPLICAS,
    REDIS_WRONGTYPE,
    REDIS_LOADING, /* takes a minute unless it is ended */
    REDIS_FAULTS,
};

extern const struct redis_fault redis_faults[REDIS_FAULTS];

/* Set before redis_server_start. */
void redis_faults_options(struct redis_server *server);

#endif
