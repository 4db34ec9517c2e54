/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_dialect.h"
#include "tests/unit/fake_store_state.h"

uint64_t fake_store_now_ms(const struct fake_store *fake)
{
    return clock_monotonic_ms() + fake->advanced_ms;
}

struct fake_order *fake_store_row_locked(struct fake_store *fake, order_id id)
{
    for (size_t i = 0; i < fake->order_count; i++) {
        if (fake->orders[i].id == id) {
            return &fake->orders[i];
        }
    }
    return NULL;
}

struct fake_order *fake_store_add_locked(struct fake_store *fake, order_id id)
{
    assert(fake->order_count < FAKE_ORDERS_MAX && fake_store_row_locked(fake, id) == NULL);
    struct fake_order *order = &fake->orders[fake->order_count++];
    *order = (struct fake_order){.id = id, .created_ms = fake_store_now_ms(fake)};
    return order;
}

size_t fake_store_count_locked(const struct fake_store *fake, enum order_status status)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->order_count; i++) {
        count += fake->orders[i].status == status;
    }
    return count;
}

enum status fake_store_enter(struct fake_store *fake, enum fake_kind kind, struct fake_call call)
{
    pthread_mutex_lock(&fake->lock);
    assert(!fake->inside);
    assert(kind == FAKE_DISCONNECT || fake->base.connected == (kind != FAKE_CONNECT));
    assert(fake->call_counts[kind] < FAKE_CALLS_MAX);
    fake->calls[kind][fake->call_counts[kind]++] = call;
    fake->inside = true;
    while (fake->hold[kind]) {
        fake->held = true;
        pthread_cond_wait(&fake->released, &fake->lock);
    }
    fake->held = false;
    struct fake_fault *fault = &fake->faults[kind];
    if (fault->skip > 0) {
        fault->skip--;
    } else if (fault->times > 0) {
        fault->times--;
        if (fault->status == STATUS_REFUSED) {
            fake->base.refusal = STORE_NO_ROOM;
        }
        return fault->status;
    }
    return STATUS_OK;
}

enum status fake_store_leave(struct fake_store *fake, enum fake_kind kind, enum status status)
{
    bool has_worked = status == STATUS_OK || status == STATUS_ALREADY_EXISTS;
    if (has_worked && fake->lost_answers[kind] > 0) {
        fake->lost_answers[kind]--;
        status = STATUS_UNAVAILABLE;
    }
    fake->inside = false;
    pthread_mutex_unlock(&fake->lock);
    return status;
}

/* store.c promises ids that are sorted, its callers that they are distinct. */
static struct fake_call call_on_ids(const order_id ids[], size_t count)
{
    for (size_t i = 1; i < count; i++) {
        assert(ids[i - 1] < ids[i]);
    }
    return (struct fake_call){.count = count, .first = ids[0], .last = ids[count - 1]};
}

static enum status simple(struct store *store, enum fake_kind kind)
{
    enum status status = fake_store_enter(fake_store_of(store), kind, (struct fake_call){0});
    return fake_store_leave(fake_store_of(store), kind, status);
}

static enum status fake_connect(struct store *store)
{
    struct fake_call call = {.no_statement_timeout = store->no_statement_timeout};
    enum status status = fake_store_enter(fake_store_of(store), FAKE_CONNECT, call);
    return fake_store_leave(fake_store_of(store), FAKE_CONNECT, status);
}

static void fake_disconnect(struct store *store)
{
    (void)simple(store, FAKE_DISCONNECT);
}

static enum status fake_ping(struct store *store)
{
    return simple(store, FAKE_PING);
}

static enum status fake_durability(struct store *store, struct durability_report *report)
{
    *report = durability_start(NULL, 0);
    return simple(store, FAKE_DURABILITY);
}

static enum status fake_migrate_begin(struct store *store, int *version)
{
    enum status status =
        fake_store_enter(fake_store_of(store), FAKE_MIGRATE_BEGIN, (struct fake_call){0});
    *version = fake_store_of(store)->schema_version;
    return fake_store_leave(fake_store_of(store), FAKE_MIGRATE_BEGIN, status);
}

static enum status fake_migrate_step(struct store *store, const struct schema_step *step)
{
    enum status status =
        fake_store_enter(fake_store_of(store), FAKE_MIGRATE_STEP, (struct fake_call){0});
    if (status == STATUS_OK) {
        fake_store_of(store)->schema_version = step->version;
    }
    return fake_store_leave(fake_store_of(store), FAKE_MIGRATE_STEP, status);
}

