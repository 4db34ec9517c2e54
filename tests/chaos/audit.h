/* SPDX-License-Identifier: MIT */
/*
 * Triggers in the database record each move of each order, in the transaction that makes it. So a
 * second completion or a step back is found even if the row no longer shows it. Blocks. Threads:
 * the test's main thread. Fails the test when a statement fails.
 */
#ifndef TESTS_CHAOS_AUDIT_H
#define TESTS_CHAOS_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/sql.h"

struct audit_report {
    int64_t orders;      /* that have any move */
    int64_t odd;         /* that did not go Pending, Processing, Completed, each once, at rising
                            times, and long enough in Processing */
    int64_t odd_ids[5];  /* the first of them */
    char odd_moves[256]; /* of the first: "-1>0 0>1 1>2 1>2" */
    int64_t shortest_us; /* in Processing */
};

/* `kind` is the database's. Call it after the schema is made and before the first order. */
void audit_install(struct sql *sql, const char *kind);

void audit_read(struct sql *sql, uint32_t delay_ms, struct audit_report *report);

/* The longest time from stored to Completed of the last `count` orders, in microseconds. */
int64_t audit_slowest_us(struct sql *sql, size_t count);

/* The median time in Pending of the last `count` orders, in microseconds. */
int64_t audit_usual_wait_us(struct sql *sql, size_t count);

#endif
