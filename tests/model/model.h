/* SPDX-License-Identifier: MIT */
/*
 * A model of the protocol between clients, APIs, database, list and workers, small enough to visit
 * every state: two requests, two APIs, two workers that sweep, and all faults. Pure functions. A
 * state is plain bytes without padding, so it can be hashed and compared as bytes.
 *
 * Requests. A comes with an idempotency key, and its client repeats it once, to either API, after
 * it has seen an error. B has no key, and its client does not repeat it. Each time a request
 * reaches an API it gets an id of its own, as id_block_take gives it: A0 and A1, B0. (B1 is what
 * only a broken program gives to B.)
 *
 * Pauses need no steps: between any two steps of a process, the others may take any number of
 * steps. What a process does in its own memory between two calls is part of the call before it,
 * because no other process can see it. Time passes only in the database's step "a deadline passes".
 * So hosts' clocks may show anything: a worker may check its orders at once, and a sweep may find
 * that a new order is old.
 *
 * Not modelled: a server that loses what it has committed (restored, or an older replica), orders
 * that the database refuses, the queue within an API (it behaves like the list), and a server that
 * never ends the transaction of a suspended process.
 *
 * What stands for what:
 *   api.c       the client; handle_create_order, flush, store_tickets, insert and finish_stored of
 *               api-service/pipeline/intake.c; announcer_submit and the announcer's thread
 *   worker.c    take_hints, claim_taken, hold_deadlines, complete_due of
 *               common/processing/processor.c; recovery_sweep of common/processing/recovery.c
 *   database.c  insert_all of common/store/mysql/mysql_insert.c, move_orders and claim_oldest of
 *               mysql_move.c, and the single statements of postgres_insert.c and postgres_move.c
 *               that do the same; COMMIT, locks, and what becomes of a transaction whose connection
 *               dies
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_APIS = 2, MODEL_WORKERS = 2, MODEL_STEPS_MAX = 128 };

enum model_id { ID_A0, ID_A1, ID_B0, ID_B1, MODEL_IDS };

/* A request is named by the first id it gets. */
enum { MODEL_TICKETS = ID_B0 + 1 };

/* Of ids or tickets, a bit each. */
typedef uint8_t id_set;

/* A deadline is part of the row; only the database decides that it has passed. */
enum model_row { ROW_NONE, ROW_PENDING, ROW_PROCESSING, ROW_PROCESSING_DUE, ROW_COMPLETED };

enum model_client {
    CLIENT_UNSENT,
    CLIENT_WAITS,
    CLIENT_ERROR, /* 503, hung up, or connection lost: the outcome is unknown */
    CLIENT_DONE,
};

enum transaction_kind {
    TRANSACTION_NONE,
    TRANSACTION_INSERT,
    TRANSACTION_CLAIM,
    TRANSACTION_COMPLETE
};

/* Its statements have run, its COMMIT may be on the way, the outcome is open. */
struct transaction {
    uint8_t kind;
    id_set ids;      /* the rows it inserts or moves, and has locked */
    uint8_t key;     /* an insert of the idempotency key: the id it leads to, + 1 */
    uint8_t created; /* what an insert adds to the counter */
};

enum api_phase {
    API_IDLE,
    API_INSERT,   /* in store_insert, before its commit is answered */
    API_UNKNOWN,  /* store_insert said STATUS_UNAVAILABLE */
    API_ANSWER,   /* stored */
    API_ANNOUNCE, /* stored and answered; the hints are on their way to the list */
};

struct api {
    uint8_t phase;
    id_set waiting; /* tickets submitted to the intake */
    id_set batch;   /* tickets of this flush that are not answered yet */
    id_set announced;
    uint8_t renamed; /* B got the id B1; a broken program only */
    struct transaction transaction;
};

enum worker_phase {
    WORKER_LOOP,
    WORKER_CLAIM,         /* in store_claim */
    WORKER_CLAIM_WAITING, /* in store_claim_waiting */
    WORKER_FOUND_OVERDUE, /* between store_overdue and store_complete */
    WORKER_COMPLETE,      /* in store_complete */
    WORKER_GONE,          /* dead, or suspended for good */
};

struct worker {
    uint8_t phase;
    id_set taken; /* hints not claimed yet */
    id_set held;  /* deadline_heap */
    id_set asked; /* the ids that the sweep will call store_complete with */
    struct transaction transaction;
};

struct state {
    uint8_t rows[MODEL_IDS]; /* what is committed: enum model_row */
    uint8_t key;             /* the id the idempotency key leads to, + 1 */
    uint8_t created;         /* the counters */
    uint8_t started;
    uint8_t completed;
    id_set list;                    /* hints may be lost, doubled or invented, so a set is enough */
    uint8_t clients[MODEL_TICKETS]; /* enum model_client */
    struct api apis[MODEL_APIS];
    struct worker workers[MODEL_WORKERS];
    struct transaction late; /* its connection is dead and the server has not noticed */
};

/* How a program could be wrong. BREAK_NONE: the real one. */
enum model_break {
    BREAK_NONE,
    BREAK_ACKNOWLEDGE_BEFORE_COMMIT,
    BREAK_PUSH_BEFORE_COMMIT,
    BREAK_NEW_ID_ON_RETRY,
    BREAK_SELECT_ON_RETRY,
    BREAK_COUNT_ON_RETRY,
    BREAK_LOOK_FOR_KEY,
    BREAK_KEY_FIRST,
    BREAK_UNGUARDED_CLAIM,
    BREAK_LOOK_THEN_CLAIM,
    BREAK_UNGUARDED_COMPLETION,
    BREAK_HOST_CLOCK,
    BREAK_COUNT_LATER,
    BREAK_NO_SWEEP,
    BREAK_NO_OVERDUE_SWEEP,
    BREAK_NO_WAITING_SWEEP,
    BREAK_PUSH_AGAIN,
    MODEL_BREAKS,
};

/* The class of a step: which promises may rely on it. */
enum step_class {
    STEP_FAULT,    /* no promise may rely on it */
    STEP_SERVICE,  /* a client, an API or the list */
    STEP_RECOVERY, /* a worker without the list's help, or the database */
};

struct step {
    struct state next;
    const char *who; /* "worker" */
    int number;      /* of the process, or -1 */
    const char *what;
    const char *how_it_ended; /* of a transaction whose connection died; or empty */
    id_set ids;
    enum step_class class;
    const char *violation; /* the step itself breaks a promise; NULL: it does not */
};

struct steps {
    size_t count;
    struct step step[MODEL_STEPS_MAX];
};

/* `alone`: only request B will be sent, far fewer states. */
struct state model_start(bool alone);

/* Adds all possible next steps. */
void model_expand(enum model_break broken, const struct state *state, struct steps *steps);

/* The promise that `state` breaks, or NULL. */
const char *model_violation(const struct state *state);

/* Whether every order that is stored is Completed. */
bool model_all_completed(const struct state *state);

/* Whether some client waits for its answer. */
bool model_any_waiting(const struct state *state);

/*
 * Makes equivalent states equal: sorts the two workers (true: they were exchanged) and removes what
 * can no longer have an effect.
 */
bool model_normalize(struct state *state);

const char *model_break_name(enum model_break broken);

/* Returns MODEL_BREAKS for an unknown name. */
enum model_break model_break_find(const char *name);

#endif
