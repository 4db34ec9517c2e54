/* SPDX-License-Identifier: MIT */
/*
 * A connection to a MySQL or MariaDB server as its URL asks for it: over TCP with more or less TLS,
 * or over a unix socket. For mysql_session.c; only these two know the client library.
 *
 * Blocks: until connected or connect_timeout (2 s unless the URL says) has passed for the server's
 * greeting; what follows it is bounded by the read and write timeouts, 5 s, or a day with
 * `no_statement_timeout`. Twice that where TLS is preferred and fails.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_CONNECT_H
#define COMMON_STORE_MYSQL_MYSQL_CONNECT_H

#include <mysql.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/url/database_url.h"

/*
 * NULL: no memory. Otherwise mysql_close() it. `*fault` becomes NULL if the connection is good,
 * else why it is not, in words that live as long as the connection; mysql_errno() may say more.
 */
MYSQL *mysql_connect_open(const struct database_url *url, bool no_statement_timeout,
                          const char **fault);

/* The max_allowed_packet that new connections get, which may be another one by now. 0: unknown. */
size_t mysql_connect_packet_max(MYSQL *connection);

#endif
