/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_archive.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                                    \
    "id, client_id, user_id, item_ids, total_cents, status, created_at, started_at, due_at, "      \
    "completed_at"

enum { KEY_BYTES_MAX = 2 * (ORDER_CLIENT_ID_SIZE + ORDER_IDEMPOTENCY_KEY_SIZE) + 64 };

static void add_time(struct text *text, int64_t us)
{
    text_add(text, "TIMESTAMP'1970-01-01 00:00:00' + INTERVAL ");
    text_add_signed(text, us);
    text_add(text, " MICROSECOND");
}

/* Reads, without a lock, the next orders, and keeps in `ids` those that may be moved. */
static enum status look(struct mysql_session *session, int64_t before_us, size_t max,
                        order_id *position, order_id ids[], size_t *count, size_t *looked)
{
    struct text *text = mysql_session_text(session);
    text_add(text, "SELECT id, status = 2 AND completed_at < ");
    add_time(text, before_us);
    text_add(text, " FROM orders FORCE INDEX (PRIMARY) WHERE id > ");
    text_add_unsigned(text, *position);
    text_add(text, " ORDER BY id LIMIT ");
    text_add_unsigned(text, max);
    enum status status = mysql_session_query(session, "find old orders");
    struct mysql_row row;
    *count = 0;
    for (*looked = 0; status == STATUS_OK && mysql_session_next(session, &row); (*looked)++) {
        *position = strtoull(row.values[0], NULL, 10);
        if (row.values[1] != NULL && row.values[1][0] == '1') {
            ids[(*count)++] = *position;
        }
    }
    return status;
}

/*
 * Locks what is still there, so that what is copied is what is deleted, whoever else archives. A
 * DELETE of one table takes no hint for its index; one of several tables does, even of one.
 */
