/* SPDX-License-Identifier: MIT */
/*
 * How often each kind of fault was tried and how often it took effect, so that a kind that never
 * takes effect is noticed. Does not block.
 */
#ifndef TESTS_CHAOS_TALLY_H
#define TESTS_CHAOS_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/faults.h"

/* Each kind takes effect in most cases: that it fails so often in a row is no accident. */
enum { TALLY_KINDS_MAX = 128, TALLY_TRIES = 8 };

struct tally {
    uint32_t tried; /* all kinds together */
    uint32_t took_effect;
    struct {
        uint32_t tried;
        uint32_t took_effect;
    } kinds[TALLY_KINDS_MAX]; /* as in fault_kinds */
};

/* Counts a fault that has ended. */
void tally_note(struct tally *tally, const struct fault *fault);

/* A line for each kind that was tried, to stderr. */
void tally_print(const struct tally *tally);

/* A kind that was tried TALLY_TRIES times or more and never took effect; NULL: there is none. */
const struct fault_kind *tally_find_ineffective(const struct tally *tally);

#endif
