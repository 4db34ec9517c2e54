/* SPDX-License-Identifier: MIT */
/*
 * With 100,000 orders and any state of the database's statistics, every statement of the services
 * finds its rows by an index: none reads all orders or all keys, none sorts more than a batch. Only
 * store_verify, which an operator runs, may do so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store_backend.h"
#include "tests/contract/plans.h"
#include "tests/contract/store_fixture.h"

enum {
    COMPLETED = 80000,
    PENDING = 10000,
    PROCESSING = 10000,
    CLIENTS = 4,
    HALF = STORE_BATCH_MAX / 2,
    SPACING = 7, /* between ids of a batch, so that it is no range */
    EXPECTED_MAX = 32,
};

/* When the statistics were made. */
enum moment { WHEN_EMPTY, WHEN_ALL_WERE_OPEN, WHEN_ALL_WERE_COMPLETED, NOW };

static order_id first; /* of the completed, then the pending, then those that are processing */
static size_t statements;
static bool found[EXPECTED_MAX];

TestSuite(plans, .init = start, .fini = finish, .timeout = 240);

bool plans_is_large(const char *table)
{
    return strcmp(table, "orders") == 0 || strcmp(table, "idempotency_keys") == 0;
}

/* Order number `i` from `start` on, whose key is that of number `key_of`. */
static void insert_keyed(order_id start, size_t count, order_id key_of)
{
    static struct order orders[STORE_BATCH_MAX];
    static struct store_insert entries[STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        char client[16];
        char key[32];
        snprintf(client, sizeof client, "client-%zu", (size_t)(key_of + i) % CLIENTS);
        snprintf(key, sizeof key, "key-%" PRIu64, key_of + i);
        orders[i] = make_keyed(start + i, client, key, 1);
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, count), STATUS_OK);
}

static void insert_many(order_id start, size_t count)
{
    for (size_t i = 0; i < count; i += STORE_BATCH_MAX) {
        insert_keyed(start + i, STORE_BATCH_MAX, start + i);
    }
}

static void list_ids(order_id ids[], order_id start, size_t count, size_t spacing)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = start + i * spacing;
    }
}

static void claim_many(order_id start, size_t count)
{
    order_id ids[STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i += STORE_BATCH_MAX) {
        list_ids(ids, start + i, STORE_BATCH_MAX, 1);
        cr_assert_eq(claim(ids, STORE_BATCH_MAX, 0), STORE_BATCH_MAX);
    }
}

static void complete_many(order_id start, size_t count)
{
    order_id ids[STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i += STORE_BATCH_MAX) {
        list_ids(ids, start + i, STORE_BATCH_MAX, 1);
        cr_assert_eq(complete(ids, STORE_BATCH_MAX), STORE_BATCH_MAX);
    }
}

static void analyze_if(bool due)
{
    if (due) {
        plans_analyze();
    }
}

static void seed(enum moment statistics)
{
    first = reserve(COMPLETED + PENDING + PROCESSING);
    plans_freeze_statistics();
    analyze_if(statistics == WHEN_EMPTY);
    insert_many(first, COMPLETED);
    analyze_if(statistics == WHEN_ALL_WERE_OPEN);
    claim_many(first, COMPLETED);
    complete_many(first, COMPLETED);
    analyze_if(statistics == WHEN_ALL_WERE_COMPLETED);
    insert_many(first + COMPLETED, PENDING + PROCESSING);
    claim_many(first + COMPLETED + PENDING, PROCESSING);
    analyze_if(statistics == NOW);
}

static void drive_inserts(void)
{
    order_id start = reserve(4 * STORE_BATCH_MAX);
    insert_new(STORE_BATCH_MAX);
    for (int time = 0; time < 2; time++) { /* the second time as after a lost answer */
        cr_assert_eq(insert_range(store, start, STORE_BATCH_MAX), STATUS_OK);
    }
    insert_keyed(start + STORE_BATCH_MAX, STORE_BATCH_MAX, start + STORE_BATCH_MAX);
    insert_keyed(start + 2 * STORE_BATCH_MAX, STORE_BATCH_MAX, start + STORE_BATCH_MAX + HALF);
    insert_keyed(start + 3 * STORE_BATCH_MAX, 1, first);
}

static void drive_lookups(void)
{
    static struct store_lookup lookups[STORE_BATCH_MAX];
    for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
        lookups[i] = (struct store_lookup){.id = first + i * SPACING, .client_id = "client-1"};
    }
    cr_assert_eq(store_lookup(store, lookups, STORE_BATCH_MAX), STATUS_OK);
    cr_assert_eq(store_lookup(store, lookups, 1), STATUS_OK);
}

/* Batches in which all, some, one or none can be moved. */
static void drive_moves(void)
{
    order_id ids[STORE_BATCH_MAX];
    order_id pending = first + COMPLETED;
    order_id processing = pending + PENDING;
    uint64_t age_ms = 0;
    size_t count = STORE_BATCH_MAX;
    list_ids(ids, pending, STORE_BATCH_MAX, SPACING);
    cr_assert_eq(store_claim(store, ids, &count, LONG_DELAY_MS, &age_ms), STATUS_OK);
    cr_assert_eq(count, STORE_BATCH_MAX);
    list_ids(ids, pending, STORE_BATCH_MAX, 1);
    cr_assert_lt(claim(ids, STORE_BATCH_MAX, LONG_DELAY_MS), STORE_BATCH_MAX);
    list_ids(ids, first, STORE_BATCH_MAX, SPACING);
    cr_assert_eq(claim(ids, STORE_BATCH_MAX, LONG_DELAY_MS), 0);
    list_ids(ids, processing, STORE_BATCH_MAX, SPACING);
    cr_assert_eq(complete(ids, STORE_BATCH_MAX), STORE_BATCH_MAX);
    list_ids(ids, processing, STORE_BATCH_MAX, 1);
    cr_assert_lt(complete(ids, STORE_BATCH_MAX), STORE_BATCH_MAX);
    list_ids(ids, processing + PROCESSING - 1, 1, 1);
    cr_assert_eq(complete(ids, 1), 1);
    list_ids(ids, pending + PENDING - 1, 1, 1);
    cr_assert_eq(claim(ids, 1, LONG_DELAY_MS), 1);
    cr_assert_eq(store_try_move(store), STATUS_OK);
    cr_assert_eq(store_try_insert(store), STATUS_OK);
}

