/* SPDX-License-Identifier: MIT */
/* Reserving ids and storing new orders, for PostgreSQL. */
#include <assert.h>
#include <string.h>

#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/store_postgres.h"

enum {
    PART_BYTES_MAX = 1 << 20, /* what a connection keeps; longer batches are sent in parts */
    ROW_OVERHEAD = 128,       /* bytes of a row besides its strings, generously */
};

/* The arrays, which are the columns of `sent`. */
enum column { ID, CLIENT, USER, ITEMS, CENTS, KEY, FINGERPRINT, COLUMN_COUNT };

/*
 * Keys first, then the orders they let through, then the counter: every transaction takes its locks
 * in this order, and those of the keys in the order of the keys, so they cannot deadlock with each
 * other. Of equal keys in `sent` the first wins. A key that is there already is "updated" to what
 * it is, because that locks and returns its row, also one committed after this statement began. The
 * rows that come back are the entries with a key: their place, the order the key belongs to, and
 * whether it came with another fingerprint. One more, of place 0, is there always.
 */
#define INSERT(on_conflict, count)                                                                 \
    "WITH sent AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], "       \
    "$4::text[], $5::bigint[], $6::text[], $7::bytea[]) WITH ORDINALITY "                          \
    "AS t (id, client_id, user_id, item_ids, total_cents, key, fingerprint, place)), "             \
    "keys AS (INSERT INTO idempotency_keys AS k "                                                  \
    "(client_id, idempotency_key, order_id, fingerprint, created_at) "                             \
    "SELECT DISTINCT ON (client_id COLLATE \"C\", key COLLATE \"C\") "                             \
    "client_id, key, id, fingerprint, statement_timestamp() FROM sent WHERE key <> '' "            \
    "ORDER BY client_id COLLATE \"C\", key COLLATE \"C\", place "                                  \
    "ON CONFLICT (client_id, idempotency_key) DO UPDATE SET order_id = k.order_id "                \
    "RETURNING client_id, idempotency_key, order_id, fingerprint), "                               \
    "chosen AS MATERIALIZED (SELECT * FROM sent WHERE key = '' OR (client_id, key, id) IN "        \
    "(SELECT client_id, idempotency_key, order_id FROM keys)), "                                   \
    "stored AS (INSERT INTO orders "                                                               \
    "(id, client_id, user_id, item_ids, total_cents, status, created_at, due_at) "                 \
    "SELECT id, client_id, user_id, item_ids, total_cents, " ORDER_SQL_PENDING                     \
    ", statement_timestamp(), statement_timestamp() FROM chosen " on_conflict " RETURNING 1), "    \
    "counted AS (INSERT INTO counters AS c (slot, created) "                                       \
    "SELECT pg_backend_pid() % 64, count(*) FROM stored HAVING count(*) > 0 "                      \
    "ON CONFLICT (slot) DO UPDATE SET created = c.created + excluded.created) "                    \
    "SELECT s.place, k.order_id, (k.fingerprint <> s.fingerprint)::int FROM sent s "               \
    "JOIN keys k ON k.client_id = s.client_id AND k.idempotency_key = s.key "                      \
    "UNION ALL SELECT 0, " count ", 0"

/*
 * An order that is there already fails the statement. So does one that is left out, by a rule or a
 * trigger: a division by zero, for which the database refuses the data. Its key is rolled back with
 * it, and those that come with it are stored when it is alone.
 */
static const char insert_new_sql[] =
    INSERT("", "1 / ((SELECT count(*) FROM stored) = (SELECT count(*) FROM chosen))::int");

/* An order that is there already stays as it is and is not counted. */
static const char insert_again_sql[] = INSERT("ON CONFLICT (id) DO NOTHING", "0");

/* The places of those that are not what is stored under their ids, as a statement after the insert
 * sees it. */
