/* SPDX-License-Identifier: MIT */
#include "tests/model/model.h"

#include <string.h>

#include "tests/model/actors.h"
#include "tests/model/database.h"

_Static_assert(_Alignof(struct state) == 1, "a state is hashed as bytes, so it has no padding");

static const char *const break_names[MODEL_BREAKS] = {
    [BREAK_NONE] = "none",
    [BREAK_ACKNOWLEDGE_BEFORE_COMMIT] = "ack-before-commit",
    [BREAK_PUSH_BEFORE_COMMIT] = "push-before-commit",
    [BREAK_NEW_ID_ON_RETRY] = "new-id-on-retry",
    [BREAK_SELECT_ON_RETRY] = "select-on-retry",
    [BREAK_COUNT_ON_RETRY] = "count-on-retry",
    [BREAK_LOOK_FOR_KEY] = "look-for-key",
    [BREAK_KEY_FIRST] = "key-first",
    [BREAK_UNGUARDED_CLAIM] = "unguarded-claim",
    [BREAK_LOOK_THEN_CLAIM] = "look-then-claim",
    [BREAK_UNGUARDED_COMPLETION] = "unguarded-completion",
    [BREAK_HOST_CLOCK] = "host-clock",
    [BREAK_COUNT_LATER] = "count-later",
    [BREAK_NO_SWEEP] = "no-sweep",
    [BREAK_NO_OVERDUE_SWEEP] = "no-overdue-sweep",
    [BREAK_NO_WAITING_SWEEP] = "no-waiting-sweep",
    [BREAK_PUSH_AGAIN] = "push-again",
};

const char *model_break_name(enum model_break broken)
{
    return break_names[broken];
}

enum model_break model_break_find(const char *name)
{
    unsigned i = 0;
    while (i < MODEL_BREAKS && strcmp(name, break_names[i]) != 0) {
        i++;
    }
    return (enum model_break)i;
}

struct state model_start(bool alone)
{
    struct state state = {0};
    if (alone) {
        state.clients[ID_A0] = CLIENT_DONE;
        state.clients[ID_A1] = CLIENT_DONE;
    }
    return state;
}

void model_expand(enum model_break broken, const struct state *state, struct steps *steps)
{
    steps->count = 0;
    client_expand(state, steps);
    for (int i = 0; i < MODEL_APIS; i++) {
        api_expand(broken, state, i, steps);
    }
    database_expand(broken, state, steps);
    for (int i = 0; i < MODEL_WORKERS; i++) {
        worker_expand(broken, state, i, steps);
    }
    list_expand(state, steps);
}

static uint8_t count_rows(const struct state *state, enum model_row first)
{
    return (uint8_t)id_count(database_ids(state, (id_set)~0U, first, ROW_COMPLETED));
}

const char *model_violation(const struct state *state)
{
    if (state->rows[ID_A0] != ROW_NONE && state->rows[ID_A1] != ROW_NONE) {
        return "one idempotency key has two orders";
    }
    if (state->rows[ID_B0] != ROW_NONE && state->rows[ID_B1] != ROW_NONE) {
        return "a request that was sent once is stored twice";
    }
    if (state->created != count_rows(state, ROW_PENDING) ||
        state->started != count_rows(state, ROW_PROCESSING) ||
        state->completed != count_rows(state, ROW_COMPLETED)) {
        return "the counters differ from a recount";
    }
    return NULL;
}

bool model_all_completed(const struct state *state)
{
    return database_ids(state, (id_set)~0U, ROW_PENDING, ROW_PROCESSING_DUE) == 0;
}

bool model_any_waiting(const struct state *state)
{
    return memchr(state->clients, CLIENT_WAITS, sizeof state->clients) != NULL;
}

/*
 * A hint of an order that is not Pending moves nothing, and neither does the deadline of a
 * Completed order: remove them from the state. The list may invent any hint again, so a program
 * that cannot handle such a hint is still found.
 */
static void forget(struct state *state)
{
    id_set pending = database_ids(state, (id_set)~0U, ROW_PENDING, ROW_PENDING);
    id_set open = database_ids(state, (id_set)~0U, ROW_PENDING, ROW_PROCESSING_DUE);
    state->list &= pending;
    for (int i = 0; i < MODEL_APIS; i++) {
        struct api *api = &state->apis[i];
        api->announced &= pending;
        api->phase = api->phase == API_ANNOUNCE && api->announced == 0 ? API_IDLE : api->phase;
    }
    for (int i = 0; i < MODEL_WORKERS; i++) {
        state->workers[i].taken &= pending;
        state->workers[i].held &= open;
    }
}

bool model_normalize(struct state *state)
{
    forget(state);
    struct worker *workers = state->workers;
    if (memcmp(&workers[0], &workers[1], sizeof workers[0]) <= 0) {
        return false;
    }
    struct worker first = workers[0];
    workers[0] = workers[1];
    workers[1] = first;
    return true;
}
