/* SPDX-License-Identifier: MIT */
/*
 * What the files of the store's contract share: a database of the backend that
 * ORDERS_CONTRACT_BACKEND names, orders to put into it, and threads to compete for it. The helpers
 * that return no status fail the test, so they are for its main thread.
 */
#ifndef TESTS_CONTRACT_STORE_FIXTURE_H
#define TESTS_CONTRACT_STORE_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store/store.h"
#include "common/url/database_url.h"
#include "tests/support/database.h"
#include "tests/support/sql.h"

enum {
    THREADS = 8,
    DELAY_MS = 30,
    LONG_DELAY_MS = 600000, /* longer than any test */
    LIMIT_MS = 20000,
};

extern struct database database;
extern struct database_url url;
extern struct database_url other_url; /* of a cluster's other node; elsewhere the same */
extern struct store *store;           /* the connection of the test's main thread */

/* For .init and .fini: a database without, and with, the schema. */
void start_empty(void);
void start(void);
void finish(void);

/* Every kind of database has HEX(text) in it. */
struct sql *open_sql(void);
order_id reserve(uint32_t count);

/* An order that passes every check; the second with an idempotency key, its fingerprint all `mark`.
 */
struct order make_order(order_id id, const char *client);
struct order make_keyed(order_id id, const char *client, const char *key, unsigned char mark);

/* Inserts orders first, first + 1, ... of the client "acme", as if they may have been sent before;
 * may be used in threads. */
enum status insert_range(struct store *into, order_id first, size_t count);

/* `count` new Pending orders with consecutive ids; returns the first. */
order_id insert_new(size_t count);
struct store_insert insert_one(const struct order *order);
struct store_insert repeat_one(const struct order *order);

struct store_lookup look_up(order_id id, const char *client);
void expect_status(order_id id, enum order_status status);

/* Return how many were moved; the claimed stand first in `ids`. */
size_t claim(order_id ids[], size_t count, uint32_t delay_ms);
size_t complete(order_id ids[], size_t count);

/* The counters are what the rows add up to; returns them. */
struct order_counts expect_exact_counts(void);

/* The same, and that so many orders were created and started. */
void expect_created_and_started(int64_t created, int64_t started);

/* The store answers again; fails the test after LIMIT_MS. */
void wait_until_back(void);

/* The session begins a transaction in which it locks the order. Only for servers. */
void lock_order(struct sql *sql, order_id id);

/* The same ids, in any order; `expected` is sorted. */
void expect_ids(order_id ids[], size_t count, const order_id expected[], size_t expected_count);

/*
 * One of THREADS threads, each with a connection of its own, to every node of a cluster in turn,
 * all starting together.
 */
struct worker {
    struct store *store;
    void (*run)(struct worker *worker);
    pthread_barrier_t *together;
    void *shared;
    unsigned int index;
    enum status status; /* expected to be STATUS_OK in the end */
};

void start_workers(struct worker workers[THREADS], pthread_t threads[THREADS],
                   void (*run)(struct worker *worker), void *shared);
void join_workers(struct worker workers[THREADS], pthread_t threads[THREADS]);

/* Starts the threads and joins them. */
void run_workers(void (*run)(struct worker *worker), void *shared);

#endif
