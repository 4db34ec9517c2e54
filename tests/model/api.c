/* SPDX-License-Identifier: MIT */
/* The steps of the clients, the APIs and the list. */
#include "tests/model/actors.h"
#include "tests/model/database.h"

static const char api_name[] = "api";

/*
 * handle_create_order and intake_submit: the request is suspended, its ticket waits. A is sent to
 * api 0 first and B to api 1. So there are batches that have one request twice, and batches of
 * both.
 */
static void send_request(const struct state *state, struct steps *steps, unsigned ticket,
                         const char *what)
{
    static const int first_api[MODEL_TICKETS] = {[ID_B0] = 1};
    static const int last_api[MODEL_TICKETS] = {[ID_A1] = 1, [ID_B0] = 1};
    for (int i = first_api[ticket]; i <= last_api[ticket]; i++) {
        struct step *step = steps_add(steps, state, "client, to api", i, what, id_bit(ticket));
        step->next.clients[ticket] = CLIENT_WAITS;
        step->next.apis[i].waiting |= id_bit(ticket);
    }
}

static void end_request(struct state *state, unsigned ticket, bool repeatable)
{
    if (state->clients[ticket] == CLIENT_WAITS) {
        state->clients[ticket] = repeatable && ticket == ID_A0 ? CLIENT_ERROR : CLIENT_DONE;
    }
}

void client_expand(const struct state *state, struct steps *steps)
{
    for (unsigned ticket = 0; ticket < MODEL_TICKETS; ticket++) {
        if (state->clients[ticket] == CLIENT_WAITS) {
            struct step *step =
                steps_add(steps, state, "client", -1, "hangs up without an answer", id_bit(ticket));
            end_request(&step->next, ticket, true);
            step->class = STEP_FAULT;
        }
    }
    if (state->clients[ID_A0] == CLIENT_UNSENT) {
        send_request(state, steps, ID_A0, "POST /order with an idempotency key");
    } else if (state->clients[ID_A0] == CLIENT_ERROR && state->clients[ID_A1] == CLIENT_UNSENT) {
        send_request(state, steps, ID_A1, "the same again with the same key");
    }
    if (state->clients[ID_B0] == CLIENT_UNSENT) {
        send_request(state, steps, ID_B0, "POST /order without a key");
    }
}

/* Redis loses hints: flushed, evicted, failed over. Doubled and invented hints are in worker.c. */
void list_expand(const struct state *state, struct steps *steps)
{
    for (unsigned id = 0; id < MODEL_IDS; id++) {
        if (has_id(state->list, id)) {
            struct step *step = steps_add(steps, state, "list", -1, "loses a hint", id_bit(id));
            step->next.list &= (id_set)~id_bit(id);
            step->class = STEP_FAULT;
        }
    }
}

/* The results of store_insert, as finish_stored reads them. */
static unsigned stored_id(const struct state *state, const struct api *api, unsigned ticket)
{
    if (ticket == ID_B0) {
        return api->renamed ? ID_B1 : ID_B0;
    }
    return state->key != 0 ? state->key - 1U : ticket;
}

/*
 * Returns the promise it breaks, or NULL. One check is enough: no move deletes a row, so what is
 * stored now is stored in every later state.
 */
static const char *acknowledge(struct state *state, const struct api *api, unsigned ticket)
{
    bool waits = state->clients[ticket] == CLIENT_WAITS;
    end_request(state, ticket, false);
    return waits && state->rows[stored_id(state, api, ticket)] == ROW_NONE
               ? "an order is acknowledged that is not stored"
               : NULL;
}

static const char *acknowledge_all(struct state *state, const struct api *api)
{
    const char *violation = NULL;
    for (unsigned ticket = 0; ticket < MODEL_TICKETS && violation == NULL; ticket++) {
        if (has_id(api->batch, ticket)) {
            violation = acknowledge(state, api, ticket);
        }
    }
    return violation;
}

static void end_with_error(struct state *state, id_set tickets)
{
    for (unsigned ticket = 0; ticket < MODEL_TICKETS; ticket++) {
        if (has_id(tickets, ticket)) {
            end_request(state, ticket, true);
        }
    }
}

/*
 * finish_stored: answers all, then announces those that are stored under their own ids. A crash
 * after only some answers is no extra case: it is as if the other clients had hung up.
 */
static void finish_stored(const struct state *state, int number, struct steps *steps)
{
    struct step *step =
        steps_add(steps, state, api_name, number, "answers 200", state->apis[number].batch);
    struct api *api = &step->next.apis[number];
    step->violation = acknowledge_all(&step->next, api);
    for (unsigned ticket = 0; ticket < MODEL_TICKETS; ticket++) {
        unsigned id = stored_id(state, api, ticket);
        if (has_id(api->batch, ticket) && (id == ticket || id == ID_B1)) {
            api->announced |= id_bit(id);
        }
    }
    api->batch = 0;
    api->renamed = 0;
    api->phase = api->announced != 0 ? API_ANNOUNCE : API_IDLE;
}

static const char *push(struct state *state, id_set ids)
{
    state->list |= ids;
    return database_ids(state, ids, ROW_NONE, ROW_NONE) == 0
               ? NULL
               : "a hint is announced for an order that is not stored";
}

