/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the scaled-out pair share: a database of the kind that ORDERS_SYSTEM_DATABASE
 * names, Redis, several APIs and workers, dealt out to the nodes where the database has two, and
 * what must be true in the end.
 */
#ifndef TESTS_SYSTEM_PAIR_FIXTURE_H
#define TESTS_SYSTEM_PAIR_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/database.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"

enum {
    APIS = 2,
    WORKERS = 3,
    THREADS = 8,
    ORDERS = 2000,
    FEW_ORDERS = 50,
    DELAY_MS = 500,
    LIMIT_MS = 60000,
};

extern struct database database;
extern struct redis_server redis;
extern struct service apis[APIS];
extern struct service workers[WORKERS];
extern struct http_client *client; /* of the first API */
extern struct sql *sql;            /* from start_apis on */
extern struct load load;           /* of ORDERS orders on all APIs, from start_apis on */

/* NULL, or the URLs that services started from now on are given instead of the real ones. */
extern const char *through_database;
extern const char *through_redis;

/* For .init and .fini: the database and Redis, without services. */
void start(void);
void finish(void);

/* For the API or worker with this index. */
struct service_settings settings(size_t index);

void start_apis(size_t count);
void start_workers(size_t count);

/* Ends all that still runs, asserting that it ends as it should. */
void stop_services(void);

int64_t count_where(const char *condition);

/* Conditions for wait_until; `arg` is not looked at. */
bool all_are_completed(void *arg);
bool any_has_left_pending(void *arg);
bool any_is_processing(void *arg);

/* Waits until so many of the load's requests have been answered. */
void wait_for_accepted(size_t count);

/* One by one. The second waits until the hints, which nobody may take, are in Redis. */
void post_orders(int count);
void post_orders_with_hints(int count);

void expect_accepted_orders(void);
void join_load_without_failures(void);

/* Both of one snapshot. */
void expect_counters_to_equal_a_recount(void);

/* `count` orders, all completed, each counted once, none before its time, and so say the metrics.
 */
void expect_all_completed_once(int64_t count);

/* The longest time by which an order was completed after it was due. */
int64_t latest_us(void);

/*
 * Suspends the first worker between transactions while orders are Processing, or within one; lets
 * it go on, and returns false, if that was not in the moment asked for. Not for SQLite, whose rows
 * have no locks.
 */
bool suspend_first_worker(bool in_transaction);

#endif
