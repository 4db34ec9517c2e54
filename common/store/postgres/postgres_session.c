/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_session.h"

#include <assert.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgres/postgres_connect.h"
#include "common/store/postgres/postgres_exchange.h"
#include "common/store/postgres/postgres_settings.h"
#include "common/store/store_backend.h"
#include "common/store/store_version.h"

enum {
    CONNECT_LIMIT_S = 2, /* unless the URL says */
    MESSAGE_SIZE = STORE_FAILURE_SIZE,
    ARRAY_KEPT_BYTES = 1 << 20, /* longer ones, for a few enormous orders, are freed again */
};

enum status postgres_session_failed(struct postgres_session *session, enum status status,
                                    const char *operation, const char *message)
{
    return store_failed(session->store, status, operation, 0, message);
}

static enum status connect_within(struct postgres_session *session, uint32_t limit_s)
{
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)limit_s * 1000;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    if (PQstatus(session->connection) == CONNECTION_BAD) {
        return postgres_exchange_lost(session, "connect");
    }
    while (next != PGRES_POLLING_OK) {
        short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!postgres_connect_wait_for(session->connection, events, deadline_ms)) {
            char message[MESSAGE_SIZE];
            snprintf(message, sizeof message, "no connection within %u s", limit_s);
            return postgres_session_failed(session, STATUS_UNAVAILABLE, "connect", message);
        }
        next = PQconnectPoll(session->connection);
        if (next == PGRES_POLLING_FAILED) {
            return postgres_exchange_lost(session, "connect");
        }
    }
    return STATUS_OK;
}

/* Warnings of the server are in its own log; the default would print them here. */
static void ignore_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

void postgres_session_note_names(struct postgres_session *session, const char *user,
                                 const char *schema)
{
    snprintf(session->names.user, sizeof session->names.user, "%s", user);
    snprintf(session->names.schema, sizeof session->names.schema, "%s", schema);
}

/* idle_session_timeout, and the oldest that is still maintained. */
static enum status check_version(struct postgres_session *session)
{
    unsigned version = (unsigned)PQserverVersion(session->connection);
    return store_version_check(session->store,
                               &(struct store_version_check){.name = "PostgreSQL",
                                                             .has = {version / 10000,
                                                                     version % 10000},
                                                             .oldest = {14}});
}

static enum status set_up(struct postgres_session *session)
{
    const char *encoding = PQparameterStatus(session->connection, "server_encoding");
    enum status status = check_version(session);
    if (status != STATUS_OK) {
        return status;
    }
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        return postgres_session_failed(session, STATUS_UNAVAILABLE, "connect",
                                       "the database's encoding is not UTF8, so it could not hold "
                                       "every order; create it with ENCODING 'UTF8'");
    }
    return postgres_settings_apply(session, session->store);
}

enum status postgres_session_open(struct store *store, struct postgres_session **session)
{
    *session = NULL;
    struct postgres_session *opened = calloc(1, sizeof *opened);
    PGconn *connection = opened != NULL ? postgres_connect_start(&store->url) : NULL;
    if (connection == NULL) {
        free(opened);
        return store_failed(store, STATUS_UNAVAILABLE, "connect", 0, "out of memory");
    }
    opened->store = store;
    opened->connection = connection;
    opened->limit_ms = store->no_statement_timeout ? 0 : STORE_READ_LIMIT_MS;
    PQsetNoticeReceiver(connection, ignore_notice, NULL);
    uint32_t asked_s = store->url.connect_timeout_s;
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE); /* for the code of a refusal */
    enum status status = connect_within(opened, asked_s != 0 ? asked_s : CONNECT_LIMIT_S);
    if (status == STATUS_OK && PQsetnonblocking(connection, 1) != 0) {
        status = postgres_exchange_lost(opened, "connect");
    }
    if (status == STATUS_OK) {
        status = set_up(opened);
    }
    if (status != STATUS_OK) {
        postgres_session_close(opened);
        return status;
    }
    *session = opened;
    return STATUS_OK;
}

