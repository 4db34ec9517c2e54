/* SPDX-License-Identifier: MIT */
/* The cold read for SQLite. The statement is prepared, run and forgotten. */
#include "common/store/sqlite/store_sqlite.h"

static struct sqlite_value parameter_of(const struct store_value *value)
{
    static const enum sqlite_kind kinds[] = {
        [STORE_INT64] = SQLITE_KIND_NUMBER,
        [STORE_TEXT] = SQLITE_KIND_TEXT,
        [STORE_BYTES] = SQLITE_KIND_BYTES,
    };
    return (struct sqlite_value){.kind = value->is_null ? SQLITE_KIND_NULL : kinds[value->type],
                                 .number = value->number,
                                 .bytes = value->bytes,
                                 .len = value->len};
}

/* Each value in SQLite has its own type, whatever its column's is. False: it is another one. Bytes
 * may be stored as text. */
static bool read_value(struct store_value *value, enum store_type type,
                       const struct sqlite_value *column)
{
    *value = (struct store_value){.type = type,
                                  .is_null = column->kind == SQLITE_KIND_NULL,
                                  .number = column->number,
                                  .bytes = column->bytes,
                                  .len = column->len};
    if (value->is_null) {
        return true;
    }
    return type == STORE_INT64 ? column->kind == SQLITE_KIND_NUMBER
           : type == STORE_TEXT
               ? column->kind == SQLITE_KIND_TEXT
               : column->kind == SQLITE_KIND_TEXT || column->kind == SQLITE_KIND_BYTES;
}

/* A read under way. */
struct reading {
    struct store *store;
    const struct store_query *query;
    struct store_rows *rows;
};

static enum status read_row(void *context, const struct sqlite_value columns[])
{
    const struct reading *reading = context;
    const struct store_query *query = reading->query;
    struct store_value values[STORE_READ_COLUMNS_MAX];
    for (size_t i = 0; i < query->column_count; i++) {
        if (!read_value(&values[i], query->columns[i], &columns[i])) {
            return store_value_is_bad(reading->store, query, i);
        }
    }
    return store_rows_add(reading->rows, query, values);
}

enum status sqlite_read(struct store *store, const struct store_query *query,
                        struct store_rows *rows)
{
    struct reading reading = {.store = store, .query = query, .rows = rows};
    struct sqlite_value parameters[STORE_READ_PARAMETERS_MAX];
    for (size_t i = 0; i < query->parameter_count; i++) {
        parameters[i] = parameter_of(&query->parameters[i]);
    }
    const struct sqlite_query cold = {.operation = query->name,
                                      .sql = query->sql,
                                      .parameters = parameters,
                                      .parameter_count = query->parameter_count,
                                      .column_count = query->column_count,
                                      .limit_ms = query->limit_ms,
                                      .row = read_row,
                                      .context = &reading};
    return sqlite_session_query(sqlite_session_of(store), &cold);
}
