/* SPDX-License-Identifier: MIT */
/* Reserving ids, and storing new orders: idempotency keys first, then the orders they let through,
 * then the counter, in one transaction. For MySQL. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/store/mysql/store_mysql.h"

enum { ROW_OVERHEAD = 256 }; /* bytes of a row besides its strings, generously */

static bool has_key(const struct store_insert *entry)
{
    return entry->order->idempotency_key[0] != '\0';
}

static int compare_keys(const struct store_insert *a, const struct store_insert *b)
{
    int clients = strcmp(a->order->client_id, b->order->client_id);
    return clients != 0 ? clients : strcmp(a->order->idempotency_key, b->order->idempotency_key);
}

/* Equal keys stay in the order of the batch, so that the first of them wins. */
static int compare_entries(const void *left, const void *right)
{
    const struct store_insert *a = *(struct store_insert *const *)left;
    const struct store_insert *b = *(struct store_insert *const *)right;
    int keys = compare_keys(a, b);
    return keys != 0 ? keys : (a > b) - (a < b);
}

/*
 * The entries that have a key, sorted by key: transactions that lock keys in the same order cannot
 * deadlock with each other, and equal keys are neighbours.
 */
static size_t collect_keyed(struct store_insert entries[], size_t count,
                            struct store_insert *keyed[])
{
    size_t keyed_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (has_key(&entries[i])) {
            keyed[keyed_count++] = &entries[i];
        }
    }
    qsort(keyed, keyed_count, sizeof keyed[0], compare_entries);
    return keyed_count;
}

static bool leads(struct store_insert *const keyed[], size_t i)
{
    return i == 0 || compare_keys(keyed[i - 1], keyed[i]) != 0;
}

/* As bytes: a binary string is compared and stored as it is, whatever it holds. */
static void add_binary(struct mysql_session *session, const char *text)
{
    text_add(mysql_session_text(session), "_binary");
    mysql_session_add_string(session, text, strlen(text));
}

/* Inserts the first entry of each key. `*all_new`: none of the keys was there. */
static enum status insert_keys(struct mysql_session *session, struct store_insert *const keyed[],
                               size_t count, bool *all_new)
{
    struct text *text = mysql_session_text(session);
    uint64_t sent = 0;
    text_add(text, "INSERT INTO idempotency_keys "
                   "(client_id, idempotency_key, order_id, fingerprint, created_at) VALUES ");
    for (size_t i = 0; i < count; i++) {
        if (!leads(keyed, i)) {
            continue;
        }
        const struct order *order = keyed[i]->order;
        text_add(text, sent == 0 ? "(" : ",(");
        add_binary(session, order->client_id);
        text_add(text, ",");
        add_binary(session, order->idempotency_key);
        text_add(text, ",");
        text_add_unsigned(text, order->id);
        text_add(text, ",");
        sql_text_add_hex(text, order->fingerprint, sizeof order->fingerprint);
        text_add(text, ",UTC_TIMESTAMP(6))");
        sent++;
    }
    /* Changes nothing, but locks the row, so what is read next is what stays. */
    text_add(text, " ON DUPLICATE KEY UPDATE order_id = order_id");
    uint64_t inserted = 0;
    enum status status = mysql_session_run(session, "insert keys", &inserted);
    *all_new = inserted == sent;
    return status;
}

/* One condition a client, because the optimizers do not use the key for lists of pairs. */
static void write_read_keys(struct mysql_session *session, struct store_insert *const keyed[],
                            size_t count)
{
    struct text *text = mysql_session_text(session);
    text_add(text, "SELECT client_id, idempotency_key, order_id, fingerprint "
                   "FROM idempotency_keys FORCE INDEX (PRIMARY) WHERE ");
    for (size_t i = 0; i < count; i++) {
        const struct order *order = keyed[i]->order;
        bool new_client = i == 0 || strcmp(keyed[i - 1]->order->client_id, order->client_id) != 0;
        if (new_client) {
            text_add(text, i == 0 ? "(client_id = " : ")) OR (client_id = ");
            add_binary(session, order->client_id);
        }
        text_add(text, new_client ? " AND idempotency_key IN (" : ",");
        add_binary(session, order->idempotency_key);
    }
    text_add(text, ")) ORDER BY client_id, idempotency_key FOR UPDATE");
}

