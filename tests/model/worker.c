/* SPDX-License-Identifier: MIT */
#include "tests/model/actors.h"
#include "tests/model/database.h"

static const char worker_name[] = "worker";

static struct worker *add(struct steps *steps, const struct state *state, int number,
                          const char *what, id_set ids)
{
    struct step *step = steps_add(steps, state, worker_name, number, what, ids);
    step->class = STEP_RECOVERY;
    return &step->next.workers[number];
}

/*
 * Enumerates which ids of `from` may come in one batch: each alone, or all. Sets `*choice` to the
 * next choice and counts in `*i`; false: there are no more.
 */
static bool next_choice(id_set from, unsigned *i, id_set *choice)
{
    while (*i < MODEL_IDS) {
        *choice = from & id_bit((*i)++);
        if (*choice != 0) {
            return true;
        }
    }
    *choice = from;
    return (*i)++ == MODEL_IDS && (from & (from - 1)) != 0;
}

/* The WHERE clause of the claim. */
static id_set claimable(enum model_break broken, const struct state *state, id_set ids)
{
    bool guarded = broken != BREAK_UNGUARDED_CLAIM;
    return database_ids(state, ids, ROW_PENDING, guarded ? ROW_PENDING : ROW_COMPLETED);
}

/*
 * claim_taken, the UPDATE. It waits for a row that another transaction has locked. Returns the
 * step, or NULL if it has to wait.
 */
static struct step *claim(enum model_break broken, const struct state *state, int number,
                          struct steps *steps, id_set ids, const char *what)
{
    if ((ids & database_locked(state)) != 0 && broken != BREAK_LOOK_THEN_CLAIM) {
        return NULL;
    }
    id_set moved = claimable(broken, state, ids);
    struct worker *worker = add(steps, state, number, what, ids);
    struct step *step = &steps->step[steps->count - 1];
    step->next.list &= (id_set)~ids;
    worker->taken = 0;
    if (moved != 0) {
        worker->taken = ids;
        worker->phase = WORKER_CLAIM;
        worker->transaction = (struct transaction){.kind = TRANSACTION_CLAIM, .ids = moved};
    }
    return step;
}

/*
 * take_hints. The pop and the UPDATE are one step: a pause between them is the same as a later pop,
 * and a crash between them the same as a lost hint. The list may also be wrong: a hint comes twice,
 * or was pushed by a stranger. (A hint without an order would move nothing, so it is left out.)
 */
static void take(enum model_break broken, const struct state *state, int number,
                 struct steps *steps)
{
    id_set wrong = database_ids(state, (id_set)~state->list, ROW_PENDING, ROW_COMPLETED);
    id_set ids;
    for (unsigned i = 0; next_choice(state->list, &i, &ids);) {
        struct step *step = claim(broken, state, number, steps, ids,
                                  "pops hints and UPDATEs what is Pending to Processing");
        if (step != NULL) {
            step->class = STEP_SERVICE;
        }
    }
    for (unsigned i = 0; next_choice(wrong, &i, &ids);) {
        struct step *step =
            claim(broken, state, number, steps, ids,
                  "pops hints that are doubled or invented and UPDATEs what is Pending");
        if (step != NULL) {
            step->class = STEP_FAULT;
        }
    }
}

/* recovery_sweep: store_claim_waiting, which skips what is locked. */
static void claim_waiting(enum model_break broken, const struct state *state, int number,
                          struct steps *steps)
{
    id_set pending = database_ids(state, (id_set)~database_locked(state), ROW_PENDING, ROW_PENDING);
    id_set ids;
    for (unsigned i = 0; next_choice(pending, &i, &ids);) {
        if (broken == BREAK_PUSH_AGAIN) {
            add(steps, state, number, "sweeps: pushes hints again", ids);
            steps->step[steps->count - 1].next.list |= ids;
            continue;
        }
        struct worker *worker = add(steps, state, number, "sweeps: UPDATEs old Pending ones", ids);
        worker->phase = WORKER_CLAIM_WAITING;
        worker->transaction = (struct transaction){.kind = TRANSACTION_CLAIM, .ids = ids};
    }
}

/* recovery_sweep: store_overdue. */
static void find_overdue(const struct state *state, int number, struct steps *steps)
{
    id_set due = database_ids(state, (id_set)~0U, ROW_PROCESSING_DUE, ROW_PROCESSING_DUE);
    id_set ids;
    for (unsigned i = 0; next_choice(due, &i, &ids);) {
        struct worker *worker = add(steps, state, number, "sweeps: SELECTs overdue ones", ids);
        worker->phase = WORKER_FOUND_OVERDUE;
        worker->asked = ids;
    }
}

/* The WHERE clause of the completion. */
static id_set completable(enum model_break broken, const struct state *state, id_set ids)
{
    switch (broken) {
    case BREAK_UNGUARDED_COMPLETION:
        return database_ids(state, ids, ROW_PROCESSING_DUE, ROW_COMPLETED);
    case BREAK_HOST_CLOCK:
        return database_ids(state, ids, ROW_PROCESSING, ROW_PROCESSING_DUE);
    default:
        return database_ids(state, ids, ROW_PROCESSING_DUE, ROW_PROCESSING_DUE);
    }
}

