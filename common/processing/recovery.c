/* SPDX-License-Identifier: MIT */
#include "common/processing/recovery.h"

#include "common/base/clock.h"
#include "common/base/log.h"

/*
 * An orphan completes at its own deadline + 1 s: it is overdue after OVERDUE_GRACE_MS and found
 * after at most 1.25 BUSY_INTERVAL_MS more. The grace keeps sweeps from doing the work of living
 * workers.
 */
enum {
    OVERDUE_GRACE_MS = 250,
    WAITING_GRACE_MS = 500,
    IDLE_INTERVAL_MS = 1000, /* nothing is Processing anywhere */
    BUSY_INTERVAL_MS = 500,
    AWAY_INTERVAL_MS = 100, /* sweeps take the place of hints */
    FULL_INTERVAL_MS = 5,   /* the last sweep found as much as it could take: there is more */
    LOG_INTERVAL_MS = 5000,
    OVERDUE_ROUNDS = 10, /* batches of overdue orders one sweep completes at most */
};

void recovery_init(struct recovery *recovery)
{
    *recovery = (struct recovery){.sweep_at_ms = clock_monotonic_ms()};
}

/*
 * Returns how many were completed; `*any_processing` as store_overdue says it. `*more`: it ended
 * with a full batch, so there are more.
 */
static size_t complete_overdue(struct store *store, bool *any_processing, bool *more)
{
    order_id ids[STORE_BATCH_MAX];
    size_t total = 0;
    *more = false;
    for (int round = 0; round < OVERDUE_ROUNDS; round++) {
        struct store_overdue overdue = {.grace_ms = OVERDUE_GRACE_MS,
                                        .max = STORE_BATCH_MAX,
                                        .ids = ids};
        enum status status = store_overdue(store, &overdue);
        size_t count = overdue.count;
        *any_processing = overdue.any_processing;
        if (status != STATUS_OK || count == 0) {
            break;
        }
        bool is_full = count == STORE_BATCH_MAX;
        if (store_complete(store, ids, &count) != STATUS_OK) {
            *more = false;
            break;
        }
        *more = is_full && count > 0; /* those that a trigger refuses would be found again */
        total += count;
        if (!*more) {
            break;
        }
    }
    return total;
}

static uint32_t waiting_age_ms(const struct recovery *recovery, enum hint_flow flow)
{
    switch (flow) {
    case HINTS_AWAY:
        return 0;
    case HINTS_EMPTY:
        return WAITING_GRACE_MS;
    case HINTS_COME:
        break;
    }
    uint64_t age_ms = recovery->lag_ms + 2 * WAITING_GRACE_MS;
    return age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
}

/* At most one line in LOG_INTERVAL_MS. */
static void log_recovered(struct recovery *recovery)
{
    if (recovery->completed + recovery->claimed == 0 ||
        clock_monotonic_ms() < recovery->log_at_ms) {
        return;
    }
    log_info("recovered orders", log_int("completed_overdue", (int64_t)recovery->completed),
             log_int("claimed_without_hint", (int64_t)recovery->claimed));
    recovery->completed = 0;
    recovery->claimed = 0;
    recovery->log_at_ms = clock_monotonic_ms() + LOG_INTERVAL_MS;
}

static size_t claim_waiting(const struct recovery *recovery, struct store *store,
                            const struct recovery_sweep *sweep)
{
    struct store_claim_waiting waiting = {.min_age_ms = waiting_age_ms(recovery, sweep->flow),
                                          .delay_ms = sweep->delay_ms,
                                          .max = sweep->max,
                                          .ids = sweep->ids};
    if (sweep->max == 0 || store_claim_waiting(store, &waiting) != STATUS_OK) {
        return 0;
    }
    return waiting.count;
}

void recovery_sweep(struct recovery *recovery, struct store *store, struct recovery_sweep *sweep)
{
    bool any_processing = false;
    bool more_overdue = false;
    size_t completed = complete_overdue(store, &any_processing, &more_overdue);
    sweep->count = claim_waiting(recovery, store, sweep);
    recovery->completed += completed;
    /* Without hints all orders come this way; that is not worth a line. */
    recovery->claimed += sweep->flow == HINTS_AWAY ? 0 : sweep->count;
    log_recovered(recovery);
    uint32_t interval_ms = any_processing || sweep->count > 0 ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS;
    if (sweep->flow == HINTS_AWAY) {
        interval_ms = AWAY_INTERVAL_MS;
    }
    if (more_overdue || (sweep->max > 0 && sweep->count == sweep->max)) {
        interval_ms = FULL_INTERVAL_MS;
    }
    recovery->sweep_at_ms = clock_monotonic_ms() + clock_jitter_ms(interval_ms);
}
