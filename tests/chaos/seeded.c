/* SPDX-License-Identifier: MIT */
#include "tests/chaos/seeded.h"

#define STEP UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

uint64_t seeded_next(struct seeded *seeded)
{
    seeded->state += STEP;
    return mix(seeded->state);
}

uint32_t seeded_below(struct seeded *seeded, uint32_t limit)
{
    return (uint32_t)(seeded_next(seeded) % limit);
}

uint64_t seeded_hash(uint64_t seed, uint64_t number)
{
    return mix(mix(seed + STEP) ^ (number * STEP));
}
