/* SPDX-License-Identifier: MIT */
/*
 * Clients that post orders side by side, each on a connection it keeps: as fast as they are
 * answered, or at a rate. They run on threads of their own, so the test may end and start services
 * meanwhile. What fails is counted, the first failure is kept, and nothing is tried again; unless
 * the load is given patience_ms.
 */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_THREADS_MAX = 16, LOAD_PORTS_MAX = 4 };

struct load {
    uint16_t ports[LOAD_PORTS_MAX]; /* in: of the services; the clients are dealt out to them */
    size_t port_count;              /* in */
    size_t thread_count;            /* in */
    size_t order_count;             /* in: how many orders are posted at most, by all together */
    uint32_t rate_per_s;   /* in: by all together; 0: as fast as they are answered. With a rate a
                              client whose connection is closed or broken opens another; without, it
                              stops */
    uint32_t patience_ms;  /* in: 0: orders are sent once. Else each has an idempotency key of its
                              own, and is sent again until it is accepted, to the next service each
                              time, when so long no answer came and after a 503; what else comes is
                              a failure, and the end of that client */
    const char *client_id; /* in; NULL: those of support/service.h */
    const char *client_secret;

    uint64_t *ids; /* out: the numbers of the accepted orders, in no order */
    atomic_bool stopping;
    uint64_t start_ms;
    atomic_size_t begun;
    atomic_size_t accepted; /* out: answered with 200 */
    atomic_size_t served;   /* out: clients that have had an order accepted, so are connected */
    atomic_size_t failed;   /* out: answered otherwise, or not at all */
    atomic_size_t repeated; /* out: how often an order was sent again */
    atomic_size_t refused;  /* out: how often because of a 503 */
    atomic_size_t closed;   /* out: clients asked to close their connection */
    char failure[400];      /* out: the first failure */
    size_t running;         /* threads to join */
    pthread_t threads[LOAD_THREADS_MAX];
};

void load_start(struct load *load);

/* Waits until all is posted, or all clients were asked to close. */
void load_join(struct load *load);

/* Ends it early, and waits for the answers under way. For .fini too: takes one never started. */
void load_stop(struct load *load);

/* load_start and load_join; fails the test unless every order was accepted. */
void load_run(struct load *load);

/* Fails the test if a request failed. */
void load_expect_no_failure(const struct load *load);

/* For .fini, and before another use. Takes one that was never started. */
void load_finish(struct load *load);

#endif
