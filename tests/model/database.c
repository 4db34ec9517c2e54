/* SPDX-License-Identifier: MIT */
#include "tests/model/database.h"

#include <assert.h>

struct step *steps_add(struct steps *steps, const struct state *now, const char *who, int number,
                       const char *what, id_set ids)
{
    assert(steps->count < MODEL_STEPS_MAX);
    struct step *step = &steps->step[steps->count++];
    *step = (struct step){.next = *now,
                          .who = who,
                          .number = number,
                          .what = what,
                          .how_it_ended = "",
                          .ids = ids,
                          .class = STEP_SERVICE};
    return step;
}

id_set database_ids(const struct state *state, id_set set, enum model_row first,
                    enum model_row last)
{
    id_set found = 0;
    for (unsigned id = 0; id < MODEL_IDS; id++) {
        if (has_id(set, id) && state->rows[id] >= first && state->rows[id] <= last) {
            found |= id_bit(id);
        }
    }
    return found;
}

static id_set moved_by(const struct transaction *transaction)
{
    return transaction->kind == TRANSACTION_INSERT ? 0 : transaction->ids;
}

/* Not the rows that are being inserted: other transactions do not see these yet. (A server that
 * lets them wait instead only delays them.) */
id_set database_locked(const struct state *state)
{
    id_set locked = moved_by(&state->late);
    for (int i = 0; i < MODEL_WORKERS; i++) {
        locked |= moved_by(&state->workers[i].transaction);
    }
    return locked;
}

/* Another transaction is inserting the same key or the same id. */
static bool must_wait(const struct state *state, id_set tickets, bool keyed)
{
    const struct transaction *others[MODEL_APIS + 1] = {&state->late};
    for (int i = 0; i < MODEL_APIS; i++) {
        others[i + 1] = &state->apis[i].transaction;
    }
    for (int i = 0; i < MODEL_APIS + 1; i++) {
        if (others[i]->kind == TRANSACTION_INSERT &&
            ((others[i]->ids & tickets) != 0 || (keyed && others[i]->key != 0))) {
            return true;
        }
    }
    return false;
}

/* If a batch has the same key twice, the first one wins. */
static unsigned first_keyed(id_set tickets)
{
    return has_id(tickets, ID_A0) ? ID_A0 : ID_A1;
}

bool database_insert(enum model_break broken, const struct state *state, const struct api *api,
                     bool repeated, struct transaction *transaction)
{
    id_set keyed = api->batch & (id_bit(ID_A0) | id_bit(ID_A1));
    id_set sent = api->batch & ~keyed;
    *transaction = (struct transaction){.kind = TRANSACTION_INSERT};
    if (api->renamed && has_id(sent, ID_B0)) {
        sent = id_bit(ID_B1);
    }
    if (must_wait(state, keyed | sent, keyed != 0 && broken != BREAK_LOOK_FOR_KEY)) {
        return false;
    }
    if (keyed != 0 && state->key == 0) {
        transaction->key = (uint8_t)(first_keyed(keyed) + 1);
    }
    /* A key that leads to another order needs no row. If it leads to this id, this is a repeat. */
    uint8_t leads_to = state->key != 0 ? state->key : transaction->key;
    if (leads_to != 0) {
        sent |= keyed & id_bit(leads_to - 1U);
    }
    transaction->ids = database_ids(state, sent, ROW_NONE, ROW_NONE);
    id_set counted = repeated && broken == BREAK_COUNT_ON_RETRY ? sent : transaction->ids;
    transaction->created = (uint8_t)id_count(counted);
    return true;
}

/* Makes a legal move of a row, or returns what is wrong with it. */
static const char *move_row(uint8_t *row, enum transaction_kind kind)
{
    switch (kind) {
    case TRANSACTION_INSERT:
        if (*row != ROW_NONE) {
            return "an order is stored twice under one id";
        }
        *row = ROW_PENDING;
        return NULL;
    case TRANSACTION_CLAIM:
        if (*row != ROW_PENDING) {
            return "an order leaves its path: it is claimed when it is not Pending";
        }
        *row = ROW_PROCESSING;
        return NULL;
    default:
        break;
    }
    if (*row == ROW_COMPLETED) {
        return "an order is completed twice";
    }
    if (*row == ROW_PENDING) {
        return "an order leaves its path: it is completed when it is not Processing";
    }
    if (*row == ROW_PROCESSING) {
        return "an order is completed before it is due";
    }
    *row = ROW_COMPLETED;
    return NULL;
}

const char *database_commit(enum model_break broken, struct state *state,
                            const struct transaction *transaction)
{
    enum transaction_kind kind = (enum transaction_kind)transaction->kind;
    const char *violation = NULL;
    for (unsigned id = 0; id < MODEL_IDS && violation == NULL; id++) {
        if (has_id(transaction->ids, id)) {
            violation = move_row(&state->rows[id], kind);
        }
    }
    if (transaction->key != 0) {
        state->key = transaction->key;
    }
    if (broken == BREAK_COUNT_LATER) {
        return violation; /* counted in a separate transaction, which may never come */
    }
    uint8_t moved = (uint8_t)id_count(transaction->ids);
    state->created = (uint8_t)(state->created + transaction->created);
    state->started = (uint8_t)(state->started + (kind == TRANSACTION_CLAIM ? moved : 0));
    state->completed = (uint8_t)(state->completed + (kind == TRANSACTION_COMPLETE ? moved : 0));
    return violation;
}

/* One late transaction at a time keeps the model small. */
void database_lose_connection(enum model_break broken, struct steps *steps, struct step step,
                              const struct transaction *transaction)
{
    struct step *added = steps_add(steps, &step.next, step.who, step.number, step.what, step.ids);
    added->class = step.class;
    if (transaction->kind == TRANSACTION_NONE) {
        return;
    }
    added->how_it_ended = "; its transaction is rolled back";
    struct step *committed =
        steps_add(steps, &step.next, step.who, step.number, step.what, step.ids);
    committed->class = step.class;
    committed->how_it_ended = "; its COMMIT went through, its answer is lost";
    committed->violation = database_commit(broken, &committed->next, transaction);
    if (step.next.late.kind == TRANSACTION_NONE) {
        struct step *late =
            steps_add(steps, &step.next, step.who, step.number, step.what, step.ids);
        late->class = step.class;
        late->how_it_ended = "; its COMMIT is still on its way";
        late->next.late = *transaction;
    }
}

static void end_late_transaction(enum model_break broken, const struct state *state,
                                 struct steps *steps)
{
    if (state->late.kind == TRANSACTION_NONE) {
        return;
    }
    struct step *step =
        steps_add(steps, state, "database", -1, "the late COMMIT arrives", state->late.ids);
    step->class = STEP_RECOVERY;
    step->next.late = (struct transaction){0};
    step->violation = database_commit(broken, &step->next, &state->late);
    step = steps_add(steps, state, "database", -1,
                     "notices the dead connection and rolls its transaction back", state->late.ids);
    step->class = STEP_RECOVERY;
    step->next.late = (struct transaction){0};
}

void database_expand(enum model_break broken, const struct state *state, struct steps *steps)
{
    end_late_transaction(broken, state, steps);
    for (unsigned id = 0; id < MODEL_IDS; id++) {
        if (state->rows[id] == ROW_PROCESSING) {
            struct step *step =
                steps_add(steps, state, "database", -1, "a deadline passes", id_bit(id));
            step->class = STEP_RECOVERY;
            step->next.rows[id] = ROW_PROCESSING_DUE;
        }
    }
}
