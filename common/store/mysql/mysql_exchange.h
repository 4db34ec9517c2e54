/* SPDX-License-Identifier: MIT */
/*
 * How statements are sent, and what an error means. For mysql_session.c, whose struct both share.
 * Each call blocks until the server has answered, or the connection is given up.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_EXCHANGE_H
#define COMMON_STORE_MYSQL_MYSQL_EXCHANGE_H

#include <mysql.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/store/mysql/mysql_session.h"
#include "common/store/store_backend.h"

enum { MYSQL_DEFERRED_MAX = 4 };

struct mysql_session {
    struct store *store;
    MYSQL *connection;
    MYSQL_RES *result; /* of the last query, until the next statement */
    size_t deferred;   /* statements in the text before the one that is being written */
    size_t deferred_ends[MYSQL_DEFERRED_MAX]; /* where in the text each of them ends */
    uint64_t deferred_rows;                   /* of the last one that was sent */
    size_t packet_max;    /* what the server takes, in bytes; 0: it is not read yet */
    uint64_t slot;        /* this connection's row of the table `counters` */
    bool is_cold_read;    /* the statement that is under way */
    bool is_cluster_node; /* of a Galera cluster */
    struct text text;
};

/* Logs the connection's last error. What it means to the caller, as mysql_session.h says. */
enum status mysql_exchange_failed(struct mysql_session *session, const char *operation);

void mysql_exchange_drop_result(struct mysql_session *session);

/* Forgets what was written and not sent. */
void mysql_exchange_clear(struct mysql_session *session);

/*
 * Sends the text, the deferred statements and the last one, and reads what became of the deferred
 * ones; the answer to the last one is next. The text is empty afterwards, whatever became of it.
 */
MUST_CHECK enum status mysql_exchange_send(struct mysql_session *session, const char *operation);

#endif
