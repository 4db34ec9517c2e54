/* SPDX-License-Identifier: MIT */
#include "tests/support/pooler.h"

#include <signal.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/free_port.h"
#include "tests/support/unprivileged.h"

/* As whom the server runs too; PgBouncer refuses to run as root. */
#define DEBIAN_USER "postgres"

enum { START_TRIES = 5, LIMIT_MS = 10000, CONFIG_SIZE = 640 };

/* The clients of a session mode keep a connection each, so it has more of them. */
static void write_config(const struct pooler *pooler, const struct postgres_server *server,
                         const char *mode)
{
    char config[CONFIG_SIZE];
    int written =
        snprintf(config, sizeof config,
                 "[databases]\n" POSTGRES_DATABASE " = host=127.0.0.1 port=%u pool_size=%d\n"
                 "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %u\nunix_socket_dir =\n"
                 "pool_mode = %s\nauth_type = scram-sha-256\nauth_file = users\n"
                 "max_client_conn = 200\nserver_login_retry = 1\n",
                 (unsigned)server->port, mode[0] == 's' && mode[1] == 'e' ? 50 : 4,
                 (unsigned)pooler->port, mode);
    cr_assert_lt(written, CONFIG_SIZE);
    temp_dir_write(&pooler->dir, "pgbouncer.ini", config);
    unprivileged_give(DEBIAN_USER, pooler->dir.path);
}

void pooler_start(struct pooler *pooler, const struct postgres_server *server, const char *mode)
{
    const char *const argv[] = {"/usr/sbin/pgbouncer", "pgbouncer.ini", NULL};
    temp_dir_create(&pooler->dir);
    temp_dir_write(&pooler->dir, "users", "\"" POSTGRES_USER "\" \"" POSTGRES_PASSWORD "\"\n");
    for (int i = 0; i < START_TRIES; i++) {
        pooler->port = free_port();
        snprintf(pooler->url, sizeof pooler->url,
                 "postgresql://" POSTGRES_USER ":" POSTGRES_PASSWORD
                 "@127.0.0.1:%u/" POSTGRES_DATABASE,
                 (unsigned)pooler->port);
        write_config(pooler, server, mode);
        unprivileged_start(&pooler->process, DEBIAN_USER, "KILL", argv, pooler->dir.path);
        if (process_wait_line(&pooler->process, "process up", LIMIT_MS)) {
            return;
        }
        process_print_log(&pooler->process);
        process_discard(&pooler->process);
    }
    cr_assert_fail("PgBouncer does not start");
}

void pooler_discard(struct pooler *pooler)
{
    if (pooler->process.pid != 0) {
        process_signal(&pooler->process, SIGKILL);
        process_wait_exit(&pooler->process, LIMIT_MS);
    }
    process_discard(&pooler->process);
    temp_dir_remove(&pooler->dir);
}
