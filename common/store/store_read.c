/* SPDX-License-Identifier: MIT */
#include "common/store/store_read.h"

#include <assert.h>

#include "common/base/utf8.h"
#include "common/store/store_backend.h"

static size_t count_placeholders(const char *sql)
{
    size_t count = 0;
    for (; (sql = strchr(sql, '?')) != NULL; sql++) {
        count++;
    }
    return count;
}

static void check_query(const struct store_query *query)
{
    assert(strncmp(query->sql, "SELECT ", 7) == 0);
    assert(query->parameter_count <= STORE_READ_PARAMETERS_MAX);
    assert(query->column_count >= 1 && query->column_count <= STORE_READ_COLUMNS_MAX);
    assert(query->rows_max >= 1 && query->rows_max <= STORE_READ_ROWS_MAX);
    assert(query->limit_ms <= STORE_READ_LIMIT_MS);
}

/* What PostgreSQL and MySQL refuse, each in its own way, and SQLite would take. */
static bool is_good_text(const struct store_value *value)
{
    if (value->type != STORE_TEXT || value->is_null) {
        return true;
    }
    uint32_t code_point = 0;
    const char *text = value->bytes;
    for (size_t at = 0, step; at < value->len; at += step) {
        step = utf8_next(text + at, value->len - at, &code_point);
        if (step == 0 || code_point == 0) {
            return false;
        }
    }
    return true;
}

static enum status check_parameters(struct store *store, const struct store_query *query)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        if (!is_good_text(&query->parameters[i])) {
            return store_failed(store, STATUS_INVALID, query->name, (int)i,
                                "a text parameter is not UTF-8 or has a NUL; nothing was sent");
        }
    }
    return STATUS_OK;
}

/* One row more than is wanted, to know whether there is one. */
static void write_statement(struct text *text, const struct store *store,
                            const struct store_query *query)
{
    sql_text_add_template(text, query->sql, store->ops->fragments);
    text_add(text, " LIMIT ");
    text_add_unsigned(text, query->rows_max + 1);
}

enum status store_read_connected(struct store *store, const struct store_query *query,
                                 struct store_rows *rows)
{
    check_query(query);
    rows->count = 0;
    rows->more = false;
    enum status status = check_parameters(store, query);
    if (status != STATUS_OK) {
        return status;
    }
    struct text text = {0};
    struct store_query expanded = *query;
    write_statement(&text, store, query);
    expanded.sql = text_string(&text);
    expanded.limit_ms = query->limit_ms != 0 ? query->limit_ms : STORE_READ_LIMIT_MS;
    if (expanded.sql == NULL) {
        status = store_failed(store, STATUS_UNAVAILABLE, query->name, 0, "out of memory");
    } else {
        assert(count_placeholders(expanded.sql) == query->parameter_count);
        status = store->ops->read(store, &expanded, rows);
        assert(rows->count <= query->rows_max);
    }
    text_finish(&text);
    return status;
}

enum status store_rows_add(struct store_rows *rows, const struct store_query *query,
                           const struct store_value values[])
{
    if (rows->count == query->rows_max) {
        rows->more = true;
        return STATUS_OK;
    }
    rows->count++;
    return rows->row(rows->context, values);
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "-42". Counts down from zero, because there is one more number below it than above. */
static bool read_int64(const char *text, size_t len, int64_t *number)
{
    bool negative = len > 0 && text[0] == '-';
    size_t at = negative ? 1 : 0;
    int64_t value = 0;
    if (at == len) {
        return false;
    }
    for (; at < len; at++) {
        if (!is_digit(text[at]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[at] - '0', &value)) {
            return false;
        }
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *number = negative ? value : -value;
    return true;
}

bool store_value_read(struct store_value *value, enum store_type type, const char *text, size_t len)
{
    *value = (struct store_value){.type = type, .is_null = text == NULL};
    if (text == NULL) {
        return true;
    }
    if (type == STORE_INT64) {
        return read_int64(text, len, &value->number);
    }
    value->bytes = text;
    value->len = len;
    return true;
}

enum status store_value_is_bad(struct store *store, const struct store_query *query, size_t column)
{
    return store_failed(store, STATUS_INVALID, query->name, (int)column,
                        query->columns[column] == STORE_INT64
                            ? "a column (its place, from 0, is the code) is no whole number of 64 "
                              "bits; the read ends"
                            : "a column (its place, from 0, is the code) is neither text nor bytes "
                              "as expected; the read ends");
}
