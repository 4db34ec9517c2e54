/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_exchange.h"

#include <assert.h>
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/postgres/postgres_connect.h"
#include "common/store/postgres/postgres_error.h"
#include "common/store/postgres/postgres_settings.h"
#include "common/store/store_backend.h"

enum {
    ANSWER_LIMIT_MS = 5000,
    MIGRATION_LIMIT_MS =
        24 * 60 * 60 * 1000, /* for a step of the schema over many millions of rows */
    MESSAGE_SIZE = STORE_FAILURE_SIZE,
    BINARY = 1,
};

const int postgres_exchange_formats[] = {
    BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
    BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
};
_Static_assert(sizeof postgres_exchange_formats / sizeof postgres_exchange_formats[0] ==
                   POSTGRES_PARAMETERS_MAX,
               "all are sent in binary");

void postgres_exchange_drop_result(struct postgres_session *session)
{
    PQclear(session->result);
    session->result = NULL;
}

enum status postgres_exchange_lost(struct postgres_session *session, const char *operation)
{
    char message[MESSAGE_SIZE];
    postgres_error_describe_connection(session->connection, message, sizeof message);
    return store_failed(session->store, STATUS_UNAVAILABLE, operation, 0, message);
}

static enum status answer_failed(struct postgres_session *session, const char *operation)
{
    const char *sqlstate = PQresultErrorField(session->result, PG_DIAG_SQLSTATE);
    if (sqlstate == NULL) {
        return postgres_exchange_lost(session, operation);
    }
    char message[MESSAGE_SIZE];
    session->names.is_migrating = session->store->no_statement_timeout;
    postgres_error_describe(session->result, &session->names, operation, message, sizeof message);
    enum status status = postgres_error_classify(sqlstate);
    if (status == STATUS_ALREADY_EXISTS && !postgres_error_is_of_own_key(session->result)) {
        status = STATUS_INVALID;
    }
    const char *refusal = postgres_error_refusal(sqlstate);
    if (postgres_error_is_demotion(sqlstate)) {
        store_primary_has_changed(session->store);
    }
    if (PQstatus(session->connection) != CONNECTION_OK) {
        status = STATUS_UNAVAILABLE; /* what became of the statement is not known */
    } else if (session->is_cold_read && strcmp(sqlstate, "57014") == 0) {
        status = STATUS_TIMEOUT; /* ended by statement_timeout, or by hand */
    } else if (refusal != NULL) {
        return store_refused(session->store, refusal, operation, 0, message);
    }
    return store_failed(session->store, status, operation, 0, message);
}

static void write_value(const struct postgres_value *parameter, struct postgres_call *call,
                        size_t i)
{
    const struct text *array = parameter->array;
    call->types[i] = (Oid)parameter->type;
    if (array != NULL) {
        call->values[i] = array->bytes;
        call->lengths[i] = (int)array->len;
    } else if (parameter->is_null) {
        call->values[i] = NULL;
        call->lengths[i] = 0;
    } else if (parameter->type == POSTGRES_TEXT || parameter->type == POSTGRES_BYTEA) {
        call->values[i] = parameter->bytes != NULL ? parameter->bytes : "";
        call->lengths[i] = (int)parameter->len;
    } else {
        call->numbers[i] = htobe64((uint64_t)parameter->number);
        call->values[i] = (const char *)&call->numbers[i];
        call->lengths[i] = (int)sizeof call->numbers[i];
    }
}

bool postgres_exchange_write(struct postgres_call *call, const char *sql,
                             const struct postgres_value parameters[], size_t count)
{
    assert(count <= POSTGRES_PARAMETERS_MAX);
    call->sql = sql;
    call->count = count;
    for (size_t i = 0; i < count; i++) {
        const struct text *array = parameters[i].array;
        if (array != NULL && !text_is_whole(array)) {
            return false;
        }
        write_value(&parameters[i], call, i);
    }
    return true;
}

bool postgres_exchange_send(struct postgres_session *session, const struct postgres_call *call)
{
    return PQsendQueryParams(session->connection, call->sql, (int)call->count, call->types,
                             call->values, call->lengths, postgres_exchange_formats,
                             POSTGRES_ANSWER_FORMAT) == 1;
}

