/* SPDX-License-Identifier: MIT */
#include "common/store/store.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/store_backend.h"
#include "common/store/store_check.h"
#include "common/store/store_parts.h"
#include "common/store/store_verify.h"

enum {
    BACKOFF_FIRST_MS = 20,
    BACKOFF_MAX_MS = 1000,
};

static const struct store_ops *const kinds[] = {
    [DATABASE_SQLITE] = &store_sqlite_ops,
    [DATABASE_MYSQL] = &store_mysql_ops,
    [DATABASE_POSTGRES] = &store_postgres_ops,
};

struct store *store_create(const struct database_url *url)
{
    const struct store_ops *ops = kinds[url->kind];
    struct store *store = ops->create();
    store->ops = ops;
    store->url = *url;
    store->backoff = backoff_start(BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
    return store;
}

void store_destroy(struct store *store)
{
    if (store == NULL) {
        return;
    }
    store->ops->disconnect(store);
    free(store);
}

void store_watch(struct store *store, struct heartbeat *heartbeat)
{
    store->heartbeat = heartbeat;
}

void store_open_existing(struct store *store)
{
    store->open_existing = true;
}

const char *store_name(const struct store *store)
{
    return store->ops->name;
}

bool store_is_too_old(const struct store *store)
{
    return store->is_too_old;
}

static atomic_uint current_era;

/* One that is being made, or is older, says nothing new: else connections that cannot be made would
 * end those that work, again and again. */
void store_primary_has_changed(const struct store *store)
{
    unsigned era = store->era;
    if (store->connected) {
        atomic_compare_exchange_strong(&current_era, &era, era + 1);
    }
}

bool store_primary_is_in_doubt(const struct store *store)
{
    return atomic_load(&current_era) > 0 && !store->open_existing;
}

static void put_off_connecting(struct store *store)
{
    store->retry_at_ms = clock_monotonic_ms() + backoff_take(&store->backoff);
}

static void drop_connection(struct store *store)
{
    store->ops->disconnect(store);
    store->connected = false;
}

static bool was_idle_for_long(const struct store *store)
{
    return store->idle_max_ms != 0 && clock_monotonic_ms() - store->used_at_ms > store->idle_max_ms;
}

static enum status ensure_connected(struct store *store)
{
    unsigned era = atomic_load_explicit(&current_era, memory_order_relaxed);
    if (store->connected && (was_idle_for_long(store) || store->era != era)) {
        drop_connection(store);
    }
    if (store->connected) {
        return STATUS_OK;
    }
    if (clock_monotonic_ms() < store->retry_at_ms) {
        return STATUS_UNAVAILABLE;
    }
    enum status status = store->ops->connect(store);
    if (status != STATUS_OK) {
        store->ops->disconnect(store);
        put_off_connecting(store);
        return status;
    }
    store->connected = true;
    store->era = era;
    store->used_at_ms = clock_monotonic_ms();
    return STATUS_OK;
}

/* Every operation ends here: what broke a connection must not be used again. */
static enum status settle(struct store *store, enum status status)
{
    if (status == STATUS_UNAVAILABLE) {
        drop_connection(store);
        put_off_connecting(store);
        return status;
    }
    store->used_at_ms = clock_monotonic_ms();
    if (status == STATUS_REFUSED) {
        /* A right that is given later, or a file that was opened to read only, shows on a new one.
         */
        drop_connection(store);
        return status;
    }
    if (store->refusal == NULL) {
        heartbeat_beat(store->heartbeat);
    }
    if (status == STATUS_OK) {
        if (outage_worked(&store->outage, store->used_at_ms)) {
            log_info("database is back; calls succeed again",
                     log_str("database", store->ops->name));
        }
        backoff_reset(&store->backoff);
    }
    return status;
}

/* One operation on a connected store; the status of connecting if that is as far as it came. */
#define ON_CONNECTION(store, call)                                                                 \
    do {                                                                                           \
        enum status connected = ensure_connected(store);                                           \
        return connected == STATUS_OK ? settle(store, call) : connected;                           \
    } while (0)

enum status store_ping(struct store *store)
{
    ON_CONNECTION(store, store->ops->ping(store));
}

/* A database that refuses to show its settings, and still answers, is no outage. */
static enum status read_durability(struct store *store, struct durability_report *report)
{
    enum status status = store->ops->durability(store, report);
    if (status != STATUS_OK && store->ops->ping(store) == STATUS_OK) {
        store->outage = (struct outage){0};
        *report = durability_unknown();
        status = STATUS_OK;
    }
    return status;
}

static enum status durability(struct store *store, struct durability_report *report)
{
    ON_CONNECTION(store, read_durability(store, report));
}

/* A service starts with these two: only then is a file made that is not there. */
enum status store_durability(struct store *store, struct durability_report *report)
{
    store->may_create = true;
    enum status status = durability(store, report);
    store->may_create = false;
    return status;
}

int store_program_version(const struct store *store)
{
    size_t count;
    const struct schema_step *steps = schema_steps(store->url.kind, &count);
    return steps[count - 1].version;
}

bool store_has_applied(const struct store *store, int version)
{
    return (store->steps_applied >> (version - 1) & 1) != 0;
}

static enum status refuse_newer(struct store *store, int version)
{
    log_error("the database's schema is newer than this program, which changes nothing and ends; "
              "run the newer "
              "program",
              log_int("schema", version), log_int("program", store_program_version(store)));
    return STATUS_INVALID;
}

/* Applies the step after `version`. */
static enum status apply_next(struct store *store, int version)
{
    size_t count;
    const struct schema_step *steps = schema_steps(store->url.kind, &count);
    for (size_t i = 0; i < count; i++) {
        if (steps[i].version <= version) {
            continue;
        }
        enum status status = store->ops->migrate_step(store, &steps[i]);
        if (status == STATUS_OK) {
            store->steps_applied |= UINT64_C(1) << (steps[i].version - 1);
            log_info("schema step applied", log_int("version", steps[i].version),
                     log_str("name", steps[i].name));
        }
        return status;
    }
    return version > steps[count - 1].version ? refuse_newer(store, version) : STATUS_OK;
}

/* Step by step, each kept for itself, so that a later one that fails costs only itself. */
static enum status migrate(struct store *store)
{
    enum status status = STATUS_OK;
    int newest = store_program_version(store);
    for (int version = 0; status == STATUS_OK && version < newest; version++) {
        status = store->ops->migrate_begin(store, &version);
        if (status == STATUS_OK) {
            status = apply_next(store, version);
            enum status ended = store->ops->migrate_end(store, status);
            status = status != STATUS_OK ? status : ended;
        }
    }
    return status;
}

static enum status migrate_connected(struct store *store)
{
    struct store_version reached = {0};
    size_t count;
    enum status status = store_versions(store, &reached, 1, &count);
    if (status != STATUS_OK || reached.version == store_program_version(store)) {
        return status;
    }
    if (reached.version > store_program_version(store)) {
        return refuse_newer(store, reached.version);
    }
    /* The limits on statements are a connection's own, some only when it is made. */
    drop_connection(store);
    store->no_statement_timeout = true;
    status = ensure_connected(store);
    if (status == STATUS_OK) {
        status = settle(store, migrate(store));
    }
    drop_connection(store);
    store->no_statement_timeout = false;
    return status == STATUS_OK ? ensure_connected(store) : status;
}

enum status store_migrate(struct store *store)
{
    store->may_create = true;
    enum status status = migrate_connected(store);
    store->may_create = false;
    return status;
}

static enum status reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    enum status status = store->ops->reserve_ids(store, count, first);
    return status == STATUS_OK ? store_check_reserved(store, *first, count) : status;
}

