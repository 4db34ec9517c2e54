/* SPDX-License-Identifier: MIT */
#include "tests/model/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"

enum {
    STATES_MAX = 1 << 22,
    SLOTS = 1 << 23, /* of the hash table */
    EDGE_SHIFT = 30, /* above an edge's target is its class */
};

/* A state's number is its place in `states`, in the order of discovery; 0 is the start. */
struct space {
    enum model_break broken;
    struct state *states;
    uint32_t *parents;
    uint32_t *slots; /* number + 1 */
    uint32_t count;
    uint32_t *edges; /* those without a fault */
    size_t edge_count;
    size_t edge_capacity;
    size_t *first_edges; /* of each state; the next state's first edge is the end */
    uint64_t transitions;
};

static const char *const liveness_by_service = "no way without a fault leads to where every stored "
                                               "order is Completed and every client answered";
static const char *const liveness_by_workers = "workers and database alone, without list and APIs, "
                                               "cannot complete every stored order";

static struct space *space_create(enum model_break broken)
{
    struct space *space = memory_allocate(1, sizeof *space);
    space->broken = broken;
    /* Memory pages that are never written cost nothing. */
    space->states = memory_allocate(STATES_MAX, sizeof space->states[0]);
    space->parents = memory_allocate(STATES_MAX, sizeof space->parents[0]);
    space->first_edges = memory_allocate(STATES_MAX + 1, sizeof space->first_edges[0]);
    space->slots = memory_allocate(SLOTS, sizeof space->slots[0]);
    return space;
}

static void space_destroy(struct space *space)
{
    free(space->states);
    free(space->parents);
    free(space->first_edges);
    free(space->slots);
    free(space->edges);
    free(space);
}

static uint64_t hash(const struct state *state)
{
    unsigned char bytes[(sizeof *state + 7) / 8 * 8] = {0};
    uint64_t sum = 0;
    memcpy(bytes, state, sizeof *state);
    for (size_t i = 0; i < sizeof bytes; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 32;
    }
    return sum;
}

/* The number of `state`; adds it if it is new. */
static uint32_t space_add(struct space *space, const struct state *state, uint32_t parent)
{
    size_t slot = hash(state) % SLOTS;
    while (space->slots[slot] != 0) {
        uint32_t number = space->slots[slot] - 1;
        if (memcmp(&space->states[number], state, sizeof *state) == 0) {
            return number;
        }
        slot = (slot + 1) % SLOTS;
    }
    if (space->count == STATES_MAX) {
        fprintf(stderr, "more than %d states\n", STATES_MAX);
        exit(EXIT_FAILURE);
    }
    space->states[space->count] = *state;
    space->parents[space->count] = parent;
    space->slots[slot] = ++space->count;
    return space->count - 1;
}

static void add_edge(struct space *space, uint32_t to, enum step_class class)
{
    if (space->edge_count == space->edge_capacity) {
        space->edge_capacity = space->edge_capacity == 0 ? 1 << 20 : 2 * space->edge_capacity;
        uint32_t *edges = realloc(space->edges, space->edge_capacity * sizeof edges[0]);
        if (edges == NULL) {
            fprintf(stderr, "no memory for %zu edges\n", space->edge_capacity);
            exit(EXIT_FAILURE);
        }
        space->edges = edges;
    }
    space->edges[space->edge_count++] = to | (uint32_t) class << EDGE_SHIFT;
}

static void print_ids(id_set ids)
{
    static const char *const names[MODEL_IDS] = {"A0", "A1", "B0", "B1"};
    for (unsigned id = 0; id < MODEL_IDS; id++) {
        if ((ids >> id & 1U) != 0) {
            printf(" %s", names[id]);
        }
    }
}

/* `exchanged`: model_normalize has exchanged the two workers. */
static void print_step(const struct step *step, unsigned line, bool exchanged)
{
    int number = step->number;
    if (exchanged && strcmp(step->who, "worker") == 0) {
        number = MODEL_WORKERS - 1 - number;
    }
    printf("%3u  %s", line, step->who);
    if (number >= 0) {
        printf(" %d", number);
    }
    printf(": %s%s", step->what, step->how_it_ended);
    if (step->ids != 0) {
        printf(" --");
        print_ids(step->ids);
    }
    printf("\n");
}

static uint32_t depth_of(const struct space *space, uint32_t number)
{
    uint32_t depth = 0;
    for (; number != 0; number = space->parents[number]) {
        depth++;
    }
    return depth;
}