void postgres_session_close(struct postgres_session *session)
{
    if (session == NULL) {
        return;
    }
    postgres_exchange_drop_result(session);
    PQfinish(session->connection);
    text_finish(&session->local);
    for (size_t i = 0; i < POSTGRES_ARRAYS; i++) {
        text_finish(&session->arrays[i]);
    }
    free(session);
}

struct text *postgres_session_array(struct postgres_session *session, size_t index)
{
    assert(index < POSTGRES_ARRAYS);
    struct text *array = &session->arrays[index];
    if (array->capacity > ARRAY_KEPT_BYTES) {
        text_finish(array);
    }
    return array;
}

/* The isolation is said, because a pooler's connection has the server's default. */
static const char begin_sql[] = "BEGIN ISOLATION LEVEL READ COMMITTED";

/* Through a pooler, and with nothing begun: what is sent must be a whole transaction. */
static bool is_between_transactions(const struct postgres_session *session)
{
    return session->is_pooled && PQtransactionStatus(session->connection) == PQTRANS_IDLE;
}

static enum status out_of_memory(struct postgres_session *session, const char *operation)
{
    return postgres_session_failed(session, STATUS_UNAVAILABLE, operation, "out of memory");
}

/* On a connection that is lost, or where an answer is still to come, a ROLLBACK cannot be sent. */
static enum status roll_back(struct postgres_session *session)
{
    PGTransactionStatusType state = PQtransactionStatus(session->connection);
    if (state == PQTRANS_IDLE) {
        return STATUS_OK;
    }
    if (state != PQTRANS_INTRANS && state != PQTRANS_INERROR) {
        return STATUS_UNAVAILABLE;
    }
    /* A connection that cannot even roll back is of no further use, whatever it says. */
    return postgres_session_run(session, "rollback", "ROLLBACK", NULL, 0) == STATUS_OK
               ? STATUS_OK
               : STATUS_UNAVAILABLE;
}

static enum status run_call(struct postgres_session *session, const char *operation,
                            const struct postgres_call *call)
{
    if (!is_between_transactions(session)) {
        return postgres_exchange_finish(session, postgres_exchange_send(session, call), operation);
    }
    enum status status = postgres_exchange_transaction(session, operation, begin_sql, call);
    return status == STATUS_OK || roll_back(session) == STATUS_OK ? status : STATUS_UNAVAILABLE;
}

enum status postgres_session_run(struct postgres_session *session, const char *operation,
                                 const char *sql, const struct postgres_value parameters[],
                                 size_t count)
{
    struct postgres_call call;
    postgres_exchange_drop_result(session);
    return postgres_exchange_write(&call, sql, parameters, count)
               ? run_call(session, operation, &call)
               : out_of_memory(session, operation);
}

enum status postgres_session_run_cold(struct postgres_session *session, const char *operation,
                                      const char *sql, const struct postgres_value parameters[],
                                      size_t count)
{
    session->is_cold_read = true;
    enum status status = postgres_session_run(session, operation, sql, parameters, count);
    session->is_cold_read = false;
    return status;
}

enum status postgres_session_set_limit(struct postgres_session *session, uint32_t limit_ms)
{
    const struct postgres_value limit[] = {postgres_number(limit_ms),
                                           postgres_number(session->is_pooled)};
    session->limit_ms = limit_ms;
    if (PQtransactionStatus(session->connection) == PQTRANS_INERROR ||
        is_between_transactions(session)) {
        return STATUS_OK;
    }
    return postgres_session_run(session, "set limit",
                                "SELECT set_config('statement_timeout', $1::bigint::text, "
                                "$2::bigint::int::bool)",
                                limit, 2);
}

/* The statement's place among those that are prepared is its name. */
static enum status prepare(struct postgres_session *session, const char *operation, const char *sql,
                           char name[], size_t name_size)
{
    size_t place = 0;
    while (place < session->prepared_count && session->prepared[place] != sql) {
        place++;
    }
    snprintf(name, name_size, "%zu", place);
    if (place < session->prepared_count) {
        return STATUS_OK;
    }
    assert(place < POSTGRES_PREPARED_MAX);
    int sent = PQsendPrepare(session->connection, name, sql, 0, NULL);
    enum status status = postgres_exchange_finish(session, sent == 1, operation);
    if (status == STATUS_OK) {
        session->prepared[session->prepared_count++] = sql;
    }
    return status;
}

