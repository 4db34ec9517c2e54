/* SPDX-License-Identifier: MIT */
/*
 * The clients of a chaos run. Orders come at a fixed rate, whether or not earlier ones were
 * answered, and each is sent as the ledger says. After a 503 or no answer an order is sent again
 * with the same key, to the services in turn, until it is acknowledged. What the clients learn is
 * in the ledger.
 *
 * Threads: one of its own, between start and finish; only the test's main thread makes these calls.
 */
#ifndef TESTS_CHAOS_CLIENTS_H
#define TESTS_CHAOS_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/ledger.h"

enum { CLIENTS_SERVICES_MAX = 2 };

struct clients;

/* `ledger` is borrowed until finish. Failing to start fails the test. */
struct clients *clients_start(struct ledger *ledger, const uint16_t ports[], size_t port_count,
                              uint32_t rate_per_s);

/* No new orders from now on; those already sent are finished. Returns at once. */
void clients_stop_sending(struct clients *clients);

/* Requests that are not finished. Once it is 0 after clients_stop_sending, it stays 0. */
size_t clients_outstanding(const struct clients *clients);

/* Ends the thread and closes all connections, also with requests outstanding. Takes NULL. */
void clients_finish(struct clients *clients);

#endif