/* Prints each step on the path to state `number`; true: the workers are exchanged at its end. */
static bool print_way(const struct space *space, uint32_t number, struct steps *steps)
{
    if (number == 0) {
        return false;
    }
    bool exchanged = print_way(space, space->parents[number], steps);
    model_expand(space->broken, &space->states[space->parents[number]], steps);
    for (size_t i = 0; i < steps->count; i++) {
        struct state next = steps->step[i].next;
        bool exchanges = model_normalize(&next);
        if (memcmp(&next, &space->states[number], sizeof next) == 0) {
            print_step(&steps->step[i], depth_of(space, number), exchanged);
            return exchanged != exchanges;
        }
    }
    return exchanged;
}

/* The path to state `from`, then the step `last` unless it is NULL. */
static void print_violation(const struct space *space, uint32_t from, const struct step *last,
                            const char *violation)
{
    struct steps *steps = memory_allocate(1, sizeof *steps);
    printf("broken: %s\nthe shortest path:\n", violation);
    bool exchanged = print_way(space, from, steps);
    if (last != NULL) {
        print_step(last, depth_of(space, from) + 1, exchanged);
    }
    free(steps);
}

static bool visit(struct space *space, uint32_t from, struct steps *steps)
{
    const struct state state = space->states[from];
    model_expand(space->broken, &state, steps);
    space->first_edges[from] = space->edge_count;
    for (size_t i = 0; i < steps->count; i++) {
        struct step *step = &steps->step[i];
        const char *violation =
            step->violation != NULL ? step->violation : model_violation(&step->next);
        if (violation != NULL) {
            print_violation(space, from, step, violation);
            return false;
        }
        struct state next = step->next;
        model_normalize(&next);
        uint32_t to = space_add(space, &next, from);
        space->transitions++;
        if (step->class != STEP_FAULT) {
            add_edge(space, to, step->class);
        }
    }
    space->first_edges[from + 1] = space->edge_count;
    return true;
}

static bool visit_all(struct space *space, bool alone)
{
    struct steps *steps = memory_allocate(1, sizeof *steps);
    const struct state start = model_start(alone);
    space_add(space, &start, 0);
    bool kept = true;
    for (uint32_t i = 0; i < space->count && kept; i++) {
        kept = visit(space, i, steps);
    }
    free(steps);
    return kept;
}

/* Whether one step of at least that class leads from `number` to a state that is marked. */
static bool leads_to_marked(const struct space *space, uint32_t number, enum step_class class,
                            const bool marked[])
{
    for (size_t i = space->first_edges[number]; i < space->first_edges[number + 1]; i++) {
        uint32_t edge = space->edges[i];
        if (edge >> EDGE_SHIFT >= (uint32_t) class && marked[edge & ((1U << EDGE_SHIFT) - 1)]) {
            return true;
        }
    }
    return false;
}

/*
 * Whether from every state steps of at least `class` can lead to the goal. The states are finite,
 * and the goal can be reached from each of them. So a run reaches it if no step that is possible
 * again and again is delayed for ever. The search starts from the goals and goes backwards. Each
 * sweep goes from the last state to the first, so few sweeps are enough.
 */
static bool check_liveness(const struct space *space, enum step_class class, const char *violation)
{
    bool *marked = memory_allocate(space->count, sizeof marked[0]);
    for (uint32_t i = 0; i < space->count; i++) {
        marked[i] = model_all_completed(&space->states[i]) &&
                    (class == STEP_RECOVERY || !model_any_waiting(&space->states[i]));
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = space->count; i-- > 0;) {
            if (!marked[i] && leads_to_marked(space, i, class, marked)) {
                marked[i] = true;
                changed = true;
            }
        }
    }
    const bool *first = memchr(marked, false, space->count);
    if (first != NULL) {
        print_violation(space, (uint32_t)(first - marked), NULL, violation);
    }
    free(marked);
    return first == NULL;
}

bool explore(enum model_break broken, bool alone)
{
    uint64_t start_ms = clock_monotonic_ms();
    struct space *space = space_create(broken);
    bool kept = visit_all(space, alone) &&
                check_liveness(space, STEP_SERVICE, liveness_by_service) &&
                check_liveness(space, STEP_RECOVERY, liveness_by_workers);
    printf("%s: %u states, %llu transitions, depth %u, %llu ms\n",
           kept ? "every promise is kept" : "a promise is broken", space->count,
           (unsigned long long)space->transitions, depth_of(space, space->count - 1),
           (unsigned long long)(clock_monotonic_ms() - start_ms));
    space_destroy(space);
    return kept;
}