static enum status move_orders(struct mysql_session *session, order_id ids[], size_t *count)
{
    struct text *text = mysql_session_text(session);
    uint64_t copied = 0;
    uint64_t deleted = 0;
    text_add(text, "SELECT id FROM orders FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(text, "id", ids, *count);
    text_add(text, " AND status = 2 ORDER BY id FOR UPDATE");
    enum status status = mysql_session_query_ids(session, "lock old orders", ids, *count, count);
    if (status != STATUS_OK || *count == 0) {
        return status;
    }
    text_add(text, "INSERT INTO orders_archive (" COLUMNS ", archived_at) SELECT " COLUMNS
                   ", UTC_TIMESTAMP(6) FROM orders FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(text, "id", ids, *count);
    text_add(text, " AND status = 2");
    status = mysql_session_run(session, "archive", &copied);
    if (status != STATUS_OK) {
        return status;
    }
    text_add(text, "DELETE o FROM orders AS o FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(text, "o.id", ids, *count);
    text_add(text, " AND o.status = 2");
    status = mysql_session_run(session, "delete archived orders", &deleted);
    if (status == STATUS_OK && (copied != *count || deleted != *count)) {
        status = mysql_session_failed(session, STATUS_CONFLICT, "archive",
                                      "orders that were locked could not be moved");
    }
    return status;
}

enum status mysql_archive(struct mysql_session *session, int64_t before_us, size_t max,
                          order_id *position, size_t *moved, bool *more)
{
    order_id ids[STORE_BATCH_MAX];
    order_id last = *position;
    size_t count;
    size_t looked;
    enum status status = look(session, before_us, max, &last, ids, &count, &looked);
    if (status == STATUS_OK && count > 0) {
        mysql_session_begin(session);
        status = mysql_session_end(session, move_orders(session, ids, &count));
    }
    if (status == STATUS_OK) {
        *position = last;
        *moved = count;
        *more = looked == max;
    }
    return status;
}

/* As bytes: a binary string is compared as it is, whatever it holds. */
static void add_binary(struct mysql_session *session, const char *text)
{
    text_add(mysql_session_text(session), "_binary");
    mysql_session_add_string(session, text, strlen(text));
}

/* The optimizers do not use the key for a comparison of pairs. */
static void write_find_keys(struct mysql_session *session, int64_t before_us, size_t max,
                            const struct store_key_position *position)
{
    struct text *text = mysql_session_text(session);
    text_add(text, "SELECT k.client_id, k.idempotency_key, o.id IS NULL AND k.created_at < ");
    add_time(text, before_us);
    text_add(text, " FROM idempotency_keys AS k FORCE INDEX (PRIMARY) LEFT JOIN orders AS o "
                   "FORCE INDEX (PRIMARY) ON o.id = k.order_id WHERE k.client_id > ");
    add_binary(session, position->client_id);
    text_add(text, " OR (k.client_id = ");
    add_binary(session, position->client_id);
    text_add(text, " AND k.idempotency_key > ");
    add_binary(session, position->key);
    text_add(text, ") ORDER BY k.client_id, k.idempotency_key LIMIT ");
    text_add_unsigned(text, max);
}

static void read_position(const struct mysql_row *row, struct store_key_position *position)
{
    size_t client_len = row->lengths[0] < sizeof position->client_id - 1
                            ? row->lengths[0]
                            : sizeof position->client_id - 1;
    size_t key_len =
        row->lengths[1] < sizeof position->key - 1 ? row->lengths[1] : sizeof position->key - 1;
    memset(position, 0, sizeof *position);
    memcpy(position->client_id, row->values[0], client_len);
    memcpy(position->key, row->values[1], key_len);
}

/* The pair of `position`; pairs of one client are one condition, or the index is not used. */
static void add_key(struct mysql_session *session, const struct store_key_position *position,
                    const char *previous_client)
{
    struct text *text = mysql_session_text(session);
    if (previous_client == NULL) {
        text_add(text, "DELETE k FROM idempotency_keys AS k FORCE INDEX (PRIMARY) WHERE (");
    }
    if (previous_client == NULL || strcmp(previous_client, position->client_id) != 0) {
        text_add(text, previous_client == NULL ? "(k.client_id = " : ")) OR (k.client_id = ");
        add_binary(session, position->client_id);
        text_add(text, " AND k.idempotency_key IN (");
    } else {
        text_add(text, ",");
    }
    add_binary(session, position->key);
}

/*
 * Reads the next keys and puts together the DELETE of those that are not needed, until the server
 * would not take it any longer.
 */
static enum status find_keys(struct mysql_session *session, int64_t before_us, size_t max,
                             struct store_key_position *position, size_t *found, bool *more)
{
    struct text *text = mysql_session_text(session);
    char client[ORDER_CLIENT_ID_SIZE] = "";
    struct mysql_row row;
    size_t looked = 0;
    write_find_keys(session, before_us, max, position);
    enum status status = mysql_session_query(session, "find old keys");
    *found = 0;
    while (status == STATUS_OK && text->len + KEY_BYTES_MAX <= mysql_session_text_max(session) &&
           mysql_session_next(session, &row)) {
        looked++;
        read_position(&row, position);
        if (row.values[2] != NULL && row.values[2][0] == '1') {
            add_key(session, position, *found > 0 ? client : NULL);
            memcpy(client, position->client_id, sizeof client);
            (*found)++;
        }
    }
    *more = looked == max || text->len + KEY_BYTES_MAX > mysql_session_text_max(session);
    return status;
}

enum status mysql_forget_keys(struct mysql_session *session, int64_t before_us, size_t max,
                              struct store_key_position *position, size_t *deleted, bool *more)
{
    struct store_key_position last = *position;
    struct text *text = mysql_session_text(session);
    uint64_t affected = 0;
    size_t found;
    bool behind;
    enum status status = find_keys(session, before_us, max, &last, &found, &behind);
    if (status == STATUS_OK && found > 0) {
        text_add(text, "))) AND k.created_at < ");
        add_time(text, before_us);
        status = mysql_session_run(session, "delete old keys", &affected);
    }
    if (status == STATUS_OK) {
        *position = last;
        *deleted = affected;
        *more = behind;
    }
    return status;
}