enum status store_reserve_ids(struct store *store, uint32_t count, order_id *first)
{
    assert(count >= 1);
    ON_CONNECTION(store, reserve_ids(store, count, first));
}

/* A transaction that ended otherwise may have got as far as a look at the ids. */
static enum status insert(struct store *store, struct store_insert entries[], size_t count)
{
    enum status status = store->ops->insert(store, entries, count);
    if (status == STATUS_OK) {
        store_check_inserted(entries, count);
    }
    for (size_t i = 0; i < count; i++) {
        entries[i].id_in_use = entries[i].id_in_use && status == STATUS_ALREADY_EXISTS;
    }
    return status;
}

/* A change has worked, or failed for its data only, so changes are not refused any more. */
static enum status note_change(struct store *store, enum status status)
{
    bool shows_nothing = status == STATUS_UNAVAILABLE || status == STATUS_CONFLICT;
    if (status != STATUS_REFUSED && !shows_nothing) {
        store->refusal = NULL;
    }
    return status;
}

struct order store_trial_order(order_id id)
{
    static const char items[] = "[1]";
    return (struct order){.id = id,
                          .items_json = items,
                          .items_json_len = sizeof items - 1,
                          .user_id = "trial",
                          .user_id_len = sizeof "trial" - 1,
                          .total_cents = 1, /* a shop may forbid less */
                          .idempotency_key = "trial"};
}

enum status store_try_insert(struct store *store)
{
    ON_CONNECTION(store, note_change(store, store->ops->try_insert(store)));
}

enum status store_insert(struct store *store, struct store_insert entries[], size_t count)
{
    assert(count >= 1 && count <= STORE_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(entries[i].order->id >= 1 && entries[i].order->id <= ORDER_ID_MAX);
        entries[i].stored_id = entries[i].order->id;
        entries[i].key_reused = false;
        entries[i].id_in_use = false;
    }
    ON_CONNECTION(store, note_change(store, insert(store, entries, count)));
}