/*
 * store_complete, the UPDATE. Orders it does not move are already done, or left to a sweep. It
 * holds the orders it moves until the commit is answered, because the answer may be lost.
 */
static void complete(enum model_break broken, const struct state *state, int number,
                     struct steps *steps, id_set ids)
{
    if ((ids & database_locked(state)) != 0) {
        return;
    }
    id_set moved = completable(broken, state, ids);
    const char *what = moved != 0 ? "UPDATEs what is Processing and due to Completed"
                                  : "completes, and no row is Processing and due";
    struct worker *worker = add(steps, state, number, what, moved != 0 ? moved : ids);
    worker->held &= (id_set)(moved | ~ids);
    worker->asked = 0;
    worker->phase = moved != 0 ? WORKER_COMPLETE : WORKER_LOOP;
    if (moved != 0) {
        worker->transaction = (struct transaction){.kind = TRANSACTION_COMPLETE, .ids = moved};
    }
}

/* complete_due: the worker's clock says that the orders are due; the clock may be wrong. */
static void complete_held(enum model_break broken, const struct state *state, int number,
                          struct steps *steps)
{
    id_set ids;
    for (unsigned i = 0; next_choice(state->workers[number].held, &i, &ids);) {
        complete(broken, state, number, steps, ids);
    }
}

/* The COMMIT of one of its transactions is answered. After a claim: hold_deadlines. */
static void commit(enum model_break broken, const struct state *state, int number,
                   struct steps *steps)
{
    const struct worker *now = &state->workers[number];
    struct worker *worker = add(steps, state, number, "COMMITs", now->transaction.ids);
    struct step *step = &steps->step[steps->count - 1];
    step->violation = database_commit(broken, &step->next, &now->transaction);
    if (now->transaction.kind == TRANSACTION_CLAIM) {
        worker->held |= now->transaction.ids;
    } else {
        worker->held &= (id_set)~now->transaction.ids;
    }
    if (now->phase == WORKER_CLAIM) {
        worker->taken = 0;
    }
    worker->transaction = (struct transaction){0};
    worker->phase = WORKER_LOOP;
}

/* STATUS_UNAVAILABLE: it claims the hints again and holds the deadlines; a sweep starts again. */
static void lose_connection(enum model_break broken, const struct state *state, int number,
                            struct steps *steps)
{
    const struct worker *now = &state->workers[number];
    struct step step = {.next = *state,
                        .who = worker_name,
                        .number = number,
                        .what = "loses its connection",
                        .ids = now->transaction.ids,
                        .class = STEP_FAULT};
    step.next.workers[number].phase = WORKER_LOOP;
    step.next.workers[number].transaction = (struct transaction){0};
    database_lose_connection(broken, steps, step, &now->transaction);
}

static void crash(enum model_break broken, const struct state *state, int number,
                  struct steps *steps)
{
    const struct worker *now = &state->workers[number];
    struct step step = {.next = *state,
                        .who = worker_name,
                        .number = number,
                        .what = "dies, or is suspended for good",
                        .ids = now->taken | now->held | now->asked | now->transaction.ids,
                        .class = STEP_FAULT};
    step.next.workers[number] = (struct worker){.phase = WORKER_GONE};
    database_lose_connection(broken, steps, step, &now->transaction);
}

/* No promise may depend on its restart, unless both workers are gone. */
static void come_back(const struct state *state, int number, struct steps *steps)
{
    bool needed = true;
    for (int i = 0; i < MODEL_WORKERS; i++) {
        needed = needed && state->workers[i].phase == WORKER_GONE;
    }
    add(steps, state, number, "starts again", 0)->phase = WORKER_LOOP;
    steps->step[steps->count - 1].class = needed ? STEP_RECOVERY : STEP_FAULT;
}

static void loop(enum model_break broken, const struct state *state, int number,
                 struct steps *steps)
{
    complete_held(broken, state, number, steps);
    if (broken != BREAK_NO_SWEEP && broken != BREAK_NO_OVERDUE_SWEEP) {
        find_overdue(state, number, steps);
    }
    if (broken != BREAK_NO_SWEEP && broken != BREAK_NO_WAITING_SWEEP) {
        claim_waiting(broken, state, number, steps);
    }
    id_set taken = state->workers[number].taken;
    if (taken != 0) {
        claim(broken, state, number, steps, taken, "UPDATEs what is Pending of the hints it has");
    } else {
        take(broken, state, number, steps);
    }
}

void worker_expand(enum model_break broken, const struct state *state, int number,
                   struct steps *steps)
{
    const struct worker *worker = &state->workers[number];
    switch ((enum worker_phase)worker->phase) {
    case WORKER_GONE:
        come_back(state, number, steps);
        return;
    case WORKER_LOOP:
        loop(broken, state, number, steps);
        break;
    case WORKER_FOUND_OVERDUE:
        complete(broken, state, number, steps, worker->asked);
        break;
    default:
        commit(broken, state, number, steps);
        lose_connection(broken, state, number, steps);
        break;
    }
    crash(broken, state, number, steps);
}
