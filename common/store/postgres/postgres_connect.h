/* SPDX-License-Identifier: MIT */
/* A connection to a PostgreSQL server as its URL asks for it; for postgres_session.c. */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_CONNECT_H
#define COMMON_STORE_POSTGRES_POSTGRES_CONNECT_H

#include <libpq-fe.h>

#include "common/url/database_url.h"

/*
 * Begins to connect; go on with PQconnectPoll, and PQfinish it. NULL: no memory. Blocks for no
 * server, but as long as the system needs to look up the host's name.
 */
PGconn *postgres_connect_start(const struct database_url *url);

#endif