static enum status claim(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                         uint64_t *age_ms)
{
    struct store_asked asked;
    store_check_asked(&asked, ids, *count);
    struct store_parts parts = {.asked = &asked,
                                .ids = ids,
                                .delay_ms = delay_ms,
                                .age_ms = age_ms};
    enum status status = store_parts_claim(store, &parts);
    if (status != STATUS_OK) {
        memcpy(ids, asked.ids, *count * sizeof ids[0]); /* for the next attempt */
        return status;
    }
    *count = parts.moved;
    store_check_moved(&asked, ids, *count);
    return STATUS_OK;
}

enum status store_claim(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                        uint64_t *age_ms)
{
    /* Transactions that lock rows in the same order cannot deadlock with each other. */
    order_id_sort(ids, *count);
    ON_CONNECTION(store, note_change(store, claim(store, ids, count, delay_ms, age_ms)));
}

static enum status claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    enum status status = store_parts_claim_waiting(store, waiting);
    if (status == STATUS_OK) {
        assert(waiting->count <= waiting->max);
        store_check_distinct(waiting->ids, waiting->count);
    }
    return status;
}

/* MariaDB lets a user look for orders who may not move them: none found says nothing. */
static enum status note_claimed(struct store *store, enum status status,
                                const struct store_claim_waiting *waiting)
{
    return waiting->count > 0 ? note_change(store, status) : status;
}

enum status store_try_move(struct store *store)
{
    ON_CONNECTION(store, note_change(store, store_parts_try_move(store)));
}

enum status store_claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    assert(waiting->max >= 1 && waiting->max <= STORE_BATCH_MAX);
    waiting->count = 0;
    ON_CONNECTION(store, note_claimed(store, claim_waiting(store, waiting), waiting));
}

static enum status complete(struct store *store, const order_id ids[], size_t *count)
{
    size_t asked = *count;
    enum status status = store_parts_complete(store, ids, count);
    assert(status != STATUS_OK || *count <= asked);
    return status;
}

enum status store_complete(struct store *store, order_id ids[], size_t *count)
{
    assert(*count >= 1 && *count <= STORE_BATCH_MAX);
    order_id_sort(ids, *count);
    ON_CONNECTION(store, note_change(store, complete(store, ids, count)));
}

static enum status look_up(struct store *store, struct store_lookup lookups[], size_t count)
{
    enum status status = store_parts_lookup(store, lookups, count);
    if (status == STATUS_OK) {
        store_check_found(lookups, count);
    }
    return status;
}

enum status store_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    assert(count >= 1 && count <= STORE_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        lookups[i].found = false;
    }
    ON_CONNECTION(store, look_up(store, lookups, count));
}

enum status store_counts(struct store *store, struct order_counts *counts)
{
    ON_CONNECTION(store, store->ops->counts(store, counts));
}

enum status store_read(struct store *store, const struct store_query *query,
                       struct store_rows *rows)
{
    rows->count = 0;
    rows->more = false;
    ON_CONNECTION(store, store_read_connected(store, query, rows));
}

/* To store_insert an id that is taken has a meaning; to the archive it is a fault. */
static enum status archive_orders(struct store *store, struct store_archive *archive)
{
    const struct store_archive before = *archive;
    enum status status = store->ops->archive(store, archive);
    if (status == STATUS_OK) {
        store_check_archived(&before, archive);
    }
    return status == STATUS_ALREADY_EXISTS ? STATUS_INVALID : status;
}

enum status store_archive(struct store *store, struct store_archive *archive)
{
    assert(archive->max >= 1 && archive->max <= STORE_BATCH_MAX);
    archive->moved = 0;
    archive->more = true;
    ON_CONNECTION(store, archive_orders(store, archive));
}

enum status store_forget_keys(struct store *store, struct store_forget_keys *keys)
{
    assert(keys->max >= 1 && keys->max <= STORE_BATCH_MAX);
    keys->deleted = 0;
    keys->more = true;
    ON_CONNECTION(store, store->ops->forget_keys(store, keys));
}

enum status store_verify(struct store *store, const struct store_progress *progress,
                         struct store_verification *found)
{
    ON_CONNECTION(store, store_verify_connected(store, progress, found));
}

enum status store_repair(struct store *store, const struct store_verification *found)
{
    struct order_counts drift = store_drift(found);
    const struct order_counts addition = {.created = -drift.created,
                                          .started = -drift.started,
                                          .completed = -drift.completed,
                                          .duration_us = -drift.duration_us};
    ON_CONNECTION(store, store->ops->repair(store, &found->repaired, &addition));
}

enum status store_backup(struct store *store, struct store_backup *backup)
{
    assert(store->ops->backup != NULL);
    ON_CONNECTION(store, store->ops->backup(store, backup));
}

bool store_is_backup(const struct store *store, const char *path)
{
    assert(store->ops->is_backup != NULL);
    return store->ops->is_backup(path);
}
