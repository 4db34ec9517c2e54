/* SPDX-License-Identifier: MIT */
/* Moving Completed orders to the archive, and deleting their idempotency keys, for MySQL. */
#include <stdlib.h>
#include <string.h>

#include "common/store/mysql/store_mysql.h"

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

/* A step of the walk over the orders. */
struct batch {
    order_id last; /* that was looked at */
    size_t looked; /* how many were */
    size_t count;  /* of these that may be moved */
    order_id ids[STORE_BATCH_MAX];
};

/* Reads, without a lock, the next orders. */
static enum status look(struct mysql_session *session, const struct store_archive *archive,
                        struct batch *batch)
{
    struct text *text = mysql_session_text(session);
    struct mysql_row row;
    text_add(text, "SELECT id, status = " ORDER_SQL_COMPLETED " AND completed_at < ");
    add_time(text, archive->before_us);
    text_add(text, " FROM orders FORCE INDEX (PRIMARY) WHERE id > ");
    text_add_unsigned(text, archive->position);
    text_add(text, " ORDER BY id LIMIT ");
    text_add_unsigned(text, archive->max);
    enum status status = mysql_session_query(session, "find old orders");
    batch->last = archive->position;
    batch->count = 0;
    batch->looked = 0;
    for (; status == STATUS_OK && mysql_session_next(session, &row); batch->looked++) {
        batch->last = strtoull(row.values[0], NULL, 10);
        if (row.values[1] != NULL && row.values[1][0] == '1') {
            batch->ids[batch->count++] = batch->last;
        }
    }
    return status;
}

/*
 * Locks what is still there, so that what is copied is what is deleted, also when two archive at
 * once. A DELETE of one table takes no hint for its index; one of several tables does, even of one.
 */
static enum status move_orders(struct mysql_session *session, order_id ids[], size_t *count)
{
    struct text *text = mysql_session_text(session);
    uint64_t copied = 0;
    uint64_t deleted = 0;
    text_add(text, "SELECT id FROM orders FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(text, "id", ids, *count);
    text_add(text, " AND status = " ORDER_SQL_COMPLETED " ORDER BY id FOR UPDATE");
    enum status status = mysql_session_query_ids(session, "lock old orders", ids, *count, count);
    if (status != STATUS_OK || *count == 0) {
        return status;
    }
    text_add(text, "INSERT INTO orders_archive (" COLUMNS ", archived_at) SELECT " COLUMNS
                   ", UTC_TIMESTAMP(6) FROM orders FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(text, "id", ids, *count);
    text_add(text, " AND status = " ORDER_SQL_COMPLETED);
    status = mysql_session_run(session, "archive", &copied);
    if (status != STATUS_OK) {
        return status;
    }
    text_add(text, "DELETE o FROM orders AS o FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(text, "o.id", ids, *count);
    text_add(text, " AND o.status = " ORDER_SQL_COMPLETED);
    status = mysql_session_run(session, "delete archived orders", &deleted);
    if (status == STATUS_OK && (copied != *count || deleted != *count)) {
        status =
            mysql_session_failed(session, STATUS_CONFLICT, "archive",
                                 "orders that were locked could not be moved; nothing was changed");
    }
    return status;
}

enum status mysql_archive(struct store *store, struct store_archive *archive)
{
    struct mysql_session *session = mysql_session_of(store);
    struct batch batch;
    enum status status = look(session, archive, &batch);
    if (status == STATUS_OK && batch.count > 0) {
        mysql_session_begin(session);
        status = mysql_session_end(session, move_orders(session, batch.ids, &batch.count));
    }
    if (status == STATUS_OK) {
        archive->position = batch.last;
        archive->moved = batch.count;
        archive->more = batch.looked == archive->max;
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
static void write_find_keys(struct mysql_session *session, const struct store_forget_keys *keys)
{
    const struct store_key_position *position = &keys->position;
    struct text *text = mysql_session_text(session);
    text_add(text, "SELECT k.client_id, k.idempotency_key, o.id IS NULL AND k.created_at < ");
    add_time(text, keys->before_us);
    text_add(text, " FROM idempotency_keys AS k FORCE INDEX (PRIMARY) LEFT JOIN orders AS o "
                   "FORCE INDEX (PRIMARY) ON o.id = k.order_id WHERE k.client_id > ");
    add_binary(session, position->client_id);
    text_add(text, " OR (k.client_id = ");
    add_binary(session, position->client_id);
    text_add(text, " AND k.idempotency_key > ");
    add_binary(session, position->key);
    text_add(text, ") ORDER BY k.client_id, k.idempotency_key LIMIT ");
    text_add_unsigned(text, keys->max);
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
 * Reads the next keys and puts together the DELETE of those that are not needed, `*found` of them,
 * until the server would not take it any longer. Brings `keys` forward.
 */
static enum status find_keys(struct mysql_session *session, struct store_forget_keys *keys,
                             size_t *found)
{
    struct text *text = mysql_session_text(session);
    char client[ORDER_CLIENT_ID_SIZE] = "";
    struct mysql_row row;
    size_t looked = 0;
    write_find_keys(session, keys);
    enum status status = mysql_session_query(session, "find old keys");
    *found = 0;
    while (status == STATUS_OK && text->len + KEY_BYTES_MAX <= mysql_session_text_max(session) &&
           mysql_session_next(session, &row)) {
        looked++;
        read_position(&row, &keys->position);
        if (row.values[2] != NULL && row.values[2][0] == '1') {
            add_key(session, &keys->position, *found > 0 ? client : NULL);
            memcpy(client, keys->position.client_id, sizeof client);
            (*found)++;
        }
    }
    keys->more = looked == keys->max || text->len + KEY_BYTES_MAX > mysql_session_text_max(session);
    return status;
}

enum status mysql_forget_keys(struct store *store, struct store_forget_keys *keys)
{
    struct mysql_session *session = mysql_session_of(store);
    struct text *text = mysql_session_text(session);
    struct store_forget_keys next = *keys;
    uint64_t affected = 0;
    size_t found;
    enum status status = find_keys(session, &next, &found);
    if (status == STATUS_OK && found > 0) {
        text_add(text, "))) AND k.created_at < ");
        add_time(text, keys->before_us);
        status = mysql_session_run(session, "delete old keys", &affected);
    }
    if (status == STATUS_OK) {
        *keys = next;
        keys->deleted = affected;
    }
    return status;
}
