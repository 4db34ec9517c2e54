/* SPDX-License-Identifier: MIT */
/* The store's contract: moving Completed orders to the archive, and what must stay the same. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

enum { BATCH = 50, BATCHES = 8, MANY = 30 };

static const int64_t hour_us = INT64_C(3600) * 1000000;

TestSuite(store_archive, .init = start, .fini = finish, .timeout = 120);

static int64_t now(void)
{
    int64_t us = 0;
    cr_assert_eq(store_now(store, &us), STATUS_OK);
    return us;
}

static void change(const char *statement)
{
    struct sql *sql = open_sql();
    sql_execute(sql, statement);
    sql_close(sql);
}

static int64_t ask(const char *query)
{
    struct sql *sql = open_sql();
    int64_t answer = sql_integer(sql, query);
    sql_close(sql);
    return answer;
}

/* As if orders and keys up to the order `last` were two hours older. */
static void age_up_to(order_id last)
{
    static const char *const shifts[] = {
        [DATABASE_SQLITE] = "- 7200000000",
        [DATABASE_MYSQL] = "- INTERVAL 2 HOUR",
        [DATABASE_POSTGRES] = "- interval '2 hours'",
    };
    const char *shift = shifts[url.kind];
    char statement[512];
    snprintf(statement, sizeof statement,
             "UPDATE orders SET created_at = created_at %s, started_at = started_at %s, "
             "due_at = due_at %s, completed_at = completed_at %s WHERE id <= %" PRIu64,
             shift, shift, shift, shift, last);
    change(statement);
    snprintf(statement, sizeof statement,
             "UPDATE idempotency_keys SET created_at = created_at %s WHERE order_id <= %" PRIu64,
             shift, last);
    change(statement);
}

static bool is_completed(void *arg)
{
    order_id *id = arg;
    size_t count = 1;
    cr_assert_eq(store_complete(store, (order_id[]){*id}, &count), STATUS_OK);
    return look_up(*id, "acme").status == ORDER_COMPLETED;
}

static void finish_orders(order_id first, size_t count)
{
    for (order_id id = first; id < first + count; id++) {
        cr_assert_eq(claim((order_id[]){id}, 1, 0), 1);
        cr_assert(wait_until(is_completed, &id, LIMIT_MS));
    }
}

static order_id insert_completed(size_t count)
{
    order_id first = insert_new(count);
    finish_orders(first, count);
    return first;
}

/* From the beginning to the end; returns how many were moved. */
static size_t archive_all(int64_t before_us, size_t max)
{
    struct store_archive step = {.before_us = before_us, .max = max, .more = true};
    size_t total = 0;
    while (step.more) {
        cr_assert_eq(store_archive(store, &step), STATUS_OK);
        cr_assert_leq(step.moved, max);
        total += step.moved;
    }
    return total;
}

static size_t forget_all(int64_t before_us, size_t max)
{
    struct store_forget_keys step = {.before_us = before_us, .max = max, .more = true};
    size_t total = 0;
    while (step.more) {
        cr_assert_eq(store_forget_keys(store, &step), STATUS_OK);
        cr_assert_leq(step.deleted, max);
        total += step.deleted;
    }
    return total;
}

Test(store_archive, completed_orders_are_moved_once_and_others_stay)
{
    order_id first = insert_completed(3);
    order_id open = insert_new(2);
    claim((order_id[]){open}, 1, LONG_DELAY_MS);
    struct order_counts before = expect_exact_counts();
    cr_assert_eq(archive_all(now() + hour_us, 1000), 3);
    cr_assert_eq(archive_all(now() + hour_us, 1000), 0);
    cr_assert_eq(ask("SELECT count(*) FROM orders_archive WHERE status = 2"), 3);
    cr_assert_eq(ask("SELECT count(*) FROM orders"), 2);
    expect_status(first, ORDER_COMPLETED);
    expect_status(first + 2, ORDER_COMPLETED);
    expect_status(open, ORDER_PROCESSING);
    expect_status(open + 1, ORDER_PENDING);
    struct order_counts after = expect_exact_counts();
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0, "counters count all orders ever");
}

