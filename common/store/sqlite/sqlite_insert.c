/* SPDX-License-Identifier: MIT */
/* Reserving ids and storing new orders, for SQLite. */
#include <string.h>

#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

/* In the transaction that is open. */
static enum status reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    const int64_t wanted = count;
    int64_t row = 0;
    enum status status = sqlite_session_run(sqlite_session_of(store), SQL_RESERVE_IDS,
                                            &(struct sqlite_numbers){&wanted, 1, &row, 1});
    if (status == STATUS_OK && row < 1) {
        status = store_failed(store, STATUS_UNAVAILABLE, "reserve ids", 0,
                              "table id_blocks has no row for orders");
    }
    *first = (order_id)row;
    return status;
}

enum status sqlite_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct sqlite_session *session = sqlite_session_of(store);
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    return sqlite_session_end_write(session, reserve_ids(store, count, first));
}

/* Finds whose key it is when it was there before; sets stored_id and key_reused. */
static enum status read_key(struct sqlite_session *session, struct store_insert *entry)
{
    const struct order *order = entry->order;
    const struct sqlite_value parameters[] = {sqlite_string_of(order->client_id),
                                              sqlite_string_of(order->idempotency_key)};
    enum status status = sqlite_session_start(session, SQL_READ_KEY, parameters, 2);
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_next(session)) {
        size_t len;
        const void *fingerprint = sqlite_session_column_bytes(session, 1, &len);
        entry->stored_id = (order_id)sqlite_session_column(session, 0);
        entry->key_reused = len != ORDER_FINGERPRINT_SIZE ||
                            memcmp(fingerprint, order->fingerprint, ORDER_FINGERPRINT_SIZE) != 0;
    }
    return sqlite_session_finish(session);
}

static enum status insert_key(struct sqlite_session *session, struct store_insert *entry,
                              int64_t now)
{
    const struct order *order = entry->order;
    const struct sqlite_value parameters[] = {
        sqlite_string_of(order->client_id), sqlite_string_of(order->idempotency_key),
        sqlite_number((int64_t)order->id), sqlite_bytes(order->fingerprint, ORDER_FINGERPRINT_SIZE),
        sqlite_number(now)};
    enum status status = sqlite_session_change(session, SQL_INSERT_KEY, parameters, 5);
    return status == STATUS_OK && sqlite_session_changes(session) == 0 ? read_key(session, entry)
                                                                       : status;
}

/* An order that is there already is this one, stored by a commit whose answer was lost, or it is
 * another one. */
static enum status insert_order(struct sqlite_session *session, struct store_insert *entry,
                                int64_t now, int64_t *created)
{
    const struct order *order = entry->order;
    const struct sqlite_value parameters[] = {sqlite_number((int64_t)order->id),
                                              sqlite_string_of(order->client_id),
                                              sqlite_string(order->user_id, order->user_id_len),
                                              sqlite_string(order->items_json,
                                                            order->items_json_len),
                                              sqlite_number(order->total_cents),
                                              sqlite_number(now)};
    enum status status = sqlite_session_change(session, SQL_INSERT_ORDER, parameters, 6);
    if (status != STATUS_OK) {
        return status;
    }
    if (sqlite_session_changes(session) > 0) {
        (*created)++;
        return STATUS_OK;
    }
    entry->id_in_use = true;
    if (entry->repeated) {
        status = sqlite_session_start(session, SQL_IS_SAME_ORDER, parameters, 5);
        if (status == STATUS_OK) {
            entry->id_in_use = !sqlite_session_next(session);
            status = sqlite_session_finish(session);
        }
    }
    return status;
}

/* Goes on after an entry whose id is taken, to find all of them. */
static enum status insert_all(struct store *store, struct store_insert entries[], size_t count)
{
    struct sqlite_session *session = sqlite_session_of(store);
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    enum status status = STATUS_OK;
    bool any_in_use = false;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (entries[i].order->idempotency_key[0] != '\0') {
            status = insert_key(session, &entries[i], now);
        }
        if (status == STATUS_OK && entries[i].stored_id == entries[i].order->id) {
            status = insert_order(session, &entries[i], now, &moved.created);
        }
        any_in_use = any_in_use || entries[i].id_in_use;
    }
    if (status == STATUS_OK && any_in_use) {
        return STATUS_ALREADY_EXISTS;
    }
    return status == STATUS_OK ? sqlite_count_moves(store, &moved) : status;
}

enum status sqlite_try_insert(struct store *store)
{
    struct sqlite_session *session = sqlite_session_of(store);
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    order_id id;
    status = reserve_ids(store, 1, &id);
    if (status == STATUS_OK) {
        const struct order order = store_trial_order(id);
        struct store_insert entry = {.order = &order, .stored_id = id};
        status = insert_all(store, &entry, 1);
    }
    return sqlite_session_undo_write(session, status);
}

enum status sqlite_insert(struct store *store, struct store_insert entries[], size_t count)
{
    enum status status = sqlite_session_begin_write(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    return sqlite_session_end_write(sqlite_session_of(store), insert_all(store, entries, count));
}
