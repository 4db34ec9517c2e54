/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_session.h"

#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgres/postgres_connect.h"
#include "common/store/postgres/postgres_settings.h"
#include "common/store/store_backend.h"
#include "common/store/store_version.h"

enum {
    CONNECT_LIMIT_S = 2, /* unless the URL says */
    ANSWER_LIMIT_MS = 5000,
    MIGRATION_LIMIT_MS =
        24 * 60 * 60 * 1000, /* for a step of the schema over many millions of rows */
    PARAMETERS_MAX = STORE_READ_PARAMETERS_MAX,
    PREPARED_MAX = 8,
    MESSAGE_SIZE = 400,
    ARRAY_KEPT_BYTES = 1 << 20, /* longer ones, for a few enormous orders, are freed again */
};

struct postgres_session {
    struct store *store;
    PGconn *connection;
    PGresult *result; /* of the last statement, until the next */
    const char *prepared[PREPARED_MAX];
    size_t prepared_count;
    bool is_cold_read; /* the statement that is under way */
    struct text arrays[POSTGRES_ARRAYS];
};

/* What libpq says of a connection is one or more lines; they become one. */
static enum status connection_failed(struct postgres_session *session, const char *operation)
{
    char message[MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s", PQerrorMessage(session->connection));
    size_t len = strlen(message);
    while (len > 0 && message[len - 1] == '\n') {
        message[--len] = '\0';
    }
    for (char *end = message; (end = strpbrk(end, "\n\t")) != NULL;) {
        *end = ' ';
    }
    return store_failed(session->store, STATUS_UNAVAILABLE, operation, 0, message);
}

/* Only the primary message, because the details may quote a client's data. */
static enum status answer_failed(struct postgres_session *session, const char *operation)
{
    const char *sqlstate = PQresultErrorField(session->result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(session->result, PG_DIAG_MESSAGE_PRIMARY);
    if (sqlstate == NULL || primary == NULL) {
        return connection_failed(session, operation);
    }
    if (strcmp(sqlstate, "22012") == 0) { /* division by zero: how postgres_insert.c says that */
        primary = "a rule or a trigger of the table orders leaves an order out";
    }
    char message[MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s %s", sqlstate, primary);
    enum status status = postgres_connect_classify(sqlstate);
    if (postgres_connect_is_demotion(sqlstate)) {
        store_primary_has_changed(session->store);
    }
    if (PQstatus(session->connection) != CONNECTION_OK) {
        status = STATUS_UNAVAILABLE; /* what became of the statement is not known */
    } else if (session->is_cold_read && strcmp(sqlstate, "57014") == 0) {
        status = STATUS_TIMEOUT; /* ended by statement_timeout, or by hand */
    }
    return store_failed(session->store, status, operation, 0, message);
}

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
        return connection_failed(session, "connect");
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
            return connection_failed(session, "connect");
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
    PQsetNoticeReceiver(connection, ignore_notice, NULL);
    uint32_t asked_s = store->url.connect_timeout_s;
    enum status status = connect_within(opened, asked_s != 0 ? asked_s : CONNECT_LIMIT_S);
    if (status == STATUS_OK && PQsetnonblocking(connection, 1) != 0) {
        status = connection_failed(opened, "connect");
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

static void drop_result(struct postgres_session *session)
{
    PQclear(session->result);
    session->result = NULL;
}

void postgres_session_close(struct postgres_session *session)
{
    if (session == NULL) {
        return;
    }
    drop_result(session);
    PQfinish(session->connection);
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

static enum status no_answer(struct postgres_session *session, const char *operation)
{
    return postgres_session_failed(session, STATUS_UNAVAILABLE, operation,
                                   session->store->no_statement_timeout ? "no answer within a day"
                                                                        : "no answer within 5 s");
}

/* Sends what libpq has not sent yet, and reads meanwhile, or both sides could wait for ever. */
static enum status flush(struct postgres_session *session, const char *operation,
                         uint64_t deadline_ms)
{
    int left;
    while ((left = PQflush(session->connection)) > 0) {
        if (!postgres_connect_wait_for(session->connection, POLLIN | POLLOUT, deadline_ms)) {
            return no_answer(session, operation);
        }
        if (PQconsumeInput(session->connection) == 0) {
            return connection_failed(session, operation);
        }
    }
    return left == 0 ? STATUS_OK : connection_failed(session, operation);
}

/* The next result of the answer; `*result` is NULL after the last. */
static enum status read_result(struct postgres_session *session, const char *operation,
                               uint64_t deadline_ms, PGresult **result)
{
    while (PQisBusy(session->connection) != 0) {
        if (!postgres_connect_wait_for(session->connection, POLLIN, deadline_ms)) {
            return no_answer(session, operation);
        }
        if (PQconsumeInput(session->connection) == 0) {
            return connection_failed(session, operation);
        }
    }
    *result = PQgetResult(session->connection);
    return STATUS_OK;
}

static bool is_success(const PGresult *result)
{
    ExecStatusType kind = PQresultStatus(result);
    return kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK;
}

/* Reads the whole answer. Of several results the last is kept, or the one that failed. */
static enum status finish(struct postgres_session *session, bool sent, const char *operation)
{
    uint64_t deadline_ms =
        clock_monotonic_ms() +
        (session->store->no_statement_timeout ? MIGRATION_LIMIT_MS : ANSWER_LIMIT_MS);
    if (!sent) {
        return connection_failed(session, operation);
    }
    enum status status = flush(session, operation, deadline_ms);
    while (status == STATUS_OK) {
        PGresult *result = NULL;
        status = read_result(session, operation, deadline_ms, &result);
        if (result == NULL) {
            break;
        }
        if (session->result != NULL && !is_success(session->result)) {
            PQclear(result);
            continue;
        }
        drop_result(session);
        session->result = result;
    }
    if (status == STATUS_OK && !is_success(session->result)) {
        status = answer_failed(session, operation);
    }
    return status;
}

/* Parameters as libpq takes them. A number stays in `numbers`, all else where it is. */
struct wire_values {
    uint64_t numbers[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
};

enum { BINARY = 1, TEXT = 0 };
static const int formats[] = {
    BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
    BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
};
_Static_assert(sizeof formats / sizeof formats[0] == PARAMETERS_MAX, "all are sent in binary");

static void write_value(const struct postgres_value *parameter, struct wire_values *wire, size_t i)
{
    const struct text *array = parameter->array;
    wire->types[i] = (Oid)parameter->type;
    if (array != NULL) {
        wire->values[i] = array->bytes;
        wire->lengths[i] = (int)array->len;
    } else if (parameter->is_null) {
        wire->values[i] = NULL;
        wire->lengths[i] = 0;
    } else if (parameter->type == POSTGRES_TEXT || parameter->type == POSTGRES_BYTEA) {
        wire->values[i] = parameter->bytes != NULL ? parameter->bytes : "";
        wire->lengths[i] = (int)parameter->len;
    } else {
        wire->numbers[i] = htobe64((uint64_t)parameter->number);
        wire->values[i] = (const char *)&wire->numbers[i];
        wire->lengths[i] = (int)sizeof wire->numbers[i];
    }
}

static enum status write_values(struct postgres_session *session, const char *operation,
                                const struct postgres_value parameters[], size_t count,
                                struct wire_values *wire)
{
    assert(count <= PARAMETERS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct text *array = parameters[i].array;
        if (array != NULL && !text_is_whole(array)) {
            return postgres_session_failed(session, STATUS_UNAVAILABLE, operation, "out of memory");
        }
        write_value(&parameters[i], wire, i);
    }
    return STATUS_OK;
}

enum status postgres_session_run(struct postgres_session *session, const char *operation,
                                 const char *sql, const struct postgres_value parameters[],
                                 size_t count)
{
    struct wire_values wire;
    drop_result(session);
    enum status status = write_values(session, operation, parameters, count, &wire);
    if (status != STATUS_OK) {
        return status;
    }
    int sent = PQsendQueryParams(session->connection, sql, (int)count, wire.types, wire.values,
                                 wire.lengths, formats, TEXT);
    return finish(session, sent == 1, operation);
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
    const struct postgres_value limit = postgres_number(limit_ms);
    if (PQtransactionStatus(session->connection) == PQTRANS_INERROR) {
        return STATUS_OK;
    }
    return postgres_session_run(session, "set limit",
                                "SELECT set_config('statement_timeout', $1::bigint::text, false)",
                                &limit, 1);
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
    assert(place < PREPARED_MAX);
    int sent = PQsendPrepare(session->connection, name, sql, 0, NULL);
    enum status status = finish(session, sent == 1, operation);
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
    struct wire_values wire;
    drop_result(session);
    enum status status = write_values(session, operation, parameters, count, &wire);
    if (status == STATUS_OK) {
        status = prepare(session, operation, sql, name, sizeof name);
    }
    if (status != STATUS_OK) {
        return status;
    }
    drop_result(session);
    int sent = PQsendQueryPrepared(session->connection, name, (int)count, wire.values, wire.lengths,
                                   formats, TEXT);
    return finish(session, sent == 1, operation);
}

enum status postgres_session_script(struct postgres_session *session, const char *operation,
                                    const char *sql)
{
    drop_result(session);
    return finish(session, PQsendQuery(session->connection, sql) == 1, operation);
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

enum status postgres_session_begin(struct postgres_session *session)
{
    return postgres_session_run(session, "begin", "BEGIN", NULL, 0);
}

enum status postgres_session_begin_snapshot(struct postgres_session *session)
{
    return postgres_session_run(session, "begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                                NULL, 0);
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
    }
    return roll_back(session) == STATUS_OK ? status : STATUS_UNAVAILABLE;
}
