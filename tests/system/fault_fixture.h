/* SPDX-License-Identifier: MIT */
/*
 * The pair of pair_fixture.h with a fault proxy before Redis and, unless it is SQLite, one before
 * the database for the APIs and one for the workers.
 */
#ifndef TESTS_SYSTEM_FAULT_FIXTURE_H
#define TESTS_SYSTEM_FAULT_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/fault_proxy.h"
#include "tests/system/pair_fixture.h"

enum { SOON_MS = 2000 /* in which an order is completed whatever became of its hint */ };

extern struct fault_proxy *redis_proxy;
extern struct fault_proxy *api_proxy;
extern struct fault_proxy *worker_proxy;

/* For .init and .fini: the servers and the proxies; a Redis that can be made to load. */
void start_with_faults(void);
void finish_with_faults(void);

bool database_is(const char *kind);

/* As start_apis and start_workers, through their proxies. */
void start_apis_behind_proxies(size_t count);
void start_workers_behind_proxies(size_t count);

/* POST /order with this Idempotency-Key. */
const struct http_response *post_with_key(const char *key);

/*
 * Posts until one is stored, which must be within LIMIT_MS; others are 503 with Retry-After.
 * Returns how many were not stored.
 */
int post_until_stored(void);

/* `count` posts, one by one, all answered 200, none of which has waited for anything. */
void post_unhindered(int count);

/* Within SOON_MS and the time in Processing. */
void expect_completed_soon(void);

#endif
