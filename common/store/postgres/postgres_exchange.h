/* SPDX-License-Identifier: MIT */
/*
 * What goes to the server and comes back, below postgres_session.h and used by it alone: one
 * statement, or through a pooler a whole transaction, and what its answer means.
 *
 * Blocks, threads: as postgres_session.h. Owns nothing but the session's last result.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_EXCHANGE_H
#define COMMON_STORE_POSTGRES_POSTGRES_EXCHANGE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "common/store/postgres/postgres_error.h"
#include "common/store/postgres/postgres_session.h"
#include "common/store/store_read.h"

enum {
    POSTGRES_PREPARED_MAX = 8,
    POSTGRES_PARAMETERS_MAX = STORE_READ_PARAMETERS_MAX,
};

struct postgres_session {
    struct store *store;
    PGconn *connection;
    PGresult *result; /* of the last statement, until the next */
    const char *prepared[POSTGRES_PREPARED_MAX];
    size_t prepared_count;
    bool is_cold_read; /* the statement that is under way */
    bool is_pooled;
    struct text local; /* if pooled: SQL that sets what a transaction needs; $1 is limit_ms */
    uint32_t limit_ms; /* how long a statement may take; 0: for ever */
    struct postgres_names names;
    struct text arrays[POSTGRES_ARRAYS];
};

/* A statement with parameters as libpq takes them. A number stays in `numbers`, all else where it
 * is. */
struct postgres_call {
    const char *sql;
    size_t count;
    uint64_t numbers[POSTGRES_PARAMETERS_MAX];
    const char *values[POSTGRES_PARAMETERS_MAX];
    int lengths[POSTGRES_PARAMETERS_MAX];
    Oid types[POSTGRES_PARAMETERS_MAX];
};

/* All parameters are binary; answers are text. */
enum { POSTGRES_ANSWER_FORMAT = 0 };
extern const int postgres_exchange_formats[POSTGRES_PARAMETERS_MAX];

void postgres_exchange_drop_result(struct postgres_session *session);

/* Logs what libpq says of the connection. STATUS_UNAVAILABLE. */
enum status postgres_exchange_lost(struct postgres_session *session, const char *operation);

/* False: an array was not written whole, for lack of memory. */
bool postgres_exchange_write(struct postgres_call *call, const char *sql,
                             const struct postgres_value parameters[], size_t count);

/* False: libpq did not take it. */
bool postgres_exchange_send(struct postgres_session *session, const struct postgres_call *call);

/*
 * Reads the whole answer to what was `sent`; false: libpq did not take it. Of several results the
 * last is kept, or the one that failed.
 */
MUST_CHECK enum status postgres_exchange_finish(struct postgres_session *session, bool sent,
                                                const char *operation);

/*
 * Outside of a transaction: sends `begin`, the session's settings for one transaction, `call` and
 * COMMIT at once, and keeps the result of `call`. Without a `call` (NULL) the transaction stays
 * open. One that has failed stays open too, to be rolled back.
 */
MUST_CHECK enum status postgres_exchange_transaction(struct postgres_session *session,
                                                     const char *operation, const char *begin,
                                                     const struct postgres_call *call);

#endif
