/* SPDX-License-Identifier: MIT */
/*
 * Which faults come when. It depends only on the seed, the place and whether only kill -9 is
 * wanted, so a run can be repeated. Faults come in rounds of one or two at once. Does not block.
 */
#ifndef TESTS_CHAOS_PLAN_H
#define TESTS_CHAOS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/faults.h"
#include "tests/chaos/seeded.h"

enum { PLAN_ROUND_MAX = 2, PLAN_TEXT_SIZE = 128 };

struct plan {
    struct seeded seeded;            /* in: state is the seed */
    const struct topology *topology; /* in */
    unsigned place;                  /* in: an enum fault_place */
    bool only_deadly;                /* in */
    uint32_t pause_max_ms;           /* in */
    const char *only;                /* in: kinds with this in their name; NULL: all */
};

struct plan_round {
    uint32_t pause_ms; /* before it */
    size_t count;
    struct fault faults[PLAN_ROUND_MAX];
    uint32_t begins_ms[PLAN_ROUND_MAX]; /* from the round's beginning; the first is 0 */
};

/* At least one kind must be possible in the place. */
void plan_next(struct plan *plan, struct plan_round *round);

/* "kill -9 of worker 2, 310 ms". */
void plan_describe(const struct fault *fault, char text[PLAN_TEXT_SIZE]);

#endif
