/* SPDX-License-Identifier: MIT */
/*
 * The cold read for MySQL. Parameters become literals of the text, escaped by the client library:
 * a statement that is sent once is not worth preparing.
 */
#include <assert.h>
#include <string.h>

#include "common/store/mysql/store_mysql.h"

static void add_literal(struct mysql_session *session, const struct store_value *value)
{
    struct text *text = mysql_session_text(session);
    if (value->is_null) {
        text_add(text, "NULL");
    } else if (value->type == STORE_TEXT) {
        text_add(text, "_utf8mb4");
        mysql_session_add_string(session, value->bytes, value->len);
    } else if (value->type == STORE_BYTES) {
        sql_text_add_hex(text, value->bytes, value->len);
    } else {
        /* A sign behind an operator could begin a comment. */
        text_add(text, value->number < 0 ? "(" : "");
        text_add_signed(text, value->number);
        text_add(text, value->number < 0 ? ")" : "");
    }
}

/*
 * A limit shorter than the session's own is said in the statement: MariaDB has a prefix for that,
 * MySQL a hint behind the SELECT, each of which the other does not know.
 */
static const char *add_limit(struct mysql_session *session, const char *sql, uint32_t limit_ms)
{
    static const char select[] = "SELECT ";
    struct text *text = mysql_session_text(session);
    if (limit_ms >= STORE_READ_LIMIT_MS) {
        return sql;
    }
    if (mysql_session_is_mariadb(session)) {
        text_print(text, "SET STATEMENT max_statement_time = %u.%03u FOR ", limit_ms / 1000,
                   limit_ms % 1000);
        return sql;
    }
    assert(strncmp(sql, select, strlen(select)) == 0);
    text_print(text, "%s/*+ MAX_EXECUTION_TIME(%u) */ ", select, limit_ms);
    return sql + strlen(select);
}

static void write_statement(struct mysql_session *session, const struct store_query *query)
{
    struct text *text = mysql_session_text(session);
    const char *sql = add_limit(session, query->sql, query->limit_ms);
    size_t parameter = 0;
    for (const char *mark; (mark = strchr(sql, '?')) != NULL; sql = mark + 1) {
        text_add_bytes(text, sql, (size_t)(mark - sql));
        add_literal(session, &query->parameters[parameter++]);
    }
    text_add(text, sql);
}

static enum status read_row(struct store *store, const struct store_query *query,
                            const struct mysql_row *row, struct store_rows *rows)
{
    struct store_value values[STORE_READ_COLUMNS_MAX];
    for (size_t i = 0; i < query->column_count; i++) {
        if (!store_value_read(&values[i], query->columns[i], row->values[i], row->lengths[i])) {
            return store_value_is_bad(store, query, i);
        }
    }
    return store_rows_add(rows, query, values);
}

enum status mysql_read(struct store *store, const struct store_query *query,
                       struct store_rows *rows)
{
    struct mysql_session *session = mysql_session_of(store);
    struct mysql_row row;
    write_statement(session, query);
    enum status status = mysql_session_query_cold(session, query->name);
    if (status == STATUS_OK) {
        assert(mysql_session_columns(session) == query->column_count);
    }
    while (status == STATUS_OK && mysql_session_next(session, &row)) {
        status = read_row(store, query, &row, rows);
    }
    return status;
}
