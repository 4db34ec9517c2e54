/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_store.h"

#include <assert.h>
#include <string.h>

#include "common/base/memory.h"
#include "tests/support/wait_until.h"
#include "tests/unit/fake_store_state.h"

struct store *fake_store_create(void)
{
    struct fake_store *fake = memory_allocate(1, sizeof *fake);
    fake->base.ops = &fake_store_ops;
    fake->base.url.kind = DATABASE_SQLITE;
    fake->base.backoff = backoff_start(20, 1000); /* as store_create has it */
    fake->next_id = 1;
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->released, NULL);
    return &fake->base;
}

void fake_store_fail(struct store *store, enum fake_kind kind, size_t skip, size_t times,
                     enum status status)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->faults[kind] =
        (struct fake_fault){.skip = skip, .times = times, .status = status};
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_lose_answers(struct store *store, enum fake_kind kind, size_t times)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->lost_answers[kind] = times;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_refuse_user(struct store *store, const char *user_id)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->refused_user = user_id;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_forbid_user(struct store *store, const char *user_id)
{
    fake_store_of(store)->forbids = true;
    fake_store_refuse_user(store, user_id);
}

void fake_store_lie(struct store *store, enum fake_lie lie)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->lie = lie;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_hold(struct store *store, enum fake_kind kind)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->hold[kind] = true;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_release(struct store *store, enum fake_kind kind)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->hold[kind] = false;
    pthread_cond_broadcast(&fake_store_of(store)->released);
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

static bool is_held(void *arg)
{
    struct fake_store *fake = arg;
    pthread_mutex_lock(&fake->lock);
    bool held = fake->held;
    pthread_mutex_unlock(&fake->lock);
    return held;
}

bool fake_store_wait_held(struct store *store)
{
    return wait_until(is_held, fake_store_of(store), FAKE_WAIT_MS);
}

size_t fake_store_calls(struct store *store, enum fake_kind kind)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    size_t count = fake_store_of(store)->call_counts[kind];
    pthread_mutex_unlock(&fake_store_of(store)->lock);
    return count;
}

struct awaited {
    struct store *store;
    enum fake_kind kind;
    enum order_status status;
    size_t count;
};

static bool was_called(void *arg)
{
    struct awaited *awaited = arg;
    return fake_store_calls(awaited->store, awaited->kind) >= awaited->count;
}

bool fake_store_wait_calls(struct store *store, enum fake_kind kind, size_t count)
{
    struct awaited awaited = {.store = store, .kind = kind, .count = count};
    return wait_until(was_called, &awaited, FAKE_WAIT_MS);
}

struct fake_call fake_store_call(struct store *store, enum fake_kind kind, size_t nth)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    assert(nth < fake_store_of(store)->call_counts[kind]);
    struct fake_call call = fake_store_of(store)->calls[kind][nth];
    pthread_mutex_unlock(&fake_store_of(store)->lock);
    return call;
}

void fake_store_add_pending(struct store *store, order_id first, size_t count, uint64_t age_ms)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    for (order_id id = first; id < first + count; id++) {
        fake_store_add_locked(fake_store_of(store), id)->created_ms -= age_ms;
    }
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_add_processing(struct store *store, order_id first, size_t count, int64_t due_ms)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    for (order_id id = first; id < first + count; id++) {
        struct fake_order *order = fake_store_add_locked(fake_store_of(store), id);
        order->status = ORDER_PROCESSING;
        order->due_ms = order->created_ms + (uint64_t)due_ms;
    }
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_add_flawed(struct store *store, order_id first, size_t count)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    for (order_id id = first; id < first + count; id++) {
        fake_store_add_locked(fake_store_of(store), id)->status = ORDER_COMPLETED;
    }
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_add_foreign(struct store *store, order_id id)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    strcpy(fake_store_add_locked(fake_store_of(store), id)->client_id, "somebody else");
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

size_t fake_store_count(struct store *store, enum order_status status)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    size_t count = fake_store_count_locked(fake_store_of(store), status);
    pthread_mutex_unlock(&fake_store_of(store)->lock);
    return count;
}

static bool has_count(void *arg)
{
    struct awaited *awaited = arg;
    return fake_store_count(awaited->store, awaited->status) == awaited->count;
}

bool fake_store_wait_count(struct store *store, enum order_status status, size_t count)
{
    struct awaited awaited = {.store = store, .status = status, .count = count};
    return wait_until(has_count, &awaited, FAKE_WAIT_MS);
}

size_t fake_store_processing_peak(struct store *store)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    size_t peak = fake_store_of(store)->processing_peak;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
    return peak;
}

bool fake_store_find(struct store *store, order_id id, struct fake_order *order)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    const struct fake_order *row = fake_store_row_locked(fake_store_of(store), id);
    if (row != NULL) {
        *order = *row;
    }
    pthread_mutex_unlock(&fake_store_of(store)->lock);
    return row != NULL;
}

void fake_store_advance(struct store *store, uint64_t ms)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->advanced_ms += ms;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_set_schema_version(struct store *store, int version)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->schema_version = version;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}

void fake_store_set_drift(struct store *store, const struct order_counts *drift)
{
    pthread_mutex_lock(&fake_store_of(store)->lock);
    fake_store_of(store)->drift = *drift;
    pthread_mutex_unlock(&fake_store_of(store)->lock);
}