static const char find_others_sql[] =
    "SELECT s.place FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[]) "
    "WITH ORDINALITY AS s (id, client_id, user_id, item_ids, total_cents, place) "
    "LEFT JOIN orders o ON o.id = s.id WHERE o.id IS NULL OR o.client_id <> s.client_id "
    "OR o.user_id <> s.user_id OR o.item_ids <> s.item_ids OR o.total_cents <> s.total_cents";

static size_t row_bytes(const struct order *order)
{
    return ROW_OVERHEAD + strlen(order->client_id) + order->user_id_len + order->items_json_len +
           strlen(order->idempotency_key);
}

/* How many of the `count` >= 1 entries go into one statement; normally all. */
static size_t measure_part(struct store_insert *const entries[], size_t count)
{
    size_t bytes = row_bytes(entries[0]->order);
    size_t part = 1;
    while (part < count && (bytes += row_bytes(entries[part]->order)) <= PART_BYTES_MAX) {
        part++;
    }
    return part;
}

static void add_text(struct text *array, const char *text)
{
    postgres_array_add_bytes(array, text, strlen(text));
}

static void write_part(struct postgres_session *session, struct postgres_value columns[],
                       struct store_insert *const entries[], size_t count)
{
    static const enum postgres_type elements[COLUMN_COUNT] = {
        [ID] = POSTGRES_BIGINT,         [CLIENT] = POSTGRES_TEXT,  [USER] = POSTGRES_TEXT,
        [ITEMS] = POSTGRES_TEXT,        [CENTS] = POSTGRES_BIGINT, [KEY] = POSTGRES_TEXT,
        [FINGERPRINT] = POSTGRES_BYTEA,
    };
    struct text *arrays[COLUMN_COUNT];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        arrays[i] = postgres_session_array(session, i);
        columns[i] = postgres_array(arrays[i]);
        postgres_array_start(arrays[i], elements[i], count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct order *order = entries[i]->order;
        postgres_array_add_bigint(arrays[ID], (int64_t)order->id);
        add_text(arrays[CLIENT], order->client_id);
        postgres_array_add_bytes(arrays[USER], order->user_id, order->user_id_len);
        postgres_array_add_bytes(arrays[ITEMS], order->items_json, order->items_json_len);
        postgres_array_add_bigint(arrays[CENTS], order->total_cents);
        add_text(arrays[KEY], order->idempotency_key);
        postgres_array_add_bytes(arrays[FINGERPRINT], order->fingerprint,
                                 sizeof order->fingerprint);
    }
}

static size_t count_keyed(struct store_insert *const entries[], size_t count)
{
    size_t keyed = 0;
    for (size_t i = 0; i < count; i++) {
        keyed += entries[i]->order->idempotency_key[0] != '\0' ? 1 : 0;
    }
    return keyed;
}

/* Settles the keys. A key whose row does not come must not be taken for a new one: its order would
 * be stored twice. */
static enum status read_rows(struct postgres_session *session, struct store_insert *const entries[],
                             size_t count)
{
    size_t rows = postgres_session_rows(session);
    if (rows != count_keyed(entries, count) + 1) {
        return postgres_session_failed(session, STATUS_UNAVAILABLE, "insert",
                                       "the row of a key that was locked did not come");
    }
    for (size_t row = 0; row < rows; row++) {
        int64_t place = postgres_session_number(session, row, 0);
        if (place == 0) {
            continue;
        }
        struct store_insert *entry = entries[place - 1];
        entry->stored_id = (order_id)postgres_session_number(session, row, 1);
        entry->key_reused = postgres_session_number(session, row, 2) != 0;
    }
    return STATUS_OK;
}

/* They were never sent before, so each of them may get a new id; it does not matter which of them
 * has the id that is in use. */
static enum status insert_new(struct postgres_session *session,
                              struct store_insert *const entries[], size_t count)
{
    struct postgres_value columns[COLUMN_COUNT];
    write_part(session, columns, entries, count);
    enum status status =
        postgres_session_run_prepared(session, "insert", insert_new_sql, columns, COLUMN_COUNT);
    for (size_t i = 0; i < count && status == STATUS_ALREADY_EXISTS; i++) {
        entries[i]->id_in_use = true;
    }
    return status == STATUS_OK ? read_rows(session, entries, count) : status;
}