enum status postgres_session_run_prepared(struct postgres_session *session, const char *operation,
                                          const char *sql, const struct postgres_value parameters[],
                                          size_t count)
{
    char name[24];
    struct postgres_call call;
    if (session->is_pooled) { /* the next server does not know what this one was told */
        return postgres_session_run(session, operation, sql, parameters, count);
    }
    postgres_exchange_drop_result(session);
    if (!postgres_exchange_write(&call, sql, parameters, count)) {
        return out_of_memory(session, operation);
    }
    enum status status = prepare(session, operation, sql, name, sizeof name);
    if (status != STATUS_OK) {
        return status;
    }
    postgres_exchange_drop_result(session);
    int sent = PQsendQueryPrepared(session->connection, name, (int)count, call.values, call.lengths,
                                   postgres_exchange_formats, POSTGRES_ANSWER_FORMAT);
    return postgres_exchange_finish(session, sent == 1, operation);
}

enum status postgres_session_script(struct postgres_session *session, const char *operation,
                                    const char *sql)
{
    postgres_exchange_drop_result(session);
    return postgres_exchange_finish(session, PQsendQuery(session->connection, sql) == 1, operation);
}

int postgres_session_backend(const struct postgres_session *session)
{
    return PQbackendPID(session->connection);
}

void postgres_session_set_pooled(struct postgres_session *session, struct text *local)
{
    session->is_pooled = true;
    session->local = *local;
    *local = (struct text){0};
}

size_t postgres_session_rows(const struct postgres_session *session)
{
    return (size_t)PQntuples(session->result);
}

int64_t postgres_session_number(const struct postgres_session *session, size_t row, size_t column)
{
    /* The text of a NULL is empty. */
    return strtoll(PQgetvalue(session->result, (int)row, (int)column), NULL, 10);
}

const char *postgres_session_text(const struct postgres_session *session, size_t row, size_t column)
{
    return PQgetvalue(session->result, (int)row, (int)column);
}

const char *postgres_session_value(const struct postgres_session *session, size_t row,
                                   size_t column, size_t *len)
{
    *len = (size_t)PQgetlength(session->result, (int)row, (int)column);
    return PQgetisnull(session->result, (int)row, (int)column) != 0
               ? NULL
               : PQgetvalue(session->result, (int)row, (int)column);
}

size_t postgres_session_columns(const struct postgres_session *session)
{
    return (size_t)PQnfields(session->result);
}

static enum status begin(struct postgres_session *session, const char *sql)
{
    if (!session->is_pooled) {
        return postgres_session_run(session, "begin", sql, NULL, 0);
    }
    postgres_exchange_drop_result(session);
    /* Where even that fails there may be a transaction, which nobody would end. */
    return postgres_exchange_transaction(session, "begin", sql, NULL) == STATUS_OK
               ? STATUS_OK
               : STATUS_UNAVAILABLE;
}

enum status postgres_session_begin(struct postgres_session *session)
{
    return begin(session, begin_sql);
}

enum status postgres_session_begin_snapshot(struct postgres_session *session)
{
    return begin(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

enum status postgres_session_end(struct postgres_session *session, enum status status)
{
    if (status == STATUS_OK) {
        status = postgres_session_run(session, "commit", "COMMIT", NULL, 0);
        /* The COMMIT of a transaction that has failed succeeds, in rolling it back. */
        if (status == STATUS_OK && strcmp(PQcmdStatus(session->result), "COMMIT") != 0) {
            status = postgres_session_failed(session, STATUS_UNAVAILABLE, "commit",
                                             "the server rolled back instead");
        }
        if (status == STATUS_OK) {
            return STATUS_OK;
        }
        /* Of a COMMIT nobody says how far it came. */
        status = status == STATUS_REFUSED ? STATUS_UNAVAILABLE : status;
    }
    return postgres_session_undo(session, status);
}

enum status postgres_session_undo(struct postgres_session *session, enum status status)
{
    return roll_back(session) == STATUS_OK ? status : STATUS_UNAVAILABLE;
}
