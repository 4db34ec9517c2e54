/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/reads.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/memory.h"

enum {
    WAITING_COUNT_MAX = 16384,
    WAITING_GOAL_MS = 300, /* an answer takes up to twice that: the flush under way comes first */
    AGE_MAX_MS = 1000,
    RETRY_MS = 20,
};

struct reads {
    struct store *store;
    struct batcher *batcher;
    uint64_t retry_at_ms; /* orders and counts are refused until then; clock_monotonic_ms */
};

static struct read_ticket *of(struct batch_ticket *ticket)
{
    return (struct read_ticket *)ticket;
}

static enum status read_orders(struct reads *reads, struct batch_ticket *tickets[], size_t count)
{
    struct store_lookup lookups[STORE_BATCH_MAX];
    size_t lookup_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (of(tickets[i])->kind == READ_ORDER) {
            lookups[lookup_count++] = of(tickets[i])->lookup;
        }
    }
    if (lookup_count == 0) {
        return STATUS_OK;
    }
    enum status status = store_lookup(reads->store, lookups, lookup_count);
    for (size_t i = 0, next = 0; i < count && status == STATUS_OK; i++) {
        if (of(tickets[i])->kind == READ_ORDER) {
            of(tickets[i])->lookup = lookups[next++];
        }
    }
    return status;
}

static enum status read_counts(struct reads *reads, struct batch_ticket *tickets[], size_t count)
{
    struct order_counts counts;
    bool read = false;
    for (size_t i = 0; i < count; i++) {
        if (of(tickets[i])->kind != READ_COUNTS) {
            continue;
        }
        enum status status = read ? STATUS_OK : store_counts(reads->store, &counts);
        if (status != STATUS_OK) {
            return status;
        }
        read = true;
        of(tickets[i])->counts = counts;
    }
    return STATUS_OK;
}

static bool is_only_liveness(struct batch_ticket *tickets[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (of(tickets[i])->kind != READ_LIVENESS) {
            return false;
        }
    }
    return true;
}

/* A right that is missing costs a new connection each time, and is not there a moment later. */
static enum status read_all(struct reads *reads, struct batch_ticket *tickets[], size_t count)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (is_only_liveness(tickets, count)) {
        return store_ping(reads->store);
    }
    if (now_ms < reads->retry_at_ms) {
        return STATUS_REFUSED;
    }
    enum status status = read_orders(reads, tickets, count);
    status = status == STATUS_OK ? read_counts(reads, tickets, count) : status;
    reads->retry_at_ms = status == STATUS_REFUSED ? now_ms + STORE_REFUSED_MS : 0;
    return status;
}

static bool is_late(const struct batch_ticket *ticket, uint64_t now_ms)
{
    return now_ms - ticket->arrived_ms >= ((const struct read_ticket *)ticket)->deadline_ms;
}

static void finish(struct read_ticket *ticket, enum status status)
{
    ticket->status = status;
    ticket->done(ticket);
}

/*
 * Finishes the tickets whose deadline has passed; the others move to the front. Returns how many
 * are left. While some are left this is no progress: the database is still away.
 */
static size_t give_up_late(struct reads *reads, struct batch_ticket *tickets[], size_t count)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct batch_ticket *late[STORE_BATCH_MAX];
    size_t late_count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_late(tickets[i], now_ms)) {
            late[late_count++] = tickets[i];
        } else {
            tickets[kept++] = tickets[i];
        }
    }
    if (kept == 0) {
        batcher_progress(reads->batcher);
    }
    for (size_t i = 0; i < late_count; i++) {
        finish(of(late[i]), STATUS_UNAVAILABLE);
    }
    return kept;
}

static size_t flush(void *context, struct batch_ticket *tickets[], size_t count)
{
    struct reads *reads = context;
    enum status status = read_all(reads, tickets, count);
    while (status != STATUS_OK && status != STATUS_REFUSED && count > 0) {
        clock_sleep_ms(RETRY_MS);
        count = give_up_late(reads, tickets, count);
        status = count > 0 ? read_all(reads, tickets, count) : status;
    }
    batcher_progress(reads->batcher);
    for (size_t i = 0; i < count; i++) {
        finish(of(tickets[i]), status == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE);
    }
    return status == STATUS_OK ? count : 0;
}

struct reads *reads_start(struct store *store)
{
    struct reads *reads = memory_allocate(1, sizeof *reads);
    reads->store = store;
    const struct batcher_config config = {
        .name = "reads",
        .batch_count_max = STORE_BATCH_MAX,
        .batch_bytes_max = SIZE_MAX,
        .waiting_count_max = WAITING_COUNT_MAX,
        .waiting_goal_ms = WAITING_GOAL_MS,
        .waiting_bytes_max = SIZE_MAX,
        .age_max_ms = AGE_MAX_MS,
        .flush = flush,
        .context = reads,
    };
    reads->batcher = batcher_start(&config);
    return reads;
}

bool reads_accepts(struct reads *reads)
{
    return batcher_accepts(reads->batcher, 0);
}

void reads_submit(struct reads *reads, struct read_ticket *ticket)
{
    ticket->base.bytes = 0;
    batcher_submit(reads->batcher, &ticket->base);
}

void reads_stop(struct reads *reads)
{
    if (reads != NULL) {
        batcher_stop(reads->batcher);
        free(reads);
    }
}