/* Looking is a statement of its own, because one does not see what others have committed since it
 * began. */
static enum status insert_again(struct postgres_session *session,
                                struct store_insert *const entries[], size_t count)
{
    struct postgres_value columns[COLUMN_COUNT];
    write_part(session, columns, entries, count);
    enum status status =
        postgres_session_run(session, "insert again", insert_again_sql, columns, COLUMN_COUNT);
    if (status == STATUS_OK) {
        status = read_rows(session, entries, count);
    }
    if (status == STATUS_OK) {
        status = postgres_session_run(session, "find others", find_others_sql, columns, CENTS + 1);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t row = 0; row < postgres_session_rows(session); row++) {
        struct store_insert *entry = entries[postgres_session_number(session, row, 0) - 1];
        entry->id_in_use = entry->stored_id == entry->order->id; /* or it was not to be stored */
        status = entry->id_in_use ? STATUS_ALREADY_EXISTS : status;
    }
    return status;
}

typedef enum status insert_part(struct postgres_session *session,
                                struct store_insert *const entries[], size_t count);

static enum status insert_parts(struct postgres_session *session, insert_part *insert,
                                struct store_insert *const entries[], size_t count)
{
    enum status status = STATUS_OK;
    for (size_t part; count > 0 && status == STATUS_OK; entries += part, count -= part) {
        part = measure_part(entries, count);
        status = insert(session, entries, part);
    }
    return status;
}

enum status postgres_insert(struct store *store, struct store_insert entries[], size_t count)
{
    struct postgres_session *session = postgres_session_of(store);
    struct store_insert *new[STORE_BATCH_MAX];
    struct store_insert *again[STORE_BATCH_MAX];
    size_t new_count = 0;
    size_t again_count = 0;
    assert(count >= 1 && count <= STORE_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].repeated) {
            again[again_count++] = &entries[i];
        } else {
            new[new_count++] = &entries[i];
        }
    }
    /* One statement is a transaction by itself, and saves two round trips. */
    if (again_count == 0 && measure_part(new, new_count) == new_count) {
        return insert_new(session, new, new_count);
    }
    enum status status = postgres_session_begin(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = insert_parts(session, insert_new, new, new_count);
    if (status == STATUS_OK) {
        status = insert_parts(session, insert_again, again, again_count);
    }
    return postgres_session_end(session, status);
}

enum status postgres_try_insert(struct store *store)
{
    struct postgres_session *session = postgres_session_of(store);
    order_id id;
    enum status status = postgres_session_begin(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = postgres_reserve_ids(store, 1, &id);
    if (status == STATUS_OK) {
        const struct order order = store_trial_order(id);
        struct store_insert entry = {.order = &order};
        status = insert_new(session, (struct store_insert *[]){&entry}, 1);
    }
    if (status == STATUS_OK) { /* what would be checked at a commit */
        status = postgres_session_run(session, "insert", "SET CONSTRAINTS ALL IMMEDIATE", NULL, 0);
    }
    return postgres_session_undo(session, status);
}

enum status postgres_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct postgres_session *session = postgres_session_of(store);
    const struct postgres_value step = postgres_number(count);
    enum status status =
        postgres_session_run(session, "reserve ids",
                             "UPDATE id_blocks SET next_id = $1::bigint + greatest(next_id, "
                             "(SELECT coalesce(max(id), 0) + 1 FROM orders), "
                             "(SELECT coalesce(max(id), 0) + 1 FROM orders_archive)) "
                             "WHERE name = 'orders' RETURNING next_id - $1::bigint",
                             &step, 1);
    *first = 0;
    if (status != STATUS_OK) {
        return status;
    }
    if (postgres_session_rows(session) != 1) {
        return postgres_session_failed(session, STATUS_UNAVAILABLE, "reserve ids",
                                       "table id_blocks has no row for orders");
    }
    *first = (order_id)postgres_session_number(session, 0, 0);
    return STATUS_OK;
}
