/* SPDX-License-Identifier: MIT */
/* What postgres_session.c does around libpq's own connection: make it as the URL asks, wait for its
 * socket, and know what its errors mean. */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_CONNECT_H
#define COMMON_STORE_POSTGRES_POSTGRES_CONNECT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/url/database_url.h"

/*
 * Begins to connect; go on with PQconnectPoll, and PQfinish it. NULL: no memory. Blocks for no
 * server, but as long as the system needs to look up the host's name.
 */
PGconn *postgres_connect_start(const struct database_url *url);

/*
 * Waits until the socket is ready for one of `events` (poll.h); false at the deadline, which is
 * clock_monotonic_ms.
 */
bool postgres_connect_wait_for(const PGconn *connection, short events, uint64_t deadline_ms);

#endif