static enum status fake_migrate_end(struct store *store, enum status outcome)
{
    enum status status = fake_store_enter(fake_store_of(store), FAKE_MIGRATE_END,
                                          (struct fake_call){.outcome = outcome});
    return fake_store_leave(fake_store_of(store), FAKE_MIGRATE_END, status);
}

static enum status fake_try_insert(struct store *store)
{
    return simple(store, FAKE_TRY_INSERT);
}

static enum status fake_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    struct fake_store *fake = fake_store_of(store);
    enum status status =
        fake_store_enter(fake, FAKE_RESERVE_IDS, (struct fake_call){.count = count});
    if (status == STATUS_OK) {
        *first = fake->next_id;
        fake->next_id += count;
    }
    if (fake->lie == FAKE_LIE_RESERVED_ZERO || fake->lie == FAKE_LIE_RESERVED_TOO_HIGH) {
        *first = fake->lie == FAKE_LIE_RESERVED_ZERO ? 0 : ORDER_ID_MAX - count + 2;
    }
    return fake_store_leave(fake, FAKE_RESERVE_IDS, status);
}

static struct fake_order *find_key(struct fake_store *fake, const struct order *order)
{
    for (size_t i = 0; i < fake->order_count && order->idempotency_key[0] != '\0'; i++) {
        if (strcmp(fake->orders[i].idempotency_key, order->idempotency_key) == 0 &&
            strcmp(fake->orders[i].client_id, order->client_id) == 0) {
            return &fake->orders[i];
        }
    }
    return NULL;
}

static bool is_same(const struct fake_order *row, const struct order *order)
{
    return strcmp(row->client_id, order->client_id) == 0 &&
           strcmp(row->user_id, order->user_id) == 0 && row->total_cents == order->total_cents;
}

static void insert_one(struct fake_store *fake, struct store_insert *entry)
{
    const struct order *order = entry->order;
    struct fake_order *row = find_key(fake, order);
    if (row != NULL && row->id != order->id) {
        entry->stored_id = row->id;
        entry->key_reused =
            memcmp(row->fingerprint, order->fingerprint, sizeof row->fingerprint) != 0;
        return;
    }
    row = fake_store_row_locked(fake, order->id);
    if (row != NULL) {
        entry->id_in_use = !entry->repeated || !is_same(row, order);
        return;
    }
    row = fake_store_add_locked(fake, order->id);
    row->total_cents = order->total_cents;
    memcpy(row->user_id, order->user_id, sizeof row->user_id);
    memcpy(row->client_id, order->client_id, sizeof row->client_id);
    memcpy(row->idempotency_key, order->idempotency_key, sizeof row->idempotency_key);
    memcpy(row->fingerprint, order->fingerprint, sizeof row->fingerprint);
}

static enum status insert_all(struct fake_store *fake, struct store_insert entries[], size_t count)
{
    for (size_t i = 0; i < count && fake->refused_user != NULL; i++) {
        if (strcmp(entries[i].order->user_id, fake->refused_user) == 0) {
            fake->base.refusal = fake->forbids ? STORE_NO_PRIVILEGE : fake->base.refusal;
            return fake->forbids ? STATUS_REFUSED : STATUS_INVALID;
        }
    }
    size_t count_before = fake->order_count;
    bool any_in_use = false;
    for (size_t i = 0; i < count; i++) {
        insert_one(fake, &entries[i]);
        any_in_use = any_in_use || entries[i].id_in_use;
    }
    if (any_in_use) {
        fake->order_count = count_before;
        return STATUS_ALREADY_EXISTS;
    }
    return STATUS_OK;
}

static void lie_about_insert(const struct fake_store *fake, struct store_insert *entry)
{
    if (fake->lie == FAKE_LIE_STORED_AS_ANOTHER) {
        entry->stored_id++;
    } else if (fake->lie == FAKE_LIE_KEY_OF_NO_ORDER) {
        entry->stored_id = 0;
    } else if (fake->lie == FAKE_LIE_KEY_REUSED) {
        entry->key_reused = true;
    }
}

