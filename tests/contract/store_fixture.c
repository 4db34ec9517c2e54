/* SPDX-License-Identifier: MIT */
#include "tests/contract/store_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "tests/support/wait_until.h"

struct database database;
struct database_url url;
struct database_url other_url;
struct store *store;

static void read_url(const char *text, struct database_url *into)
{
    char reason[URL_REASON_SIZE];
    cr_assert_eq(database_url_parse(text, into, reason), STATUS_OK, "%s", reason);
}

void start_empty(void)
{
    database_start(&database, getenv("ORDERS_CONTRACT_BACKEND"));
    read_url(database.url, &url);
    read_url(database.other_url, &other_url);
    store = store_create(&url);
}

void start(void)
{
    start_empty();
    cr_assert_eq(store_migrate(store), STATUS_OK);
}

void finish(void)
{
    store_destroy(store);
    database_discard(&database);
}

struct sql *open_sql(void)
{
    struct sql *sql = database_open_sql(&database);
    if (url.kind == DATABASE_POSTGRES) {
        sql_execute(sql, "CREATE OR REPLACE FUNCTION hex(value text) RETURNS text LANGUAGE sql "
                         "RETURN upper(encode(convert_to(value, 'UTF8'), 'hex'))");
    }
    return sql;
}

order_id reserve(uint32_t count)
{
    order_id first = 0;
    cr_assert_eq(store_reserve_ids(store, count, &first), STATUS_OK);
    return first;
}

struct order make_order(order_id id, const char *client)
{
    struct order order = {.id = id,
                          .total_cents = 25075,
                          .items_json = "[101,102]",
                          .items_json_len = 9};
    strcpy(order.user_id, "user123");
    order.user_id_len = strlen(order.user_id);
    snprintf(order.client_id, sizeof order.client_id, "%s", client);
    return order;
}

struct order make_keyed(order_id id, const char *client, const char *key, unsigned char mark)
{
    struct order order = make_order(id, client);
    snprintf(order.idempotency_key, sizeof order.idempotency_key, "%s", key);
    memset(order.fingerprint, mark, sizeof order.fingerprint);
    return order;
}

static enum status send_range(struct store *into, order_id first, size_t count, bool repeated)
{
    static const char client[] = "acme";
    struct order *orders = calloc(count, sizeof *orders);
    struct store_insert *entries = calloc(count, sizeof *entries);
    enum status status = STATUS_CONFLICT;
    for (size_t i = 0; i < count; i++) {
        orders[i] = make_order(first + i, client);
        entries[i] = (struct store_insert){.order = &orders[i], .repeated = repeated};
    }
    while (status == STATUS_CONFLICT) {
        status = store_insert(into, entries, count);
    }
    free(orders);
    free(entries);
    return status;
}

enum status insert_range(struct store *into, order_id first, size_t count)
{
    return send_range(into, first, count, true);
}

order_id insert_new(size_t count)
{
    order_id first = reserve((uint32_t)count);
    cr_assert_eq(send_range(store, first, count, false), STATUS_OK);
    return first;
}

struct store_insert insert_one(const struct order *order)
{
    struct store_insert entry = {.order = order};
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_OK);
    return entry;
}

struct store_insert repeat_one(const struct order *order)
{
    struct store_insert entry = {.order = order, .repeated = true};
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_OK);
    return entry;
}

struct store_lookup look_up(order_id id, const char *client)
{
    struct store_lookup lookup = {.id = id, .client_id = client};
    cr_assert_eq(store_lookup(store, &lookup, 1), STATUS_OK);
    return lookup;
}

void expect_status(order_id id, enum order_status status)
{
    struct store_lookup lookup = look_up(id, "acme");
    cr_assert(lookup.found, "order %" PRIu64 " is gone", id);
    cr_assert_eq(lookup.status, status, "order %" PRIu64 " is %s", id,
                 order_status_name(lookup.status));
}

size_t claim(order_id ids[], size_t count, uint32_t delay_ms)
{
    cr_assert_eq(store_claim(store, ids, &count, delay_ms, NULL), STATUS_OK);
    return count;
}

size_t complete(order_id ids[], size_t count)
{
    cr_assert_eq(store_complete(store, ids, &count), STATUS_OK);
    return count;
}

struct order_counts expect_exact_counts(void)
{
    struct store_verification found;
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    const struct order_counts kept = found.counted;
    const struct order_counts recounted = found.recounted;
    cr_assert_eq(kept.created, recounted.created, "%" PRId64 " %" PRId64, kept.created,
                 recounted.created);
    cr_assert_eq(kept.started, recounted.started, "%" PRId64 " %" PRId64, kept.started,
                 recounted.started);
    cr_assert_eq(kept.completed, recounted.completed, "%" PRId64 " %" PRId64, kept.completed,
                 recounted.completed);
    cr_assert_eq(kept.duration_us, recounted.duration_us, "%" PRId64 " %" PRId64, kept.duration_us,
                 recounted.duration_us);
    return kept;
}

void expect_created_and_started(int64_t created, int64_t started)
{
    struct order_counts counts = expect_exact_counts();
    cr_assert_eq(counts.created, created);
    cr_assert_eq(counts.started, started);
}

static bool answers(void *arg)
{
    (void)arg;
    return store_ping(store) == STATUS_OK;
}

void wait_until_back(void)
{
    cr_assert(wait_until(answers, NULL, LIMIT_MS));
}

void lock_order(struct sql *sql, order_id id)
{
    char statement[80];
    snprintf(statement, sizeof statement, "SELECT id FROM orders WHERE id = %" PRIu64 " FOR UPDATE",
             id);
    sql_execute(sql, "START TRANSACTION");
    cr_assert_eq(sql_integer(sql, statement), (int64_t)id);
}

void expect_ids(order_id ids[], size_t count, const order_id expected[], size_t expected_count)
{
    order_id_sort(ids, count);
    cr_assert_eq(count, expected_count, "%zu ids instead of %zu", count, expected_count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(ids[i], expected[i], "%" PRIu64 " instead of %" PRIu64, ids[i], expected[i]);
    }
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    worker->status = store_ping(worker->store); /* connected before the race begins */
    pthread_barrier_wait(worker->together);
    if (worker->status == STATUS_OK) {
        worker->run(worker);
    }
    return NULL;
}

void start_workers(struct worker workers[THREADS], pthread_t threads[THREADS],
                   void (*run)(struct worker *worker), void *shared)
{
    static pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, THREADS);
    for (unsigned int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = store_create(i % 2 == 0 ? &url : &other_url),
                                     .run = run,
                                     .together = &together,
                                     .shared = shared,
                                     .index = i};
        threads[i] = thread_start("worker", run_worker, &workers[i]);
    }
}

void join_workers(struct worker workers[THREADS], pthread_t threads[THREADS])
{
    for (unsigned int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        store_destroy(workers[i].store);
        cr_expect_eq(workers[i].status, STATUS_OK, "thread %u: %s", i,
                     status_name(workers[i].status));
    }
}

void run_workers(void (*run)(struct worker *worker), void *shared)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    start_workers(workers, threads, run, shared);
    join_workers(workers, threads);
}
