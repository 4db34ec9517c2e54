/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_session.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/store/mysql/mysql_connect.h"
#include "common/store/mysql/mysql_error.h"
#include "common/store/mysql/mysql_exchange.h"
#include "common/store/mysql/mysql_password.h"
#include "common/store/mysql/mysql_settings.h"
#include "common/store/mysql/store_mysql.h"
#include "common/store/store_version.h"

enum {
    COUNTER_SLOTS = 64,       /* rows in the table `counters` */
    TEXT_BYTES_MAX = 1 << 20, /* what a connection keeps; longer inserts are split */
    PACKET_OVERHEAD = 1024,   /* of the server's max_allowed_packet, not for the statement */
    MYSQL_IDLE_MAX_MS = 5000, /* well below the wait_timeout that is set */
    MESSAGE_SIZE = 160,
};

enum status mysql_session_failed(struct mysql_session *session, enum status status,
                                 const char *operation, const char *message)
{
    return store_failed(session->store, status, operation, 0, message);
}

/*
 * Each node of a cluster numbers its connections by itself. What is different on each is what keeps
 * their automatic ids apart: the increment, which is the number of nodes, and the offset,
 * which is the node's. Alone a server has 1 and 1. Without them the first connections of all nodes
 * would share a row, and each commit of one would make the others' fail.
 */
static enum status read_limits(struct mysql_session *session)
{
    int64_t limits[3];
    text_add(&session->text, "SELECT @@max_allowed_packet, @@auto_increment_increment, "
                             "@@auto_increment_offset");
    enum status status = mysql_session_query_numbers(session, "read limits", limits, 3);
    session->packet_max = (size_t)limits[0];
    session->slot =
        (mysql_thread_id(session->connection) * (uint64_t)limits[1] + (uint64_t)limits[2]) %
        COUNTER_SLOTS;
    return status;
}

/*
 * A node of a Galera cluster, MariaDB's or Percona's, is to read and update only when it has what
 * was committed on the others before, so that a client finds the order whose id it got, and a
 * worker the one whose hint it got. MySQL does not have these variables; MariaDB always does.
 * Percona's `wsrep_on` is a session's only.
 */
static enum status set_up_cluster(struct mysql_session *session)
{
    enum { READS_AND_UPDATES = 3, WAITS_FOR = 0, IS_NODE = 1, COLUMNS };
    struct mysql_row row;
    int64_t columns[COLUMNS] = {0};
    text_add(&session->text, "SHOW SESSION VARIABLES LIKE 'wsrep_sync_wait'");
    enum status status = mysql_session_query(session, "read cluster");
    if (status != STATUS_OK || !mysql_session_next(session, &row)) {
        return status;
    }
    text_add(&session->text, "SET SESSION wsrep_sync_wait = 3");
    status = mysql_session_run(session, "set up cluster", NULL);
    if (status == STATUS_OK) {
        text_add(&session->text, "SELECT @@SESSION.wsrep_sync_wait, @@SESSION.wsrep_on");
        status = mysql_session_query_numbers(session, "read cluster", columns, COLUMNS);
    }
    session->is_cluster_node = columns[IS_NODE] != 0;
    if (status == STATUS_OK && columns[WAITS_FOR] != READS_AND_UPDATES) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, "read cluster",
                                      "the session's wsrep_sync_wait is not 3 although it was set");
    }
    return status;
}

static enum status set_up(struct mysql_session *session)
{
    bool is_mariadb = mysql_session_is_mariadb(session);
    session->store->idle_max_ms = is_mariadb ? 0 : MYSQL_IDLE_MAX_MS;
    enum status status = mysql_settings_apply(session, session->store);
    if (status == STATUS_OK) {
        status = set_up_cluster(session);
    }
    return status == STATUS_OK ? read_limits(session) : status;
}

static bool is_mariadb_server(MYSQL *connection)
{
    return strstr(mysql_get_server_info(connection), "MariaDB") != NULL;
}