static enum status fake_insert(struct store *store, struct store_insert entries[], size_t count)
{
    struct fake_store *fake = fake_store_of(store);
    struct fake_call call = {.count = count,
                             .repeated = entries[0].repeated,
                             .first = entries[0].order->id,
                             .last = entries[count - 1].order->id};
    enum status status = fake_store_enter(fake, FAKE_INSERT, call);
    if (status == STATUS_OK) {
        status = insert_all(fake, entries, count);
    }
    lie_about_insert(fake, &entries[0]);
    return fake_store_leave(fake, FAKE_INSERT, status);
}

static void start(struct fake_store *fake, struct fake_order *order, uint32_t delay_ms)
{
    assert(order_may_move(order->status, ORDER_PROCESSING));
    order->status = ORDER_PROCESSING;
    order->started_ms = fake_store_now_ms(fake);
    order->due_ms = order->started_ms + delay_ms;
    size_t processing = fake_store_count_locked(fake, ORDER_PROCESSING);
    fake->processing_peak = processing > fake->processing_peak ? processing : fake->processing_peak;
}

static void claim_all(struct fake_store *fake, order_id ids[], size_t *count, uint32_t delay_ms,
                      uint64_t *age_ms)
{
    size_t moved = 0;
    uint64_t age = 0;
    for (size_t i = 0; i < *count; i++) {
        struct fake_order *order = fake_store_row_locked(fake, ids[i]);
        if (order == NULL || order->status != ORDER_PENDING) {
            continue;
        }
        start(fake, order, delay_ms);
        age = moved == 0 ? order->started_ms - order->created_ms : age;
        ids[moved++] = order->id;
    }
    *count = moved;
    if (age_ms != NULL) {
        *age_ms = age;
    }
}

static void lie_about_claim(const struct fake_store *fake, order_id ids[], size_t *count)
{
    if (fake->lie == FAKE_LIE_CLAIMED_ANOTHER) {
        ids[0] += 1000;
    } else if (fake->lie == FAKE_LIE_CLAIMED_TWICE) {
        ids[1] = ids[0];
    } else if (fake->lie == FAKE_LIE_CLAIMED_TOO_MANY) {
        ids[*count] = ids[*count - 1] + 1;
        (*count)++;
    }
}

static enum status fake_claim(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                              uint64_t *age_ms)
{
    struct fake_store *fake = fake_store_of(store);
    bool is_trial = ids[0] == ORDER_ID_MAX; /* as store_try_move has it */
    enum fake_kind kind = is_trial ? FAKE_TRY_MOVE : FAKE_CLAIM;
    enum status status = fake_store_enter(fake, kind, call_on_ids(ids, *count));
    if (status == STATUS_OK && is_trial) {
        *count = 0;
    } else if (status == STATUS_OK) {
        claim_all(fake, ids, count, delay_ms, age_ms);
        lie_about_claim(fake, ids, count);
    }
    return fake_store_leave(fake, kind, status);
}

static enum status fake_claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    struct fake_store *fake = fake_store_of(store);
    struct fake_call call = {.count = waiting->max, .ms = waiting->min_age_ms};
    enum status status = fake_store_enter(fake, FAKE_CLAIM_WAITING, call);
    for (size_t i = 0; i < fake->order_count && waiting->count < waiting->max; i++) {
        struct fake_order *order = &fake->orders[i];
        if (status == STATUS_OK && order->status == ORDER_PENDING &&
            order->created_ms + waiting->min_age_ms <= fake_store_now_ms(fake)) {
            start(fake, order, waiting->delay_ms);
            waiting->ids[waiting->count++] = order->id;
        }
    }
    if (fake->lie == FAKE_LIE_WAITING_TWICE) {
        waiting->ids[1] = waiting->ids[0];
    } else if (fake->lie == FAKE_LIE_WAITING_TOO_MANY) {
        waiting->count = waiting->max + 1;
    }
    return fake_store_leave(fake, FAKE_CLAIM_WAITING, status);
}

static enum status fake_complete(struct store *store, const order_id ids[], size_t *count)
{
    struct fake_store *fake = fake_store_of(store);
    enum status status = fake_store_enter(fake, FAKE_COMPLETE, call_on_ids(ids, *count));
    size_t moved = 0;
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        struct fake_order *order = fake_store_row_locked(fake, ids[i]);
        if (order != NULL && order->status == ORDER_PROCESSING &&
            order->due_ms <= fake_store_now_ms(fake)) {
            order->status = ORDER_COMPLETED;
            order->completed_ms = fake_store_now_ms(fake);
            moved++;
        }
    }
    *count = fake->lie == FAKE_LIE_COMPLETED_TOO_MANY ? *count + 1 : moved;
    return fake_store_leave(fake, FAKE_COMPLETE, status);
}

