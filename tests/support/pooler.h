/* SPDX-License-Identifier: MIT */
/*
 * A real PgBouncer of the test's own on 127.0.0.1, in front of a postgres_server. It has fewer
 * connections to the server than its clients have to it, so in the mode "transaction" a client
 * seldom meets the same one twice. Failing to start fails the test. Threads: as process.h.
 */
#ifndef TESTS_SUPPORT_POOLER_H
#define TESTS_SUPPORT_POOLER_H

#include <stdint.h>

#include "tests/support/postgres_server.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

struct pooler {
    struct process process;
    struct temp_dir dir;
    uint16_t port;
    char url[128]; /* postgresql://user:password@127.0.0.1:PORT/orders */
};

/* `pooler` is zeroed. `mode`: "session", "transaction" or "statement". Returns when it listens. */
void pooler_start(struct pooler *pooler, const struct postgres_server *server, const char *mode);

/* For .fini: takes one that was never started. */
void pooler_discard(struct pooler *pooler);

#endif