/* The key of keyed[i] belongs to the order `id`: so for all entries that have it. */
static void settle_key(struct store_insert *const keyed[], size_t count, size_t i, order_id id,
                       const unsigned char *fingerprint)
{
    const struct store_insert *leader = keyed[i];
    for (; i < count && compare_keys(keyed[i], leader) == 0; i++) {
        keyed[i]->stored_id = id;
        keyed[i]->key_reused =
            memcmp(fingerprint, keyed[i]->order->fingerprint, ORDER_FINGERPRINT_SIZE) != 0;
    }
}

static bool is_bytes(const struct mysql_row *row, size_t column, const char *bytes, size_t len)
{
    return len == row->lengths[column] && memcmp(row->values[column], bytes, len) == 0;
}

static bool is_text(const struct mysql_row *row, size_t column, const char *text)
{
    return is_bytes(row, column, text, strlen(text));
}

/* The next leader at or after `i`; `count`: there is none. */
static size_t next_leader(struct store_insert *const keyed[], size_t count, size_t i)
{
    while (i < count && !leads(keyed, i)) {
        i++;
    }
    return i;
}

/*
 * The rows come in the order of the keys, and each key has its row, because it was locked before.
 * One that is missing must not be taken for a new key: its order would be stored twice.
 */
static enum status read_keys(struct mysql_session *session, struct store_insert *const keyed[],
                             size_t count)
{
    write_read_keys(session, keyed, count);
    enum status status = mysql_session_query(session, "read keys");
    struct mysql_row row;
    size_t i = 0;
    while (status == STATUS_OK && i < count) {
        if (!mysql_session_next(session, &row) ||
            !is_text(&row, 1, keyed[i]->order->idempotency_key) ||
            !is_text(&row, 0, keyed[i]->order->client_id) ||
            row.lengths[3] != ORDER_FINGERPRINT_SIZE) {
            return mysql_session_failed(session, STATUS_UNAVAILABLE, "read keys",
                                        "the row of a key that was locked did not come");
        }
        settle_key(keyed, count, i, strtoull(row.values[2], NULL, 10),
                   (const unsigned char *)row.values[3]);
        i = next_leader(keyed, count, i + 1);
    }
    return status;
}

/* Sets stored_id and key_reused of every entry that has a key. */
static enum status settle_keys(struct mysql_session *session, struct store_insert entries[],
                               size_t count)
{
    struct store_insert *keyed[STORE_BATCH_MAX];
    size_t keyed_count = collect_keyed(entries, count, keyed);
    if (keyed_count == 0) {
        return STATUS_OK;
    }
    bool all_new = false;
    enum status status = insert_keys(session, keyed, keyed_count, &all_new);
    if (status != STATUS_OK || !all_new) {
        return status == STATUS_OK ? read_keys(session, keyed, keyed_count) : status;
    }
    for (size_t i = 0; i < keyed_count; i++) {
        if (leads(keyed, i)) {
            settle_key(keyed, keyed_count, i, keyed[i]->order->id, keyed[i]->order->fingerprint);
        }
    }
    return STATUS_OK;
}

static void add_order(struct mysql_session *session, const struct order *order)
{
    struct text *text = mysql_session_text(session);
    text_add_unsigned(text, order->id);
    text_add(text, ",");
    add_binary(session, order->client_id);
    text_add(text, ",");
    mysql_session_add_string(session, order->user_id, order->user_id_len);
    text_add(text, ",");
    mysql_session_add_string(session, order->items_json, order->items_json_len);
    text_add(text, ",");
    text_add_signed(text, order->total_cents);
    text_add(text, "," ORDER_SQL_PENDING ",UTC_TIMESTAMP(6)," MYSQL_NEVER
                   ",UTC_TIMESTAMP(6)," MYSQL_NEVER ")");
}

/* What became of the rows of one kind. */
struct tally {
    uint64_t sent;
    uint64_t inserted;
    bool defer_last;  /* the last statement goes out with the one after it */
    bool is_deferred; /* so it does: its rows are not in `inserted` yet */
};

