/* SPDX-License-Identifier: MIT */
/* What the database does in the model: statements, locks, commits. Pure functions on a state. */
#ifndef TESTS_MODEL_DATABASE_H
#define TESTS_MODEL_DATABASE_H

#include "tests/model/model.h"

static inline id_set id_bit(unsigned id)
{
    return (id_set)(1U << id);
}

static inline bool has_id(id_set set, unsigned id)
{
    return (set >> id & 1U) != 0;
}

static inline unsigned id_count(id_set set)
{
    unsigned count = 0;
    for (unsigned id = 0; id < MODEL_IDS; id++) {
        count += has_id(set, id);
    }
    return count;
}

/* Adds a step. Its `next` is a copy of `now`, which the caller changes. */
struct step *steps_add(struct steps *steps, const struct state *now, const char *who, int number,
                       const char *what, id_set ids);

/* The ids of `set` whose rows are between `first` and `last`. */
id_set database_ids(const struct state *state, id_set set, enum model_row first,
                    enum model_row last);

/* The rows that an uncommitted move has locked. */
id_set database_locked(const struct state *state);

/*
 * The statements of store_insert for the tickets of `api`. False: they wait for a lock (or fail
 * with STATUS_CONFLICT and are sent again, which is the same here).
 */
bool database_insert(enum model_break broken, const struct state *state, const struct api *api,
                     bool repeated, struct transaction *transaction);

/* The commit happens. Returns the promise it breaks, or NULL. */
const char *database_commit(enum model_break broken, struct state *state,
                            const struct transaction *transaction);

/*
 * Adds the possible ends of `transaction`, whose connection died: committed, rolled back, or open
 * for a while, because the server has not noticed it or the COMMIT is still on its way. `step` is
 * the step without this end.
 */
void database_lose_connection(enum model_break broken, struct steps *steps, struct step step,
                              const struct transaction *transaction);

/* Adds what the database does by itself. */
void database_expand(enum model_break broken, const struct state *state, struct steps *steps);

#endif