static enum status refuse_claim(struct store *refusing, struct store_claim_waiting *waiting)
{
    (void)refusing;
    (void)waiting;
    return STATUS_INVALID;
}

/* As where a trigger refuses one of them. */
static void drive_refused_claim(void)
{
    order_id ids[STORE_BATCH_MAX];
    struct store_claim_waiting waiting = {.delay_ms = LONG_DELAY_MS,
                                          .max = STORE_BATCH_MAX,
                                          .ids = ids};
    const struct store_ops *ops = store->ops;
    struct store_ops refusing = *ops;
    refusing.claim_waiting = refuse_claim;
    store->ops = &refusing;
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_eq(waiting.count, STORE_BATCH_MAX);
    store->ops = ops;
}

static void drive_recovery(void)
{
    order_id ids[STORE_BATCH_MAX];
    struct store_overdue overdue = {.ids = ids};
    struct store_claim_waiting waiting = {.delay_ms = LONG_DELAY_MS, .ids = ids};
    for (size_t max = STORE_BATCH_MAX; max > 0; max /= STORE_BATCH_MAX) {
        waiting.max = max;
        cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
        cr_assert_eq(waiting.count, max);
        overdue.max = max;
        cr_assert_eq(store_overdue(store, &overdue), STATUS_OK);
        cr_assert_eq(overdue.count, max);
    }
    waiting.min_age_ms = LONG_DELAY_MS;
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_eq(waiting.count, 0);
    overdue.grace_ms = LONG_DELAY_MS;
    cr_assert_eq(store_overdue(store, &overdue), STATUS_OK);
    cr_assert(overdue.count == 0 && overdue.any_processing);
}

/* With and without orders to move; with keys that are deleted, and that stay. */
static void drive_archive(void)
{
    struct store_archive orders = {.max = STORE_BATCH_MAX};
    struct store_forget_keys keys = {.max = STORE_BATCH_MAX};
    int64_t now_us = 0;
    cr_assert_eq(store_now(store, &now_us), STATUS_OK);
    orders.before_us = now_us;
    keys.before_us = now_us;
    cr_assert_eq(store_archive(store, &orders), STATUS_OK);
    cr_assert_eq(orders.moved, STORE_BATCH_MAX);
    orders.before_us = 0;
    cr_assert_eq(store_archive(store, &orders), STATUS_OK);
    cr_assert_eq(orders.moved, 0);
    cr_assert_eq(store_forget_keys(store, &keys), STATUS_OK);
    keys.before_us = 0;
    cr_assert_eq(store_forget_keys(store, &keys), STATUS_OK);
    cr_assert(keys.more);
}

/* Add a line here for each new operation, except verify, and what is of backups. */
_Static_assert(sizeof(struct store_ops) == 26 * sizeof(void *), "drive the new operation too");

/* On a connection of its own, since that is the first to be recorded. */
static void drive(void)
{
    struct order_counts counts;
    struct durability_report durability;
    store_destroy(store);
    store = store_create(&url);
    cr_assert_eq(store_ping(store), STATUS_OK);
    cr_assert_eq(store_durability(store, &durability), STATUS_OK);
    cr_assert_eq(store_migrate(store), STATUS_OK);
    drive_inserts();
    drive_lookups();
    drive_moves();
    drive_recovery();
    drive_refused_claim();
    drive_archive();
    cr_assert_eq(store_counts(store, &counts), STATUS_OK);
}

static void judge(const char *statement, const char *plan, const char *fault)
{
    statements++;
    for (size_t i = 0; plans_expected[i] != NULL; i++) {
        cr_assert_lt(i, EXPECTED_MAX);
        found[i] = found[i] || strstr(statement, plans_expected[i]) != NULL;
    }
    cr_expect_null(fault, "%s: %.300s\n%s", fault, statement, plan);
}

static void expect_indexes(enum moment statistics)
{
    seed(statistics);
    plans_start();
    drive();
    plans_read(judge);
    cr_assert_gt(statements, 0);
    for (size_t i = 0; plans_expected[i] != NULL; i++) {
        cr_expect(found[i], "no statement with '%s' was seen", plans_expected[i]);
    }
}

Test(plans, every_statement_uses_indexes_with_statistics_of_now)
{
    expect_indexes(NOW);
}

Test(plans, every_statement_uses_indexes_with_statistics_of_empty_tables)
{
    expect_indexes(WHEN_EMPTY);
}

Test(plans, every_statement_uses_indexes_with_statistics_of_open_orders_only)
{
    expect_indexes(WHEN_ALL_WERE_OPEN);
}

Test(plans, every_statement_uses_indexes_with_statistics_of_completed_orders_only)
{
    expect_indexes(WHEN_ALL_WERE_COMPLETED);
}