static enum status send_orders(struct mysql_session *session, bool repeated, struct tally *tally)
{
    uint64_t inserted = 0;
    if (repeated) {
        /* A row that is there stays as it is and does not count as affected. */
        text_add(mysql_session_text(session), " ON DUPLICATE KEY UPDATE id = id");
    }
    enum status status = mysql_session_run(session, "insert orders", &inserted);
    tally->inserted += inserted;
    return status;
}

static bool is_sent(const struct store_insert *entry, bool repeated)
{
    return entry->repeated == repeated && entry->stored_id == entry->order->id;
}

/*
 * Those that are repeated, or those that are not, and whose key was not used before. As few
 * statements as the server's limit on their length allows; normally one.
 */
static enum status insert_orders(struct mysql_session *session, const struct store_insert entries[],
                                 size_t count, bool repeated, struct tally *tally)
{
    struct text *text = mysql_session_text(session);
    enum status status = STATUS_OK;
    size_t rows = 0;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct order *order = entries[i].order;
        if (!is_sent(&entries[i], repeated)) {
            continue;
        }
        size_t longest = ROW_OVERHEAD +
                         2 * (sizeof order->client_id + order->user_id_len + order->items_json_len);
        if (rows > 0 && text->len + longest > mysql_session_text_max(session)) {
            status = send_orders(session, repeated, tally);
            rows = 0;
        }
        text_add(text, rows == 0 ? "INSERT INTO orders (id, client_id, user_id, item_ids, "
                                   "total_cents, status, created_at, started_at, due_at, "
                                   "completed_at) VALUES ("
                                 : ",(");
        add_order(session, order);
        rows++;
        tally->sent++;
    }
    if (status == STATUS_OK && rows > 0 && tally->defer_last) {
        mysql_session_defer(session);
        tally->is_deferred = true;
        return STATUS_OK;
    }
    return status == STATUS_OK && rows > 0 ? send_orders(session, repeated, tally) : status;
}

/* They were never sent before, so each of them may get a new id; it does not matter which of them
 * has the id that is in use. */
static void give_up_new(struct store_insert entries[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        entries[i].id_in_use = is_sent(&entries[i], false);
    }
}

static bool is_order(const struct mysql_row *row, const struct order *order)
{
    return strtoull(row->values[0], NULL, 10) == order->id && is_text(row, 1, order->client_id) &&
           is_bytes(row, 2, order->user_id, order->user_id_len) &&
           is_bytes(row, 3, order->items_json, order->items_json_len) &&
           strtoll(row->values[4], NULL, 10) == order->total_cents;
}

/* Of those that were sent again, those are taken whose row is not theirs. */
static enum status find_taken(struct mysql_session *session, struct store_insert entries[],
                              size_t count)
{
    order_id ids[STORE_BATCH_MAX];
    size_t id_count = 0;
    for (size_t i = 0; i < count; i++) {
        entries[i].id_in_use = is_sent(&entries[i], true);
        if (entries[i].id_in_use) {
            ids[id_count++] = entries[i].order->id;
        }
    }
    struct text *text = mysql_session_text(session);
    text_add(text, "SELECT id, client_id, user_id, item_ids, total_cents FROM orders "
                   "WHERE ");
    sql_text_add_ids(text, "id", ids, id_count);
    enum status status = mysql_session_query(session, "read orders");
    struct mysql_row row;
    size_t taken = id_count;
    size_t rows = 0;
    for (; status == STATUS_OK && mysql_session_next(session, &row); rows++) {
        for (size_t i = 0; i < count; i++) {
            if (entries[i].id_in_use && is_order(&row, entries[i].order)) {
                entries[i].id_in_use = false;
                taken--;
            }
        }
    }
    if (status == STATUS_OK && rows != id_count) {
        return mysql_session_failed(session, STATUS_UNAVAILABLE, "read orders",
                                    "the row of an order that is there did not come");
    }
    return status == STATUS_OK && taken > 0 ? STATUS_ALREADY_EXISTS : status;
}

