/* SPDX-License-Identifier: MIT */
/*
 * What must be true after a chaos run. Each check has its own name, so that the output says which
 * one failed. A check that fails is printed and counted, and the next one runs.
 *
 * Call it when all faults have ended, no client sends any more and the orders had time to complete.
 * Blocks. Threads: the test's main thread.
 */
#ifndef TESTS_CHAOS_CHECKER_H
#define TESTS_CHAOS_CHECKER_H

#include <stdint.h>

#include "tests/chaos/faults.h"
#include "tests/chaos/ledger.h"
#include "tests/chaos/vitals.h"

enum {
    CHECKER_PEACEFUL = 500, /* the last orders, which came while there was no fault */
    CHECKER_LATE_MS = 10000 /* an order may take so much longer than its time in Processing */
};

struct checker {
    struct victims *victims;     /* in */
    const struct ledger *ledger; /* in */
    const char *kind;            /* in: of the database */
    struct sql *sql;             /* in */
    struct vitals usual[2];      /* in: an API's and a worker's after a first load, idle */
    uint64_t redis_bytes[TOPOLOGY_SERVICES][2]; /* over each service's link, each way */
    size_t failed;                              /* out: checks */
    int64_t rows;                               /* out */
    int64_t lost;                               /* out: orders acknowledged that are not there */
    int64_t doubled;                            /* out: orders there are more than once */
    int64_t drift;                              /* out: difference of counters and rows; 0: none */
    int64_t
        unknown; /* out: rows of orders that were never acknowledged, since clients saw an error */
};

/* Prints and counts a check that failed; printf's format. */
void checker_fail(struct checker *checker, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs all checks that come at the end. */
void checker_run(struct checker *checker);

/* Waits until no order is open: `check` fails when one takes longer than an order may. */
void checker_await_completed(struct checker *checker, const char *check, const char *since);

/* Between these two calls, with a load, each service must have got answers from Redis. */
void checker_note_redis(struct checker *checker);
void checker_expect_redis(struct checker *checker);

/*
 * Between faults: the list holds at most one hint for each order that came since it was last empty,
 * and what faults have put there.
 */
struct checker_queue {
    int64_t acknowledged;
    int64_t foreign;
};
void checker_check_queue(struct checker *checker, struct checker_queue *since_empty);

#endif