/* SKIP LOCKED, and names of settings; the first versions for production that have them. */
static enum status check_version(struct mysql_session *session)
{
    bool is_mariadb = is_mariadb_server(session->connection);
    unsigned version = (unsigned)mysql_get_server_version(session->connection);
    struct store_version_check check = {
        .name = is_mariadb ? "MariaDB" : "MySQL",
        .has = {version / 10000, version / 100 % 100, version % 100},
        .oldest = {8, 0, 11},
    };
    if (is_mariadb) {
        check.oldest[0] = 10;
        check.oldest[1] = 6;
        check.oldest[2] = 0;
    }
    return store_version_check(session->store, &check);
}

static void init_library(void)
{
    if (mysql_library_init(0, NULL, NULL) != 0) {
        log_error("the MySQL client library does not start, so the program ends",
                  log_int("code", 0));
        _exit(EXIT_FAILURE);
    }
    mysql_password_protect();
}

/* `fault` is the library's own message, or one of mysql_connect.c. */
static enum status connect_failed(struct mysql_session *session, const char *fault)
{
    char message[STORE_FAILURE_SIZE];
    int code = (int)mysql_errno(session->connection);
    snprintf(message, sizeof message, "%s", fault);
    if (code != 0) {
        mysql_error_describe_connection(session->connection, message, sizeof message);
    }
    return store_failed(session->store, STATUS_UNAVAILABLE, "connect", code, message);
}

enum status mysql_session_open(struct store *store, struct mysql_session **session)
{
    static pthread_once_t library = PTHREAD_ONCE_INIT;
    pthread_once(&library, init_library);
    *session = NULL;
    const char *fault = NULL;
    struct mysql_session *opened = calloc(1, sizeof *opened);
    MYSQL *connection = opened != NULL
                            ? mysql_connect_open(&store->url, store->no_statement_timeout, &fault)
                            : NULL;
    if (connection == NULL) {
        free(opened);
        return store_failed(store, STATUS_UNAVAILABLE, "connect", 0, "out of memory");
    }
    opened->store = store;
    opened->connection = connection;
    enum status status = STATUS_OK;
    if (fault != NULL) {
        status = connect_failed(opened, fault);
    }
    if (status == STATUS_OK) {
        status = check_version(opened);
    }
    if (status == STATUS_OK) {
        status = set_up(opened);
    }
    if (status != STATUS_OK) {
        mysql_session_close(opened);
        return status;
    }
    *session = opened;
    return STATUS_OK;
}

void mysql_session_close(struct mysql_session *session)
{
    if (session == NULL) {
        return;
    }
    mysql_exchange_drop_result(session);
    mysql_close(session->connection);
    text_finish(&session->text);
    free(session);
}

enum status mysql_session_ping(struct mysql_session *session)
{
    return mysql_ping(session->connection) == 0 ? STATUS_OK
                                                : mysql_exchange_failed(session, "ping");
}

struct text *mysql_session_text(struct mysql_session *session)
{
    return &session->text;
}

bool mysql_session_is_mariadb(const struct mysql_session *session)
{
    return is_mariadb_server(session->connection);
}

size_t mysql_session_text_max(const struct mysql_session *session)
{
    size_t room = session->packet_max > PACKET_OVERHEAD ? session->packet_max - PACKET_OVERHEAD : 0;
    return room < TEXT_BYTES_MAX ? room : TEXT_BYTES_MAX;
}

void mysql_session_add_string(struct mysql_session *session, const char *bytes, size_t len)
{
    text_add(&session->text, "'");
    /* The library asks for room for every byte doubled and a NUL. */
    char *end = text_reserve(&session->text, 2 * len + 1);
    if (end != NULL) {
        text_extend(&session->text,
                    mysql_real_escape_string(session->connection, end, bytes, (unsigned long)len));
    }
    text_add(&session->text, "'");
}

void mysql_session_defer(struct mysql_session *session)
{
    assert(session->deferred < MYSQL_DEFERRED_MAX);
    session->deferred_ends[session->deferred++] = session->text.len;
    text_add(&session->text, ";");
}

uint64_t mysql_session_deferred_rows(const struct mysql_session *session)
{
    return session->deferred_rows;
}

enum status mysql_session_run(struct mysql_session *session, const char *operation,
                              uint64_t *affected)
{
    enum status status = mysql_exchange_send(session, operation);
    if (status == STATUS_OK && affected != NULL) {
        *affected = mysql_affected_rows(session->connection);
    }
    return status;
}

