/* SPDX-License-Identifier: MIT */
/*
 * A real mariadbd of the test's own on 127.0.0.1, flushing at every commit, with a database
 * `orders` and a user for it. What was committed survives a kill. Failing to start fails the test.
 *
 * Run by tests/mysql/with-mysql9 it is MySQL's mysqld instead, which takes the same options and
 * statements as far as the tests use them.
 *
 * A data folder takes seconds to make, so one is kept in the build folder, MySQL's beside its
 * programs, and copied for each test.
 */
#ifndef TESTS_SUPPORT_MARIADB_SERVER_H
#define TESTS_SUPPORT_MARIADB_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

#define MARIADB_USER "orders"
#define MARIADB_PASSWORD "test-only"
#define MARIADB_DATABASE "orders"

enum { MARIADB_OPTIONS_MAX = 16 };

struct mariadb_server {
    struct process process;
    struct temp_dir dir;
    uint16_t port;
    bool without_tls; /* set for the next start; newer servers make a certificate by themselves */
    const char *options[MARIADB_OPTIONS_MAX]; /* likewise, more of them; NULL behind the last */
    char url[128];                            /* mysql://user:password@127.0.0.1:PORT/orders */
    bool unprivileged; /* in: never as root, which rsync between nodes needs */
};

/* The servers of this run are MySQL's. */
bool mariadb_server_is_mysql(void);

/* `server` is zeroed. Returns when it answers. */
void mariadb_server_start(struct mariadb_server *server);

/* The parts of starting it, for clusters: the folder, the port, the process without waiting. */
void mariadb_server_prepare(struct mariadb_server *server);
void mariadb_server_set_port(struct mariadb_server *server);
void mariadb_server_launch(struct mariadb_server *server);

void mariadb_server_kill(struct mariadb_server *server);

/* SIGTERM, exit 0 asserted. */
void mariadb_server_stop(struct mariadb_server *server);

/* Starts a killed or stopped server again on the same folder and port. */
void mariadb_server_restart(struct mariadb_server *server);

/* For .fini: ends it and removes its folder, in whatever state it is. */
void mariadb_server_discard(struct mariadb_server *server);

#endif