/* What an archiving that runs every minute nearly always finds. */
Test(store_archive, where_nothing_is_old_nobody_is_waited_for)
{
    order_id first = insert_completed(2);
    struct store_archive step = {.before_us = now() - hour_us, .max = 1000, .more = true};
    struct sql *other = database_open_admin(&database);
    if (url.kind == DATABASE_SQLITE) {
        database_hold_orders(&database, other);
    } else {
        lock_order(other, first);
    }
    cr_assert_eq(store_archive(store, &step), STATUS_OK);
    cr_assert_eq(step.moved, 0);
    cr_assert_not(step.more);
    sql_close(other);
}

Test(store_archive, an_archived_order_is_its_clients_only)
{
    order_id first = insert_completed(2);
    insert_new(1);
    cr_assert_eq(archive_all(now() + hour_us, 1000), 2);
    cr_assert_not(look_up(first, "other").found);
    cr_assert_not(look_up(first, "acme ").found);
    struct store_lookup lookups[] = {{.id = first + 2, .client_id = "acme"},
                                     {.id = first + 9, .client_id = "acme"},
                                     {.id = first + 1, .client_id = "other"},
                                     {.id = first + 1, .client_id = "acme"},
                                     {.id = first, .client_id = "acme"},
                                     {.id = first + 1, .client_id = "acme"}};
    cr_assert_eq(store_lookup(store, lookups, 6), STATUS_OK);
    cr_assert(lookups[0].found && lookups[0].status == ORDER_PENDING);
    cr_assert_not(lookups[1].found);
    cr_assert_not(lookups[2].found);
    for (size_t i = 3; i < 6; i++) {
        cr_assert(lookups[i].found && lookups[i].status == ORDER_COMPLETED, "lookup %zu", i);
    }
}

Test(store_archive, only_what_was_completed_before_the_time_is_moved)
{
    order_id first = insert_completed(4);
    age_up_to(first + 1);
    cr_assert_eq(archive_all(now() - hour_us, 1000), 2);
    cr_assert_eq(ask("SELECT count(*) FROM orders"), 2);
    cr_assert_eq(ask("SELECT max(id) FROM orders_archive"), (int64_t)first + 1);
    cr_assert_eq(archive_all(now() - 3 * hour_us, 1000), 0);
}

Test(store_archive, every_column_is_kept)
{
    insert_completed(3);
    change("CREATE TABLE kept AS SELECT * FROM orders");
    cr_assert_eq(archive_all(now() + hour_us, 1000), 3);
    cr_assert_eq(ask("SELECT count(*) FROM kept AS k JOIN orders_archive AS a ON a.id = k.id "
                     "AND a.client_id = k.client_id AND a.user_id = k.user_id "
                     "AND a.item_ids = k.item_ids AND a.total_cents = k.total_cents "
                     "AND a.status = k.status AND a.created_at = k.created_at "
                     "AND a.started_at = k.started_at AND a.due_at = k.due_at "
                     "AND a.completed_at = k.completed_at AND a.archived_at >= k.completed_at"),
                 3);
}

/* Two open orders stand between the others; a batch may find nothing to move, and still go on. */
Test(store_archive, it_goes_on_after_the_last_batch)
{
    insert_completed(3);
    insert_new(4);
    insert_completed(2);
    struct store_archive step = {.before_us = now() + hour_us, .max = 2};
    static const size_t expected[] = {2, 1, 0, 1, 1};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(store_archive(store, &step), STATUS_OK);
        cr_expect_eq(step.moved, expected[i], "%zu in batch %zu", step.moved, i);
        cr_expect_eq(step.more, i < 4, "batch %zu", i);
    }
    cr_assert_eq(archive_all(now() + hour_us, 2), 0);
    expect_exact_counts();
}

Test(store_archive, ids_stay_above_archived_orders_when_a_block_is_forgotten)
{
    order_id first = insert_completed(5);
    cr_assert_eq(archive_all(now() + hour_us, 1000), 5);
    change("UPDATE id_blocks SET next_id = 1 WHERE name = 'orders'");
    cr_assert_geq(reserve(3), first + 5);
}

