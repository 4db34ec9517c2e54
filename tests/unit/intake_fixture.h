/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the intake share: an intake over a fake store, and requests that wait for it.
 * A check that fails fails the test, so all is for its main thread.
 */
#ifndef TESTS_UNIT_INTAKE_FIXTURE_H
#define TESTS_UNIT_INTAKE_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "api-service/pipeline/intake.h"
#include "tests/unit/fake_store.h"

enum {
    CLIENTS_MAX = 1100,
    WAIT_MS = 10000,
};

/* One waiting request. */
struct client {
    struct intake_ticket ticket;
    struct order order;
    atomic_int answers;
    bool stored_before; /* its row was there when the answer came */
};

extern struct store *store;
extern struct announcer *announcer;
extern struct intake *intake;
extern struct client *clients; /* CLIENTS_MAX */
extern atomic_size_t answered; /* in all */

/* For .init and .fini. */
void setup(void);
void teardown(void);

/* Every test ends the intake itself, so that nothing happens any more when it looks. */
void stop(void);

/* Clients first, first + 1, ... */
void submit(size_t first, size_t count);

/* So many requests were answered, since the start. */
void wait_answers(size_t count);

/* Submits client 0, whose insert stands still; what is submitted next waits as one batch. */
void submit_and_hold(void);

/* As if it had come so long ago; only while the intake's thread stands still. */
void make_late(size_t client);

/* The client was answered once, and so. */
void check_answer(size_t client, enum status status);

/* It was answered STATUS_OK, and its order was stored before that. */
void check_stored(size_t client);

/* The hints that were given to the workers. */
size_t take_hints(order_id ids[], size_t max);

/* Ends the intake; so many hints were given, each for another order that is stored. */
void check_hints(size_t expected);

#endif