static enum status no_answer(struct postgres_session *session, const char *operation)
{
    return postgres_session_failed(session, STATUS_UNAVAILABLE, operation,
                                   session->store->no_statement_timeout ? "no answer within a day"
                                                                        : "no answer within 5 s");
}

static uint64_t answer_deadline_ms(const struct postgres_session *session)
{
    return clock_monotonic_ms() +
           (session->store->no_statement_timeout ? MIGRATION_LIMIT_MS : ANSWER_LIMIT_MS);
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
            return postgres_exchange_lost(session, operation);
        }
    }
    return left == 0 ? STATUS_OK : postgres_exchange_lost(session, operation);
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
            return postgres_exchange_lost(session, operation);
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

enum status postgres_exchange_finish(struct postgres_session *session, bool sent,
                                     const char *operation)
{
    uint64_t deadline_ms = answer_deadline_ms(session);
    if (!sent) {
        return postgres_exchange_lost(session, operation);
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
        postgres_exchange_drop_result(session);
        session->result = result;
    }
    if (status == STATUS_OK && !is_success(session->result)) {
        status = answer_failed(session, operation);
    }
    return status;
}

enum part { BEGIN, SETTINGS, CALL, COMMIT, PARTS };

static bool send_text(struct postgres_session *session, const char *sql)
{
    const struct postgres_call call = {.sql = sql};
    return postgres_exchange_send(session, &call);
}

static bool send_transaction(struct postgres_session *session, const char *begin,
                             const struct postgres_call *call)
{
    struct postgres_call settings;
    const struct postgres_value limit = postgres_number(session->limit_ms);
    return PQenterPipelineMode(session->connection) == 1 && send_text(session, begin) &&
           postgres_exchange_write(&settings, text_string(&session->local), &limit, 1) &&
           postgres_exchange_send(session, &settings) &&
           (call == NULL ||
            (postgres_exchange_send(session, call) && send_text(session, "COMMIT"))) &&
           PQpipelineSync(session->connection) == 1;
}

static enum status judge(struct postgres_session *session, const char *operation, PGresult *result)
{
    session->result = result;
    enum status status = is_success(result) ? STATUS_OK : answer_failed(session, operation);
    session->result = NULL;
    return status;
}

/* After each part comes NULL, and after all a result of its own. When one part fails the server
 * passes over those after it. */
static enum status read_parts(struct postgres_session *session, const char *operation,
                              PGresult *parts[PARTS + 1])
{
    uint64_t deadline_ms = answer_deadline_ms(session);
    enum status outcome = STATUS_OK;
    enum status status = flush(session, operation, deadline_ms);
    for (size_t part = 0; status == STATUS_OK && part <= PARTS;) {
        PGresult *result = NULL;
        status = read_result(session, operation, deadline_ms, &result);
        if (result == NULL) {
            part++;
            continue;
        }
        PQclear(parts[part]);
        parts[part] = result;
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            return outcome;
        }
        outcome = outcome == STATUS_OK ? judge(session, operation, result) : outcome;
    }
    return status == STATUS_OK ? postgres_exchange_lost(session, operation) : status;
}

/* The pooler may send each transaction to another server. */
static enum status check_settings(struct postgres_session *session, PGresult *parts[])
{
    if (!store_primary_is_in_doubt(session->store)) {
        return STATUS_OK;
    }
    session->result = parts[SETTINGS];
    enum status status = postgres_settings_check_takes_writes(session);
    session->result = NULL;
    return status;
}

enum status postgres_exchange_transaction(struct postgres_session *session, const char *operation,
                                          const char *begin, const struct postgres_call *call)
{
    PGresult *parts[PARTS + 1] = {NULL};
    enum part kept = call != NULL ? CALL : BEGIN;
    enum status status = send_transaction(session, begin, call)
                             ? read_parts(session, operation, parts)
                             : postgres_exchange_lost(session, operation);
    if (PQexitPipelineMode(session->connection) != 1 && status == STATUS_OK) {
        status = postgres_exchange_lost(session, operation);
    }
    if (status == STATUS_OK) {
        status = check_settings(session, parts);
    }
    if (status == STATUS_OK) {
        session->result = parts[kept];
        parts[kept] = NULL;
    }
    for (size_t i = 0; i <= PARTS; i++) {
        PQclear(parts[i]);
    }
    return status;
}