Test(store_archive, an_order_that_is_open_in_the_archive_is_found)
{
    order_id first = insert_completed(3);
    cr_assert_eq(archive_all(now() + hour_us, 1000), 3);
    struct store_verification found;
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    cr_assert_eq(store_flaw_count(&found), 0);
    change("UPDATE orders_archive SET status = 1, completed_at = NULL WHERE id = 2");
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    cr_assert_eq(store_flaw_count(&found), 1);
    cr_assert_eq(found.flaws[STORE_FLAW_OPEN_IN_ARCHIVE].ids[0], (int64_t)first + 1);
    cr_assert_eq(store_drift(&found).completed, 1);
}

Test(store_archive, an_order_that_is_in_both_tables_is_refused_and_found_by_verify)
{
    insert_completed(3);
    cr_assert_eq(archive_all(now() + hour_us, 2), 3);
    change("INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, created_at, "
           "started_at, due_at, completed_at) SELECT id, client_id, user_id, item_ids, "
           "total_cents, status, created_at, started_at, due_at, completed_at FROM orders_archive "
           "WHERE id > 1");
    change("DELETE FROM orders_archive WHERE id = 2");
    struct store_archive step = {.before_us = now() + hour_us, .max = 1000};
    cr_assert_eq(store_archive(store, &step), STATUS_INVALID);
    cr_assert_eq(step.position, 0);
    cr_assert_eq(ask("SELECT count(*) FROM orders"), 2);
    cr_assert_eq(ask("SELECT count(*) FROM orders_archive"), 2);
    struct store_verification found;
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    cr_assert_eq(store_flaw_count(&found), 1);
    cr_assert_eq(found.flaws[STORE_FLAW_IN_BOTH_TABLES].ids[0], 3);
}

/* Another session holds an order for longer than the archive waits. */
Test(store_archive, a_batch_that_fails_moves_nothing_and_can_be_repeated)
{
    order_id first = insert_completed(4);
    struct sql *other = open_sql();
    sql_execute(other, url.kind == DATABASE_SQLITE ? "BEGIN IMMEDIATE" : "BEGIN");
    sql_execute(other, "UPDATE orders SET total_cents = 1 WHERE id = 3");
    struct store_archive step = {.before_us = now() + hour_us, .max = 1000, .moved = 9};
    cr_assert_eq(store_archive(store, &step), STATUS_CONFLICT);
    cr_assert_eq(step.position, 0);
    cr_assert_eq(step.moved, 0);
    sql_execute(other, "ROLLBACK");
    sql_close(other);
    cr_assert_eq(ask("SELECT count(*) FROM orders_archive"), 0);
    cr_assert_eq(archive_all(now() + hour_us, 1000), 4);
    expect_status(first + 2, ORDER_COMPLETED);
    expect_exact_counts();
}

static void insert_keyed(order_id id, const char *client, const char *key)
{
    struct order order = make_keyed(id, client, key, 1);
    cr_assert_eq(insert_one(&order).stored_id, id);
}

Test(store_archive, a_key_is_honoured_as_long_as_its_order_is_in_use)
{
    order_id first = reserve(4);
    insert_keyed(first, "acme", "archived");
    insert_keyed(first + 1, "acme", "open");
    insert_keyed(first + 2, "acme", "young");
    finish_orders(first, 1);
    finish_orders(first + 2, 1);
    age_up_to(first + 1);
    cr_assert_eq(archive_all(now() - hour_us, 1000), 1);
    cr_assert_eq(forget_all(now() - hour_us, 1000), 1);
    cr_assert_eq(forget_all(now() - hour_us, 1000), 0);
    struct order again = make_keyed(first + 3, "acme", "open", 1);
    cr_assert_eq(insert_one(&again).stored_id, first + 1);
    again = make_keyed(first + 3, "acme", "young", 1);
    cr_assert_eq(insert_one(&again).stored_id, first + 2);
    again = make_keyed(first + 3, "acme", "archived", 1);
    cr_assert_eq(insert_one(&again).stored_id, first + 3, "a new order");
    expect_exact_counts();
}

