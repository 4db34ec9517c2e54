/* SPDX-License-Identifier: MIT */
/*
 * GET /metrics?verify=1: store_verify on a thread and a connection of its own, so that no other
 * request waits for it, and one at a time, so that it costs the database no more than one.
 *
 * Threads: verifier_reserve and verifier_submit from any; neither blocks. A ticket is the caller's
 * until `done`, which runs on the verifier's thread.
 */
#ifndef API_SERVICE_PIPELINE_VERIFIER_H
#define API_SERVICE_PIPELINE_VERIFIER_H

#include <stdatomic.h>

#include "common/base/status.h"
#include "common/store/store.h"

struct verify_ticket {
    /*
     * STATUS_OK: `found` is good until this returns. STATUS_TIMEOUT: it took longer than a request
     * may, or the service stops. STATUS_UNAVAILABLE: the database does not answer.
     */
    void (*done)(struct verify_ticket *ticket, enum status status,
                 const struct store_verification *found);
};

struct verifier;

/*
 * Borrows `store`, which nobody else may use, and `stopping`, which ends what is under way. Never
 * NULL.
 */
struct verifier *verifier_start(struct store *store, const atomic_bool *stopping);

/* False: another is under way. True: the caller must submit the next one. */
bool verifier_reserve(struct verifier *verifier);

/* `done` may run before this returns. */
void verifier_submit(struct verifier *verifier, struct verify_ticket *ticket);

/* Ends what is under way, then the thread. Nobody may submit any more. Takes NULL. */
void verifier_stop(struct verifier *verifier);

#endif