uint64_t mysql_session_last_id(const struct mysql_session *session)
{
    return mysql_insert_id(session->connection);
}

enum status mysql_session_query(struct mysql_session *session, const char *operation)
{
    enum status status = mysql_exchange_send(session, operation);
    if (status == STATUS_OK) {
        session->result = mysql_store_result(session->connection);
        status = session->result != NULL ? STATUS_OK : mysql_exchange_failed(session, operation);
    }
    return status;
}

enum status mysql_session_query_cold(struct mysql_session *session, const char *operation)
{
    session->is_cold_read = true;
    enum status status = mysql_session_query(session, operation);
    session->is_cold_read = false;
    return status;
}

size_t mysql_session_columns(const struct mysql_session *session)
{
    return mysql_num_fields(session->result);
}

bool mysql_session_next(struct mysql_session *session, struct mysql_row *row)
{
    row->values = mysql_fetch_row(session->result);
    row->lengths = row->values != NULL ? mysql_fetch_lengths(session->result) : NULL;
    return row->values != NULL;
}

enum status mysql_session_query_numbers(struct mysql_session *session, const char *operation,
                                        int64_t numbers[], size_t columns)
{
    memset(numbers, 0, columns * sizeof numbers[0]);
    enum status status = mysql_session_query(session, operation);
    struct mysql_row row;
    if (status != STATUS_OK) {
        return status;
    }
    if (!mysql_session_next(session, &row)) {
        return mysql_session_failed(session, STATUS_UNAVAILABLE, operation,
                                    "the server sent no row where there must be one");
    }
    for (size_t i = 0; i < columns; i++) {
        numbers[i] = row.values[i] != NULL ? strtoll(row.values[i], NULL, 10) : 0;
    }
    return STATUS_OK;
}

enum status mysql_session_query_ids(struct mysql_session *session, const char *operation,
                                    order_id ids[], size_t max, size_t *count)
{
    *count = 0;
    enum status status = mysql_session_query(session, operation);
    struct mysql_row row;
    while (status == STATUS_OK && mysql_session_next(session, &row)) {
        assert(*count < max);
        ids[(*count)++] = strtoull(row.values[0], NULL, 10);
    }
    return status;
}

void mysql_session_begin(struct mysql_session *session)
{
    assert(session->text.len == 0);
    text_add(&session->text, "START TRANSACTION");
    mysql_session_defer(session);
}

/*
 * A node of a cluster whose transaction lost against another node's may say so in answer to any
 * statement, this one too, which it then has not executed.
 */
static enum status roll_back(struct mysql_session *session)
{
    enum { TRIES = 2 };
    enum status status = STATUS_CONFLICT;
    mysql_exchange_clear(session); /* the statement that was not sent any more */
    for (int i = 0; i < TRIES && status == STATUS_CONFLICT; i++) {
        text_add(&session->text, "ROLLBACK");
        status = mysql_session_run(session, "rollback", NULL);
    }
    /* A connection that cannot even roll back is of no further use, whatever it says. */
    return status == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status mysql_session_restart(struct mysql_session *session)
{
    enum status status = roll_back(session);
    if (status == STATUS_OK) {
        mysql_session_begin(session);
    }
    return status;
}

enum status mysql_session_end(struct mysql_session *session, enum status status)
{
    if (status == STATUS_OK) {
        text_add(&session->text, "COMMIT");
        status = mysql_session_run(session, "commit", NULL);
        if (status == STATUS_OK) {
            return STATUS_OK;
        }
        /* Of a COMMIT nobody says how far it came. */
        status = status == STATUS_REFUSED ? STATUS_UNAVAILABLE : status;
    }
    return mysql_session_undo(session, status);
}

enum status mysql_session_undo(struct mysql_session *session, enum status status)
{
    return roll_back(session) == STATUS_OK ? status : STATUS_UNAVAILABLE;
}

enum status mysql_session_count(struct mysql_session *session, const char *operation)
{
    uint64_t affected = 0;
    text_add(&session->text, " WHERE slot = ");
    text_add_unsigned(&session->text, session->slot);
    enum status status = mysql_session_run(session, operation, &affected);
    if (status == STATUS_OK && affected != 1) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, operation,
                                      "table counters lacks this connection's slot");
    }
    return status;
}