/* Of each client some keys are kept, so that a batch begins and ends anywhere. */
Test(store_archive, keys_are_found_batch_by_batch_whatever_their_names)
{
    static const char *const clients[] = {"acme", "acme ", "b'\\", "\xc3\xa9"};
    char key[32];
    order_id first = reserve(MANY);
    for (order_id i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%" PRIu64 "'\\ %%", i * 7 % MANY);
        insert_keyed(first + i, clients[i % 4], key);
    }
    age_up_to(first + MANY);
    change("DELETE FROM orders WHERE id % 3 <> 0");
    int64_t kept = ask("SELECT count(*) FROM orders");
    cr_assert_eq(forget_all(now() - hour_us, 4), MANY - (size_t)kept);
    cr_assert_eq(ask("SELECT count(*) FROM idempotency_keys AS k "
                     "JOIN orders AS o ON o.id = k.order_id"),
                 kept);
    cr_assert_eq(ask("SELECT count(*) FROM idempotency_keys"), kept);
}

static atomic_int busy;
static atomic_size_t moved_in_all;
static atomic_size_t stored_in_all;

static void insert_and_complete(struct worker *worker)
{
    for (size_t i = 0; i < BATCHES && worker->status == STATUS_OK; i++) {
        order_id ids[BATCH];
        size_t count = BATCH;
        worker->status = store_reserve_ids(worker->store, BATCH, &ids[0]);
        for (size_t j = 1; j < BATCH; j++) {
            ids[j] = ids[0] + j;
        }
        if (worker->status == STATUS_OK) {
            worker->status = insert_range(worker->store, ids[0], BATCH);
        }
        if (worker->status == STATUS_OK) {
            atomic_fetch_add(&stored_in_all, BATCH);
            worker->status = store_claim(worker->store, ids, &count, 0, NULL);
        }
        if (worker->status == STATUS_OK && count > 0) {
            worker->status = store_complete(worker->store, ids, &count);
        }
        if (worker->status == STATUS_CONFLICT) {
            worker->status = STATUS_OK; /* this is normal; nothing was changed */
        }
    }
    atomic_fetch_sub(&busy, 1);
}

/* Archives every Completed order at once: this test never sends an order again. */
static void archive_meanwhile(struct worker *worker)
{
    while (atomic_load(&busy) > 0 && worker->status == STATUS_OK) {
        struct store_archive step = {.before_us = INT64_C(4000000000000000),
                                     .max = 20,
                                     .more = true};
        while (step.more && worker->status == STATUS_OK) {
            worker->status = store_archive(worker->store, &step);
            if (worker->status == STATUS_CONFLICT) {
                worker->status = STATUS_OK;
            }
            atomic_fetch_add(&moved_in_all, step.moved);
        }
    }
}

static void move_or_archive(struct worker *worker)
{
    if (worker->index < 2) {
        archive_meanwhile(worker);
    } else {
        insert_and_complete(worker);
    }
}

Test(store_archive, two_archivers_and_traffic_lose_nothing_and_there_is_no_drift)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    atomic_store(&busy, THREADS - 2);
    start_workers(workers, threads, move_or_archive, NULL);
    do {
        struct store_verification found;
        cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
        cr_expect_not(store_has_drift(&found));
        cr_expect_eq(store_flaw_count(&found), 0);
    } while (atomic_load(&busy) > 0);
    join_workers(workers, threads);
    cr_assert_gt(atomic_load(&stored_in_all), 0);
    cr_assert_eq(expect_exact_counts().created, (int64_t)atomic_load(&stored_in_all));
    cr_assert_gt(atomic_load(&moved_in_all), 0);
    cr_assert_eq((int64_t)atomic_load(&moved_in_all), ask("SELECT count(*) FROM orders_archive"));
    cr_assert_eq(ask("SELECT count(*) FROM orders WHERE id IN (SELECT id FROM orders_archive)"), 0);
}
