/* SPDX-License-Identifier: MIT */
#include "common/store/store_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

static bool is_order_id(order_id id)
{
    return id >= 1 && id <= ORDER_ID_MAX;
}

static void check_ascending(const order_id sorted[], size_t count)
{
    for (size_t i = 1; i < count; i++) {
        assert(sorted[i - 1] < sorted[i]);
    }
}

void store_check_asked(struct store_asked *asked, const order_id ids[], size_t count)
{
    assert(count >= 1 && count <= STORE_BATCH_MAX);
    check_ascending(ids, count);
    asked->count = count;
    memcpy(asked->ids, ids, count * sizeof ids[0]);
}

static int compare_ids(const void *left, const void *right)
{
    order_id a = *(const order_id *)left;
    order_id b = *(const order_id *)right;
    return (a > b) - (a < b);
}

/* Mostly all have moved, in the order in which they were asked for: then `guess` is right. */
static size_t place_of(const struct store_asked *asked, order_id id, size_t guess)
{
    if (guess < asked->count && asked->ids[guess] == id) {
        return guess;
    }
    const order_id *found =
        bsearch(&id, asked->ids, asked->count, sizeof asked->ids[0], compare_ids);
    assert(found != NULL);
    return (size_t)(found - asked->ids);
}

void store_check_moved(const struct store_asked *asked, const order_id moved[], size_t count)
{
    bool seen[STORE_BATCH_MAX] = {false};
    size_t guess = 0;
    assert(count <= asked->count);
    for (size_t i = 0; i < count; i++) {
        size_t place = place_of(asked, moved[i], guess);
        assert(!seen[place]);
        seen[place] = true;
        guess = place + 1;
    }
}

void store_check_distinct(const order_id ids[], size_t count)
{
    order_id sorted[STORE_BATCH_MAX];
    assert(count <= STORE_BATCH_MAX);
    memcpy(sorted, ids, count * sizeof ids[0]);
    order_id_sort(sorted, count);
    check_ascending(sorted, count);
}

static void check_key(struct store_insert *entry)
{
    bool has_key = entry->order->idempotency_key[0] != '\0';
    assert(has_key || (entry->stored_id == entry->order->id && !entry->key_reused));
    if (!is_order_id(entry->stored_id)) {
        log_error("an idempotency key leads to no possible order; its request is refused as one "
                  "with a used key; delete the key's row from idempotency_keys",
                  log_str("client", entry->order->client_id),
                  log_int("order_id", (int64_t)entry->stored_id));
        entry->stored_id = entry->order->id;
        entry->key_reused = true;
    }
}

void store_check_inserted(struct store_insert entries[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(!entries[i].id_in_use);
        check_key(&entries[i]);
    }
}

void store_check_found(struct store_lookup lookups[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].found && (unsigned)lookups[i].status >= ORDER_STATUS_COUNT) {
            log_error("an order has a status that there is not; it counts as not found; find all "
                      "such rows with order-api verify",
                      log_int("order_id", (int64_t)lookups[i].id));
            lookups[i].found = false;
        }
    }
}

enum status store_check_reserved(struct store *store, order_id first, uint32_t count)
{
    if (is_order_id(first) && count - 1 <= ORDER_ID_MAX - first) {
        return STATUS_OK;
    }
    return store_failed(store, STATUS_UNAVAILABLE, "reserve ids", 0,
                        "the table id_blocks gives ids that no order can have; no order is stored "
                        "until its next_id is right");
}

void store_check_archived(const struct store_archive *before, const struct store_archive *after)
{
    bool is_further = after->position > before->position;
    /* More than `max` may have moved: SQLite looks first and moves by range then, and an order of a
     * lower id may have been stored and completed in between. */
    assert(after->position >= before->position);
    assert(is_further || (after->moved == 0 && !after->more));
}
