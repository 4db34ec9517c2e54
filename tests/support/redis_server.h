/* SPDX-License-Identifier: MIT */
/*
 * A real redis-server of the test's own on 127.0.0.1, keeping nothing on disk: killed, it has
 * forgotten everything. Failing to start fails the test.
 */
#ifndef TESTS_SUPPORT_REDIS_SERVER_H
#define TESTS_SUPPORT_REDIS_SERVER_H

#include <stdint.h>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

enum { REDIS_OPTIONS_MAX = 8 };

struct redis_server {
    struct process process;
    struct temp_dir dir;
    uint16_t port;
    char url[64];                           /* redis://127.0.0.1:PORT/0 */
    const char *options[REDIS_OPTIONS_MAX]; /* in: more arguments; NULL behind the last */
};

/* `server` is zeroed. Returns when it answers. */
void redis_server_start(struct redis_server *server);

/* SIGKILL: connections break, the data is gone. */
void redis_server_kill(struct redis_server *server);

/* Starts a killed or stopped server again on the same port, empty. */
void redis_server_restart(struct redis_server *server);

/* SIGTERM, exit 0 asserted. */
void redis_server_stop(struct redis_server *server);

/*
 * Runs one command (hiredis' format: %s, %b with a length) on a connection of its own. The integer
 * of the reply, or 0 for another kind; an error fails the test.
 */
int64_t redis_server_command(const struct redis_server *server, const char *format, ...);

/* For .fini: ends it and removes its folder, in whatever state it is. */
void redis_server_discard(struct redis_server *server);

#endif
