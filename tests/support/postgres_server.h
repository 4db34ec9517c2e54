/* SPDX-License-Identifier: MIT */
/*
 * A real PostgreSQL server of the test's own on 127.0.0.1 and a socket in its folder, flushing at
 * every commit, with a database `orders` that belongs to the user `orders`. What was committed
 * survives a kill. Failing to start fails the test.
 *
 * A data folder takes seconds to make, so one is kept in the build folder and copied for each test.
 * The server refuses to run as root; it then runs as the user `postgres` of Debian's package.
 */
#ifndef TESTS_SUPPORT_POSTGRES_SERVER_H
#define TESTS_SUPPORT_POSTGRES_SERVER_H

#include <stdint.h>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

#define POSTGRES_USER "orders"
#define POSTGRES_PASSWORD "test-only"
#define POSTGRES_DATABASE "orders"

struct postgres_server {
    struct process process;
    struct temp_dir dir; /* holds the socket, and in `data` the database */
    uint16_t port;
    char url[128]; /* postgresql://user:password@127.0.0.1:PORT/orders */
};

/* `server` is zeroed. Returns when it answers. */
void postgres_server_start(struct postgres_server *server);

/* SIGKILL to the server and each of its processes. */
void postgres_server_kill(struct postgres_server *server);

/* A signal to the server and each of its processes: SIGSTOP hangs it, SIGCONT lets it go on. */
void postgres_server_signal(const struct postgres_server *server, int signal);

/* Disconnects whoever is connected; exit 0 asserted. */
void postgres_server_stop(struct postgres_server *server);

/* While it is stopped: a setting for its next start, such as "fsync = off". */
void postgres_server_configure(const struct postgres_server *server, const char *setting);

/* Starts a killed or stopped server again on the same folder and port. */
void postgres_server_restart(struct postgres_server *server);

/* For .fini: ends it and removes its folder, in whatever state it is. */
void postgres_server_discard(struct postgres_server *server);

#endif
