/* SPDX-License-Identifier: MIT */
/*
 * Pseudorandom numbers that depend only on the seed, the same on every machine: SplitMix64
 * (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Does not block.
 */
#ifndef TESTS_CHAOS_SEEDED_H
#define TESTS_CHAOS_SEEDED_H

#include <stdint.h>

struct seeded {
    uint64_t state; /* in: the seed */
};

uint64_t seeded_next(struct seeded *seeded);

/* One of 0 to `limit` - 1; `limit` >= 1. */
uint32_t seeded_below(struct seeded *seeded, uint32_t limit);

/* One number for each pair of arguments, without a state. */
uint64_t seeded_hash(uint64_t seed, uint64_t number);

#endif
