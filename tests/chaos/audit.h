/* SPDX-License-Identifier: MIT */
/*
 * A witness in the database: triggers write down each move of each order, in the transaction that
 * makes it, so that a second completion or a step back is seen even if nothing of it is left in the
 * row. Fails the test when a statement fails.
 */
#ifndef TESTS_CHAOS_AUDIT_H
#define TESTS_CHAOS_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/sql.h"

struct audit_report {
    int64_t orders;      /* with any move */
    int64_t odd;         /* with others than: stored as Pending, to Processing, to Completed, each
                            once, at rising times, and long enough in Processing */
    int64_t odd_ids[5];  /* the first of them */
    char odd_moves[256]; /* of the first: "-1>0 0>1 1>2 1>2" */
    int64_t shortest_us; /* in Processing */
};

/* On a database of this kind, whose schema is there and has no orders yet. */
void audit_install(struct sql *sql, const char *kind);

void audit_read(struct sql *sql, uint32_t delay_ms, struct audit_report *report);

/* How long the slowest of the last `count` orders took from stored to Completed, in microseconds.
 */
int64_t audit_slowest_us(struct sql *sql, size_t count);

/* How long the median of the last `count` orders was Pending, in microseconds. */
int64_t audit_usual_wait_us(struct sql *sql, size_t count);

#endif
