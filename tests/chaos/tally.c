/* SPDX-License-Identifier: MIT */
#include "tests/chaos/tally.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void tally_note(struct tally *tally, const struct fault *fault)
{
    size_t kind = (size_t)(fault->kind - fault_kinds);
    assert(kind < fault_kind_count && fault_kind_count <= TALLY_KINDS_MAX);
    tally->tried++;
    tally->kinds[kind].tried++;
    if (fault->took_effect) {
        tally->took_effect++;
        tally->kinds[kind].took_effect++;
    }
}

void tally_print(const struct tally *tally)
{
    static const char *const aims[] = {"", " an API", " a worker", " a service"};
    fprintf(stderr, "faults that took effect, of those that were tried:\n");
    for (size_t i = 0; i < fault_kind_count; i++) {
        if (tally->kinds[i].tried > 0) {
            fprintf(stderr, "%6" PRIu32 " of %3" PRIu32 "  %s%s\n", tally->kinds[i].took_effect,
                    tally->kinds[i].tried, fault_kinds[i].name, aims[fault_kinds[i].aim]);
        }
    }
}

const struct fault_kind *tally_find_ineffective(const struct tally *tally)
{
    for (size_t i = 0; i < fault_kind_count; i++) {
        if (tally->kinds[i].tried >= TALLY_TRIES && tally->kinds[i].took_effect == 0) {
            return &fault_kinds[i];
        }
    }
    return NULL;
}
