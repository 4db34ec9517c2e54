/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_exchange.h"

#include <stdio.h>
#include <string.h>

#include "common/store/mysql/mysql_connect.h"
#include "common/store/mysql/mysql_error.h"
#include "common/store/mysql/store_mysql.h"

enum { MESSAGE_SIZE = 160 };

/* What the services need, and what else the operation does. */
static const char *rights(const struct mysql_session *session, const char *operation)
{
    if (session->store->no_statement_timeout) {
        return "ALL"; /* it migrates */
    }
    bool deletes = strncmp(operation, "delete", 6) == 0 || strcmp(operation, "archive") == 0;
    return deletes ? "SELECT, INSERT, UPDATE, DELETE" : "SELECT, INSERT, UPDATE";
}

enum status mysql_exchange_failed(struct mysql_session *session, const char *operation)
{
    char message[STORE_FAILURE_SIZE];
    unsigned int code = mysql_errno(session->connection);
    const char *refusal = mysql_error_refusal(code, mysql_error(session->connection));
    if (mysql_error_is_demotion(code)) {
        store_primary_has_changed(session->store);
    }
    mysql_error_describe(session->connection, rights(session, operation), message, sizeof message);
    if (refusal != NULL) {
        return store_refused(session->store, refusal, operation, (int)code, message);
    }
    enum status status = session->is_cold_read && mysql_error_is_timeout(code)
                             ? STATUS_TIMEOUT
                             : mysql_error_classify(code, mysql_sqlstate(session->connection));
    if (status == STATUS_ALREADY_EXISTS && !mysql_error_is_of_own_key(message)) {
        status = STATUS_INVALID;
    }
    return store_failed(session->store, status, operation, (int)code, message);
}

void mysql_exchange_drop_result(struct mysql_session *session)
{
    mysql_free_result(session->result);
    session->result = NULL;
}

void mysql_exchange_clear(struct mysql_session *session)
{
    text_clear(&session->text);
    session->deferred = 0;
}

/* Reads what became of the deferred statements; what is read next became of the last one. */
static enum status pass_deferred(struct mysql_session *session, const char *operation)
{
    for (; session->deferred > 0; session->deferred--) {
        session->deferred_rows = mysql_affected_rows(session->connection);
        if (mysql_next_result(session->connection) != 0) {
            return mysql_exchange_failed(session, operation);
        }
    }
    return STATUS_OK;
}

/*
 * Whether somebody has raised the limit, as the failure asks for, so that a new connection has
 * more. A value that has led to one does not do so again, or where a proxy says another one each
 * time there would be no end.
 */
static bool was_raised(struct mysql_session *session)
{
    struct store_mysql *mysql = (struct store_mysql *)session->store;
    size_t limit = mysql_connect_packet_max(session->connection);
    bool is_news = limit > session->packet_max && limit != mysql->raised_limit;
    mysql->raised_limit = is_news ? limit : mysql->raised_limit;
    return is_news;
}

static enum status refuse_packet(struct mysql_session *session, const char *operation)
{
    char message[MESSAGE_SIZE];
    if (was_raised(session)) {
        return mysql_session_failed(session, STATUS_UNAVAILABLE, operation,
                                    "max_allowed_packet was raised; a new connection will have it");
    }
    snprintf(message, sizeof message,
             "the database takes at most %zu bytes in one statement; with more in the server's "
             "setting max_allowed_packet it takes more",
             session->packet_max);
    return mysql_session_failed(session, STATUS_TOO_LARGE, operation, message);
}

/*
 * Sends the text from `first` to `end` as one packet. To one that is too long the server would
 * answer by ending the connection, which looks like an outage and is none.
 */
static enum status send_packet(struct mysql_session *session, const char *operation, size_t first,
                               size_t end)
{
    size_t len = end - first;
    if (session->packet_max != 0 && len + 1 >= session->packet_max) { /* and the command's byte */
        return refuse_packet(session, operation);
    }
    return mysql_real_query(session->connection, session->text.bytes + first, (unsigned long)len) ==
                   0
               ? STATUS_OK
               : mysql_exchange_failed(session, operation);
}

/*
 * When a transaction on a cluster's node loses against one of another node between two statements
 * that came together, MariaDB rolls it back, says nothing, and executes the next statement by
 * itself (10.11.19 with Galera 26.4.23: orders counted twice, and claimed by two workers). To a
 * statement that comes by itself it answers with the conflict.
 */
static enum status send_deferred_alone(struct mysql_session *session, const char *operation,
                                       size_t *sent)
{
    for (size_t i = 0; i < session->deferred; i++) {
        enum status status = send_packet(session, operation, *sent, session->deferred_ends[i]);
        if (status != STATUS_OK) {
            return status;
        }
        session->deferred_rows = mysql_affected_rows(session->connection);
        *sent = session->deferred_ends[i] + 1;
    }
    session->deferred = 0;
    return STATUS_OK;
}

static enum status send_statements(struct mysql_session *session, const char *operation)
{
    size_t sent = 0;
    enum status status = STATUS_OK;
    if (session->is_cluster_node) {
        status = send_deferred_alone(session, operation, &sent);
    }
    if (status == STATUS_OK) {
        status = send_packet(session, operation, sent, session->text.len);
    }
    return status == STATUS_OK ? pass_deferred(session, operation) : status;
}

enum status mysql_exchange_send(struct mysql_session *session, const char *operation)
{
    mysql_exchange_drop_result(session);
    enum status status = STATUS_OK;
    if (!text_is_whole(&session->text)) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, operation, "out of memory");
    } else {
        status = send_statements(session, operation);
    }
    mysql_exchange_clear(session);
    return status;
}
