/* SPDX-License-Identifier: MIT */
/*
 * Where orders go into the database: all that wait are stored by one transaction (group commit),
 * answered after its commit, and announced to the workers.
 *
 * Threads: intake_accepts and intake_submit from any; neither blocks. Tickets are the callers'
 * until `done`, which runs on the intake's thread. Deadline: an order is done within
 * INTAKE_DEADLINE_MS and the time of one call to the database.
 */
#ifndef API_SERVICE_PIPELINE_INTAKE_H
#define API_SERVICE_PIPELINE_INTAKE_H

#include "api-service/pipeline/announcer.h"
#include "api-service/pipeline/batcher.h"
#include "common/base/status.h"
#include "common/order/order.h"
#include "common/store/store.h"

enum { INTAKE_DEADLINE_MS = 5000, INTAKE_REFUSAL_SIZE = 192 };

struct intake_ticket {
    struct batch_ticket base;
    struct order *order; /* the intake assigns its id */
    /*
     * STATUS_OK: stored, and durable. STATUS_INVALID: the database refuses the content.
     * STATUS_TOO_LARGE: the order is more than the database takes; `refusal` says how much it does.
     * STATUS_CONFLICT: the idempotency key was used for another request.
     * STATUS_REFUSED: the database refuses all orders; nothing was stored.
     * STATUS_UNAVAILABLE: not stored, or unknown; repeating it with an idempotency key is safe.
     */
    enum status status;
    order_id stored_id; /* with STATUS_OK: under which id; an earlier one for a repeated key */
    char refusal[INTAKE_REFUSAL_SIZE];
    void (*done)(struct intake_ticket *ticket);
};

struct intake;

/*
 * Borrows store (which nobody else may use) and announcer. Never NULL. Blocks: whether the database
 * lets orders be stored is tried once.
 */
struct intake *intake_start(struct store *store, struct announcer *announcer);

/* False: past its limits. Say 503 now; nothing has been stored. */
bool intake_accepts(struct intake *intake, size_t bytes);

/* `ticket` has its order, `done` and base.bytes. `done` may run before this returns. */
void intake_submit(struct intake *intake, struct intake_ticket *ticket);

/*
 * NULL: nothing is known to be against storing orders. Otherwise why the database refuses all of
 * them (store_refusal). Meanwhile orders are answered STATUS_REFUSED at once; now and then one is
 * tried, and so is storing whenever this is asked, at most once a second.
 */
const char *intake_refusal(struct intake *intake);

/* Ends what waits, then the thread. Nobody may submit any more. Takes NULL. */
void intake_stop(struct intake *intake);

#endif
