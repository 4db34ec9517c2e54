/* SPDX-License-Identifier: MIT */
/*
 * The clients of a chaos run: orders come at a rate, whatever becomes of those before, and each is
 * sent as the ledger says. What is not answered, or with 503, is sent again with the same key, to
 * the services in turn, until it is acknowledged. What they learn stands in the ledger.
 *
 * Threads: one of its own, between start and finish; the calls are the test's main thread's.
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

/* No new orders from now on; those under way go on. Takes effect soon. */
void clients_stop_sending(struct clients *clients);

/* Requests that are under way or to come. 0 for good, once it is so after clients_stop_sending. */
size_t clients_outstanding(const struct clients *clients);

/* Ends the thread and closes all connections, whatever is outstanding. Takes NULL. */
void clients_finish(struct clients *clients);

#endif