static enum status insert_again(struct mysql_session *session, struct store_insert entries[],
                                size_t count, struct tally *tally)
{
    enum status status = insert_orders(session, entries, count, true, tally);
    if (status == STATUS_OK && tally->inserted < tally->sent) {
        status = find_taken(session, entries, count);
    }
    return status;
}

static bool any_repeated(const struct store_insert entries[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].repeated) {
            return true;
        }
    }
    return false;
}

static enum status count_created(struct mysql_session *session, uint64_t count)
{
    text_add(mysql_session_text(session), "UPDATE counters SET created = created + ");
    text_add_unsigned(mysql_session_text(session), count);
    return mysql_session_count(session, "insert orders");
}

/* Nothing may be acknowledged that the server has left out. */
static enum status expect_all_inserted(struct mysql_session *session, const struct tally *new)
{
    return new->inserted == new->sent
               ? STATUS_OK
               : mysql_session_failed(session, STATUS_UNAVAILABLE, "insert orders",
                                      "the server did not store every order; does a trigger or a "
                                      "proxy change what is written?");
}

/* Those without a key that are sent for the first time, as nearly all are, take one round trip. */
static enum status insert_all(struct mysql_session *session, struct store_insert entries[],
                              size_t count)
{
    struct tally new = {.defer_last = !any_repeated(entries, count)};
    struct tally again = {.defer_last = false};
    enum status status = settle_keys(session, entries, count);
    if (status == STATUS_OK) {
        status = insert_orders(session, entries, count, false, &new);
    }
    if (status == STATUS_OK && new.is_deferred) {
        status = count_created(session, new.sent);
        new.inserted += mysql_session_deferred_rows(session);
    }
    if (status == STATUS_ALREADY_EXISTS) {
        give_up_new(entries, count);
    }
    if (status == STATUS_OK) {
        status = expect_all_inserted(session, &new);
    }
    if (status != STATUS_OK || new.defer_last) {
        return status;
    }
    status = insert_again(session, entries, count, &again);
    return status == STATUS_OK && new.inserted + again.inserted > 0
               ? count_created(session, new.inserted + again.inserted)
               : status;
}

enum status mysql_try_insert(struct store *store)
{
    struct mysql_session *session = mysql_session_of(store);
    order_id id;
    mysql_session_begin(session);
    enum status status = mysql_reserve_ids(store, 1, &id);
    if (status == STATUS_OK) {
        const struct order order = store_trial_order(id);
        struct store_insert entry = {.order = &order, .stored_id = id};
        status = insert_all(session, &entry, 1);
    }
    return mysql_session_undo(session, status);
}

enum status mysql_insert(struct store *store, struct store_insert entries[], size_t count)
{
    struct mysql_session *session = mysql_session_of(store);
    mysql_session_begin(session);
    return mysql_session_end(session, insert_all(session, entries, count));
}

/*
 * One statement decides, so that no other connection comes between reading and writing. The look at
 * the orders goes before it, so that it waits for no row another transaction inserts.
 */
enum status mysql_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct mysql_session *session = mysql_session_of(store);
    struct text *text = mysql_session_text(session);
    uint64_t affected = 0;
    int64_t newest = 0;
    *first = 0;
    text_add(text, "SELECT GREATEST(COALESCE((SELECT MAX(id) FROM orders), 0), "
                   "COALESCE((SELECT MAX(id) FROM orders_archive), 0))");
    enum status status = mysql_session_query_numbers(session, "find newest id", &newest, 1);
    if (status != STATUS_OK) {
        return status;
    }
    text_add(text, "UPDATE id_blocks SET next_id = LAST_INSERT_ID(GREATEST(next_id, ");
    text_add_signed(text, newest + 1);
    text_add(text, ")) + ");
    text_add_unsigned(text, count);
    text_add(text, " WHERE name = 'orders'");
    status = mysql_session_run(session, "reserve ids", &affected);
    if (status == STATUS_OK && affected != 1) {
        status = mysql_session_failed(session, STATUS_UNAVAILABLE, "reserve ids",
                                      "table id_blocks has no row for orders");
    }
    *first = status == STATUS_OK ? mysql_session_last_id(session) : 0;
    return status;
}
