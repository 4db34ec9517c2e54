/* SPDX-License-Identifier: MIT */
#include "tests/chaos/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

enum { PAIRS_IN_TEN = 3, TRIES = 20 };

static bool is_possible(const struct plan *plan, const struct fault_kind *kind)
{
    bool has_disk = plan->topology->disk_mb > 0;
    return (kind->places & plan->place) != 0 &&
           (has_disk || (kind->places & NEEDS_SMALL_DISK) == 0) &&
           (kind->is_deadly || !plan->only_deadly) &&
           (plan->only == NULL || strstr(kind->name, plan->only) != NULL);
}

static const struct fault_kind *choose_kind(struct plan *plan)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < fault_kind_count; i++) {
        sum += is_possible(plan, &fault_kinds[i]) ? fault_kinds[i].weight : 0;
    }
    cr_assert_gt(sum, 0, "there is no such fault for this database");
    uint32_t left = seeded_below(&plan->seeded, sum);
    size_t i = 0;
    while (!is_possible(plan, &fault_kinds[i]) || left >= fault_kinds[i].weight) {
        left -= is_possible(plan, &fault_kinds[i]) ? fault_kinds[i].weight : 0;
        i++;
    }
    return &fault_kinds[i];
}

static struct fault choose(struct plan *plan)
{
    const struct fault_kind *kind = choose_kind(plan);
    struct fault fault = {.kind = kind};
    size_t first;
    size_t count;
    fault_targets(kind, plan->topology, &first, &count);
    fault.target = first + seeded_below(&plan->seeded, (uint32_t)count);
    fault.duration_ms = kind->min_ms + seeded_below(&plan->seeded, kind->max_ms - kind->min_ms + 1);
    fault.dice = seeded_next(&plan->seeded);
    return fault;
}

static bool go_together(const struct fault *left, const struct fault *right)
{
    return left->kind->part != right->kind->part && left->kind->part != PART_ALL &&
           right->kind->part != PART_ALL;
}

void plan_next(struct plan *plan, struct plan_round *round)
{
    *round = (struct plan_round){.count = 1};
    round->pause_ms = seeded_below(&plan->seeded, plan->pause_max_ms + 1);
    round->faults[0] = choose(plan);
    bool wants_two = seeded_below(&plan->seeded, 10) < PAIRS_IN_TEN;
    for (size_t i = 0; wants_two && i < TRIES; i++) {
        struct fault other = choose(plan);
        if (go_together(&round->faults[0], &other)) {
            round->faults[1] = other;
            round->begins_ms[1] = seeded_below(&plan->seeded, round->faults[0].duration_ms + 1);
            round->count = 2;
            break;
        }
    }
}

void plan_describe(const struct fault *fault, char text[PLAN_TEXT_SIZE])
{
    bool has_target = fault->kind->aim != AT_NONE;
    snprintf(text, PLAN_TEXT_SIZE, "%s%s%s, %" PRIu32 " ms", fault->kind->name,
             has_target ? " " : "", has_target ? topology_service_name(fault->target) : "",
             fault->duration_ms);
}
