/* SPDX-License-Identifier: MIT */
/* The cold read for PostgreSQL. Parameters are sent beside the statement, in binary. */
#include <assert.h>
#include <string.h>

#include "common/store/postgres/store_postgres.h"

/* `?` becomes $1, $2, ... */
static void write_statement(struct text *text, const char *sql)
{
    unsigned int number = 0;
    for (const char *mark; (mark = strchr(sql, '?')) != NULL; sql = mark + 1) {
        text_add_bytes(text, sql, (size_t)(mark - sql));
        text_print(text, "$%u", ++number);
    }
    text_add(text, sql);
}

static struct postgres_value parameter_of(const struct store_value *value)
{
    static const enum postgres_type types[] = {
        [STORE_INT64] = POSTGRES_BIGINT,
        [STORE_TEXT] = POSTGRES_TEXT,
        [STORE_BYTES] = POSTGRES_BYTEA,
    };
    return (struct postgres_value){.type = types[value->type],
                                   .is_null = value->is_null,
                                   .number = value->number,
                                   .bytes = value->bytes,
                                   .len = value->len};
}

/* One read under way. */
struct reading {
    struct store *store;
    const struct store_query *query;
    struct store_rows *rows;
    struct text bytes[STORE_READ_COLUMNS_MAX]; /* of the row's columns that are bytes */
};

static int hex_value(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* "\x0aff": how the server writes bytes. False: it is something else. */
static bool read_hex(struct text *bytes, struct store_value *value)
{
    const char *digits = value->bytes;
    size_t len = value->len;
    if (len < 2 || len % 2 != 0 || memcmp(digits, "\\x", 2) != 0 ||
        strspn(digits + 2, "0123456789abcdef") != len - 2) {
        return false;
    }
    text_clear(bytes);
    for (size_t i = 2; i < len; i += 2) {
        char byte = (char)(hex_value(digits[i]) << 4 | hex_value(digits[i + 1]));
        text_add_bytes(bytes, &byte, 1);
    }
    value->bytes = text_string(bytes);
    value->len = (len - 2) / 2;
    return value->bytes != NULL;
}

static enum status read_row(struct reading *reading, size_t row)
{
    const struct store_query *query = reading->query;
    struct store_value values[STORE_READ_COLUMNS_MAX];
    for (size_t i = 0; i < query->column_count; i++) {
        size_t len = 0;
        const char *text =
            postgres_session_value(postgres_session_of(reading->store), row, i, &len);
        if (!store_value_read(&values[i], query->columns[i], text, len) ||
            (values[i].type == STORE_BYTES && !values[i].is_null &&
             !read_hex(&reading->bytes[i], &values[i]))) {
            return store_value_is_bad(reading->store, query, i);
        }
    }
    return store_rows_add(reading->rows, query, values);
}

static enum status read_rows(struct store *store, const struct store_query *query,
                             struct store_rows *rows)
{
    struct postgres_session *session = postgres_session_of(store);
    struct reading reading = {.store = store, .query = query, .rows = rows};
    enum status status = STATUS_OK;
    assert(postgres_session_columns(session) == query->column_count);
    for (size_t row = 0; row < postgres_session_rows(session) && status == STATUS_OK; row++) {
        status = read_row(&reading, row);
    }
    for (size_t i = 0; i < query->column_count; i++) {
        text_finish(&reading.bytes[i]);
    }
    return status;
}

static enum status send(struct postgres_session *session, const struct store_query *query)
{
    struct postgres_value parameters[STORE_READ_PARAMETERS_MAX];
    struct text text = {0};
    for (size_t i = 0; i < query->parameter_count; i++) {
        parameters[i] = parameter_of(&query->parameters[i]);
    }
    write_statement(&text, query->sql);
    const char *sql = text_string(&text);
    enum status status = sql != NULL ? postgres_session_run_cold(session, query->name, sql,
                                                                 parameters, query->parameter_count)
                                     : postgres_session_failed(session, STATUS_UNAVAILABLE,
                                                               query->name, "out of memory");
    text_finish(&text);
    return status;
}

/* The session's limit is changed for a read with a shorter one, and put back after it. */
enum status postgres_read(struct store *store, const struct store_query *query,
                          struct store_rows *rows)
{
    struct postgres_session *session = postgres_session_of(store);
    bool is_shorter = query->limit_ms < STORE_READ_LIMIT_MS;
    enum status status =
        is_shorter ? postgres_session_set_limit(session, query->limit_ms) : STATUS_OK;
    if (status == STATUS_OK) {
        status = send(session, query);
    }
    if (status == STATUS_OK) {
        status = read_rows(store, query, rows);
    }
    if (!is_shorter || status == STATUS_UNAVAILABLE) {
        return status;
    }
    return postgres_session_set_limit(session, STORE_READ_LIMIT_MS) == STATUS_OK
               ? status
               : STATUS_UNAVAILABLE;
}