/* What broken programs do after the statements and before the commit. */
static void act_before_commit(enum model_break broken, struct step *step, struct api *api)
{
    if (broken == BREAK_ACKNOWLEDGE_BEFORE_COMMIT) {
        step->violation = acknowledge_all(&step->next, api);
    } else if (broken == BREAK_PUSH_BEFORE_COMMIT) {
        step->violation = push(&step->next, api->transaction.ids);
    } else if (broken == BREAK_KEY_FIRST && api->transaction.key != 0) {
        step->next.key = api->transaction.key;
        api->transaction.key = 0;
    }
}

/* flush takes all waiting tickets; insert sends a batch whose answer was lost again, unchanged. */
static void insert(enum model_break broken, const struct state *state, int number,
                   struct steps *steps, bool repeated)
{
    struct api api = state->apis[number];
    if (!repeated) {
        api.batch = api.waiting;
        api.waiting = 0;
    }
    bool fresh_id = broken == BREAK_NEW_ID_ON_RETRY || broken == BREAK_SELECT_ON_RETRY;
    api.renamed = repeated && fresh_id && has_id(api.batch, ID_B0);
    if (!database_insert(broken, state, &api, repeated, &api.transaction)) {
        return;
    }
    api.phase = API_INSERT;
    struct step *step = steps_add(steps, state, api_name, number,
                                  repeated ? "INSERTs the same rows again, keys first"
                                           : "INSERTs its batch, keys first",
                                  api.batch);
    act_before_commit(broken, step, &api);
    step->next.apis[number] = api;
}

/* A broken program's SELECT: it takes rows it finds for stored, and all others for never sent. */
static void look(const struct state *state, int number, struct steps *steps)
{
    const struct api *api = &state->apis[number];
    for (unsigned ticket = 0; ticket < MODEL_TICKETS; ticket++) {
        if (has_id(api->batch, ticket) && state->rows[stored_id(state, api, ticket)] == ROW_NONE) {
            insert(BREAK_SELECT_ON_RETRY, state, number, steps, true);
            return;
        }
    }
    struct step *step =
        steps_add(steps, state, api_name, number, "SELECTs its batch and finds it", api->batch);
    step->next.apis[number].phase = API_ANSWER;
    step->next.apis[number].transaction = (struct transaction){0};
}

static void retry(enum model_break broken, const struct state *state, int number,
                  struct steps *steps)
{
    if (broken == BREAK_SELECT_ON_RETRY) {
        look(state, number, steps);
    } else {
        insert(broken, state, number, steps, true);
    }
    id_set batch = state->apis[number].batch;
    struct step *step =
        steps_add(steps, state, api_name, number, "is past the deadline and answers 503", batch);
    step->next.apis[number].batch = 0;
    step->next.apis[number].renamed = 0;
    step->next.apis[number].phase = API_IDLE;
    end_with_error(&step->next, batch);
}

static void commit(enum model_break broken, const struct state *state, int number,
                   struct steps *steps)
{
    const struct transaction transaction = state->apis[number].transaction;
    struct step *step =
        steps_add(steps, state, api_name, number, "COMMITs", state->apis[number].batch);
    step->violation = database_commit(broken, &step->next, &transaction);
    step->next.apis[number].phase = API_ANSWER;
    step->next.apis[number].transaction = (struct transaction){0};

    struct step cut = {.next = *state,
                       .who = api_name,
                       .number = number,
                       .what = "loses its connection in COMMIT",
                       .ids = state->apis[number].batch,
                       .class = STEP_FAULT};
    cut.next.apis[number].transaction = (struct transaction){0};
    cut.next.apis[number].phase = API_UNKNOWN;
    database_lose_connection(broken, steps, cut, &transaction);
}

static void announce(const struct state *state, int number, struct steps *steps)
{
    id_set ids = state->apis[number].announced;
    struct step *step = steps_add(steps, state, api_name, number, "pushes hints", ids);
    step->violation = push(&step->next, ids);
    step->next.apis[number].announced = 0;
    step->next.apis[number].phase = API_IDLE;
}

/* Killed and started again at once; no step waits for the start. */
static void crash(enum model_break broken, const struct state *state, int number,
                  struct steps *steps)
{
    const struct api *api = &state->apis[number];
    if (api->phase == API_IDLE && api->waiting == 0) {
        return;
    }
    struct step step = {.next = *state,
                        .who = api_name,
                        .number = number,
                        .what = "crashes and starts again",
                        .ids = api->waiting | api->batch,
                        .class = STEP_FAULT};
    end_with_error(&step.next, api->waiting | api->batch);
    step.next.apis[number] = (struct api){0};
    database_lose_connection(broken, steps, step, &api->transaction);
}

void api_expand(enum model_break broken, const struct state *state, int number, struct steps *steps)
{
    const struct api *api = &state->apis[number];
    switch ((enum api_phase)api->phase) {
    case API_IDLE:
        if (api->waiting != 0) {
            insert(broken, state, number, steps, false);
        }
        break;
    case API_INSERT:
        commit(broken, state, number, steps);
        break;
    case API_UNKNOWN:
        retry(broken, state, number, steps);
        break;
    case API_ANSWER:
        finish_stored(state, number, steps);
        break;
    case API_ANNOUNCE:
        announce(state, number, steps);
        break;
    }
    crash(broken, state, number, steps);
}
