/* SPDX-License-Identifier: MIT */
/*
 * What must be true after a chaos run, each with a name of its own, so that the one that has caught
 * something can be told. A check that fails is printed and counted, and the next one runs.
 *
 * All is healed, nothing is sent any more and all has had its time. Blocks. Threads: the test's
 * main thread.
 */
#ifndef TESTS_CHAOS_CHECKER_H
#define TESTS_CHAOS_CHECKER_H

#include <stdint.h>

#include "tests/chaos/faults.h"
#include "tests/chaos/ledger.h"
#include "tests/chaos/vitals.h"

enum {
    CHECKER_PEACEFUL = 500, /* orders that came without a fault, last of all */
    CHECKER_LATE_MS = 10000 /* an order may take as much longer than its time in Processing */
};

struct checker {
    struct victims *victims;     /* in */
    const struct ledger *ledger; /* in */
    const char *kind;            /* in: of the database */
    struct sql *sql;             /* in */
    struct vitals usual[2];      /* in: an API's and a worker's after some load, at rest */
    uint64_t redis_bytes[TOPOLOGY_SERVICES][2]; /* over each service's link, each way */
    size_t failed;                              /* out: checks */
    int64_t rows;                               /* out */
    int64_t lost;                               /* out: orders acknowledged that are not there */
    int64_t doubled;                            /* out: orders there are more than once */
    int64_t drift;   /* out: of counters from rows; 0 when they are equal */
    int64_t unknown; /* out: rows nobody was answered for, since clients saw an error */
};

/* A check that failed; printf's format. */
void checker_fail(struct checker *checker, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All of them. */
void checker_run(struct checker *checker);

/* Waits until no order is open: `check` fails when one takes longer than an order may. */
void checker_await_completed(struct checker *checker, const char *check, const char *since);

/* Behind the first call and a load each service must have talked with Redis, and been answered. */
void checker_note_redis(struct checker *checker);
void checker_expect_redis(struct checker *checker);

/*
 * Between faults: the list holds no more hints than orders have come since it was last empty, and
 * those that faults have put there.
 */
struct checker_queue {
    int64_t acknowledged;
    int64_t foreign;
};
void checker_look_at_queue(struct checker *checker, struct checker_queue *since_empty);

#endif
