/* SPDX-License-Identifier: MIT */
/* A seed gives the same faults and orders each time, and all kinds occur. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/chaos/job_heap.h"
#include "tests/chaos/ledger.h"
#include "tests/chaos/plan.h"
#include "tests/chaos/tally.h"

enum { ROUNDS = 500, ROUNDS_FOR_ALL = 5000, ORDERS = 20000, JOBS = 1000 };

static const struct topology pair = {.is_alone = false};

static struct plan plan_of(uint64_t seed, const char *database)
{
    return (struct plan){.seeded.state = seed,
                         .topology = &pair,
                         .place = fault_place_of(database, false),
                         .pause_max_ms = 100};
}

/* True: the next rounds of both are the same. */
static bool agree(struct plan *left, struct plan *right)
{
    struct plan_round rounds[2];
    char texts[2][PLAN_TEXT_SIZE];
    plan_next(left, &rounds[0]);
    plan_next(right, &rounds[1]);
    bool same = rounds[0].count == rounds[1].count && rounds[0].pause_ms == rounds[1].pause_ms;
    for (size_t i = 0; same && i < rounds[0].count; i++) {
        plan_describe(&rounds[0].faults[i], texts[0]);
        plan_describe(&rounds[1].faults[i], texts[1]);
        same = strcmp(texts[0], texts[1]) == 0 &&
               rounds[0].begins_ms[i] == rounds[1].begins_ms[i] &&
               rounds[0].faults[i].dice == rounds[1].faults[i].dice;
    }
    return same;
}

Test(plan, a_seed_gives_the_same_faults_each_time)
{
    struct plan first = plan_of(7, "mysql");
    struct plan second = plan_of(7, "mysql");
    for (size_t i = 0; i < ROUNDS; i++) {
        cr_assert(agree(&first, &second), "round %zu", i);
    }
}

Test(plan, another_seed_gives_other_faults)
{
    struct plan first = plan_of(7, "mysql");
    struct plan second = plan_of(8, "mysql");
    size_t same = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        same += agree(&first, &second);
    }
    cr_assert_lt(same, ROUNDS / 10);
}

Test(plan, every_kind_that_is_possible_occurs_and_no_other)
{
    static const char *const databases[] = {"mysql", "postgres", "sqlite"};
    cr_assert_leq(fault_kind_count, TALLY_KINDS_MAX);
    for (size_t database = 0; database < 3; database++) {
        bool seen[TALLY_KINDS_MAX] = {false};
        struct plan plan = plan_of(1, databases[database]);
        for (size_t i = 0; i < ROUNDS_FOR_ALL; i++) {
            struct plan_round round;
            plan_next(&plan, &round);
            for (size_t j = 0; j < round.count; j++) {
                seen[round.faults[j].kind - fault_kinds] = true;
            }
        }
        for (size_t i = 0; i < fault_kind_count; i++) {
            unsigned places = fault_kinds[i].places;
            bool possible = (places & plan.place) != 0 && (places & NEEDS_SMALL_DISK) == 0;
            cr_assert_eq(seen[i], possible, "%s on %s", fault_kinds[i].name, databases[database]);
        }
    }
}

Test(plan, two_faults_at_once_hit_two_parts)
{
    size_t pairs = 0;
    struct plan plan = plan_of(3, "postgres");
    for (size_t i = 0; i < ROUNDS; i++) {
        struct plan_round round;
        plan_next(&plan, &round);
        if (round.count == 2) {
            pairs++;
            cr_assert_neq(round.faults[0].kind->part, round.faults[1].kind->part);
            cr_assert_neq(round.faults[0].kind->part, PART_ALL);
            cr_assert_neq(round.faults[1].kind->part, PART_ALL);
        }
    }
    cr_assert(pairs > ROUNDS / 10 && pairs < ROUNDS / 2, "%zu", pairs);
}

/* A tenth is sent again on purpose, 2 % of the clients hang up. */
Test(plan, orders_are_sent_in_the_ways_they_should_be)
{
    const struct ledger ledger = {.seed = 5};
    size_t again = 0;
    size_t hung_up = 0;
    for (uint64_t i = 1; i <= ORDERS; i++) {
        struct ledger_order order = ledger_order(&ledger, i);
        again += order.is_twin || order.is_repeated;
        hung_up += order.is_hung_up;
        cr_assert(order.has_key || !(order.is_twin || order.is_repeated));
    }
    cr_assert(again > ORDERS * 9 / 100 && again < ORDERS * 12 / 100, "%zu", again);
    cr_assert(hung_up > ORDERS * 15 / 1000 && hung_up < ORDERS * 25 / 1000, "%zu", hung_up);
}

Test(plan, a_kind_that_never_takes_effect_is_found)
{
    struct tally tally = {.tried = 0};
    const struct fault there = {.kind = &fault_kinds[0], .took_effect = true};
    const struct fault vain = {.kind = &fault_kinds[1], .took_effect = false};
    tally_note(&tally, &there);
    for (int i = 0; i < TALLY_TRIES; i++) {
        cr_assert_null(tally_find_ineffective(&tally), "%d", i);
        tally_note(&tally, &vain);
    }
    cr_assert_eq(tally_find_ineffective(&tally), &fault_kinds[1]);
    cr_assert_eq(tally.tried, TALLY_TRIES + 1);
    cr_assert_eq(tally.took_effect, 1);
    const struct fault once = {.kind = &fault_kinds[1], .took_effect = true};
    tally_note(&tally, &once);
    cr_assert_null(tally_find_ineffective(&tally));
}

Test(plan, jobs_come_in_the_order_of_their_times)
{
    struct job_heap heap = {.count = 0};
    struct seeded seeded = {.state = 9};
    for (size_t i = 0; i < JOBS; i++) {
        struct job job = {.at_ms = seeded_below(&seeded, JOBS)};
        cr_assert(job_heap_push(&heap, &job));
    }
    uint64_t last_ms = 0;
    for (size_t i = 0; i < JOBS; i++) {
        struct job job;
        job_heap_pop(&heap, &job);
        cr_assert_geq(job.at_ms, last_ms);
        last_ms = job.at_ms;
    }
    cr_assert_null(job_heap_peek(&heap));
    job_heap_finish(&heap);
}