static enum status fake_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    struct fake_store *fake = fake_store_of(store);
    struct fake_call call = {.count = count, .first = lookups[0].id, .last = lookups[count - 1].id};
    enum status status = fake_store_enter(fake, FAKE_LOOKUP, call);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct fake_order *order = fake_store_row_locked(fake, lookups[i].id);
        lookups[i].found = order != NULL && strcmp(order->client_id, lookups[i].client_id) == 0;
        lookups[i].status = lookups[i].found ? order->status : ORDER_PENDING;
        if (fake->lie == FAKE_LIE_STATUS && i == 0) {
            lookups[i].status = order_status_of(7);
        }
    }
    return fake_store_leave(fake, FAKE_LOOKUP, status);
}

void fake_store_add_up(const struct fake_order *order, struct order_counts *counts)
{
    counts->created++;
    counts->started += order->status != ORDER_PENDING;
    counts->completed += order->status == ORDER_COMPLETED;
    if (order->status == ORDER_COMPLETED && order->completed_ms != 0) {
        counts->duration_us += (int64_t)(order->completed_ms - order->created_ms) * 1000;
    }
}

static struct order_counts count_locked(const struct fake_store *fake)
{
    struct order_counts counts = fake->drift;
    for (size_t i = 0; i < fake->order_count; i++) {
        fake_store_add_up(&fake->orders[i], &counts);
    }
    return counts;
}

static enum status fake_counts(struct store *store, struct order_counts *counts)
{
    enum status status = fake_store_enter(fake_store_of(store), FAKE_COUNTS, (struct fake_call){0});
    *counts = count_locked(fake_store_of(store));
    return fake_store_leave(fake_store_of(store), FAKE_COUNTS, status);
}

static enum status fake_snapshot_begin(struct store *store)
{
    return simple(store, FAKE_SNAPSHOT_BEGIN);
}

static enum status fake_snapshot_end(struct store *store, enum status outcome)
{
    enum status status = fake_store_enter(fake_store_of(store), FAKE_SNAPSHOT_END,
                                          (struct fake_call){.outcome = outcome});
    return fake_store_leave(fake_store_of(store), FAKE_SNAPSHOT_END,
                            outcome != STATUS_OK ? outcome : status);
}

static enum status repair_locked(struct fake_store *fake, const struct order_counts *seen,
                                 const struct order_counts *addition)
{
    if (memcmp(&fake->repaired, seen, sizeof *seen) != 0) {
        return STATUS_NOT_FOUND;
    }
    fake->repaired.created += addition->created;
    fake->repaired.started += addition->started;
    fake->repaired.completed += addition->completed;
    fake->repaired.duration_us += addition->duration_us;
    fake->drift.created += addition->created;
    fake->drift.started += addition->started;
    fake->drift.completed += addition->completed;
    fake->drift.duration_us += addition->duration_us;
    return STATUS_OK;
}

static enum status fake_repair(struct store *store, const struct order_counts *seen,
                               const struct order_counts *addition)
{
    struct fake_store *fake = fake_store_of(store);
    enum status status = fake_store_enter(fake, FAKE_REPAIR, (struct fake_call){0});
    return fake_store_leave(fake, FAKE_REPAIR,
                            status == STATUS_OK ? repair_locked(fake, seen, addition) : status);
}

const struct store_ops fake_store_ops = {
    .name = "fake",
    .fragments = sqlite_fragments,
    .read = fake_store_read,
    .connect = fake_connect,
    .disconnect = fake_disconnect,
    .ping = fake_ping,
    .durability = fake_durability,
    .migrate_begin = fake_migrate_begin,
    .migrate_step = fake_migrate_step,
    .migrate_end = fake_migrate_end,
    .reserve_ids = fake_reserve_ids,
    .insert = fake_insert,
    .try_insert = fake_try_insert,
    .claim = fake_claim,
    .claim_waiting = fake_claim_waiting,
    .complete = fake_complete,
    .lookup = fake_lookup,
    .counts = fake_counts,
    .snapshot_begin = fake_snapshot_begin,
    .snapshot_end = fake_snapshot_end,
    .repair = fake_repair,
};
