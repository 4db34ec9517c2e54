/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/intake.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "api-service/pipeline/id_block.h"
#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"

enum {
    BATCH_BYTES_MAX = 4 * 1024 * 1024,
    WAITING_COUNT_MAX = 8192,
    WAITING_BYTES_MAX = 32 * 1024 * 1024,
    WAITING_GOAL_MS = 300, /* an answer takes up to twice that: the flush under way comes first */
    AGE_MAX_MS = 1000,
    RETRY_FIRST_MS = 2,
    RETRY_MAX_MS = 200,
};

struct intake {
    struct store *store;
    struct announcer *announcer;
    struct batcher *batcher;
    struct id_block ids;
    _Atomic(const char *) refusal; /* why orders are refused; NULL: they are not, as far as known */
    uint64_t refused_ms;           /* when that was last tried */
    struct batch_ticket trial;     /* stands for no order: whether storing works again */
    atomic_bool is_trial_waiting;
};

static struct intake_ticket *of(struct batch_ticket *ticket)
{
    return (struct intake_ticket *)ticket;
}

static bool is_late(const struct batch_ticket *ticket)
{
    return clock_monotonic_ms() - ticket->arrived_ms >= INTAKE_DEADLINE_MS;
}

static void finish(struct intake_ticket *ticket, enum status status)
{
    ticket->status = status;
    ticket->done(ticket);
}

static void finish_all(struct intake *intake, struct batch_ticket *tickets[], size_t count,
                       enum status status)
{
    batcher_progress(intake->batcher);
    for (size_t i = 0; i < count; i++) {
        finish(of(tickets[i]), status);
    }
}

static bool worth_repeating(enum status status)
{
    return status == STATUS_CONFLICT || status == STATUS_UNAVAILABLE ||
           status == STATUS_ALREADY_EXISTS;
}

static bool is_bad(enum status status)
{
    return status == STATUS_INVALID || status == STATUS_TOO_LARGE;
}

static void wait_before_retry(struct backoff *backoff)
{
    clock_sleep_ms(backoff_take(backoff));
}

/* One that is refused for what is in it shows that others would be stored. */
static void note(struct intake *intake, enum status status)
{
    if (status == STATUS_REFUSED) {
        atomic_store(&intake->refusal, store_refusal(intake->store));
    } else if (status != STATUS_UNAVAILABLE && status != STATUS_CONFLICT) {
        atomic_store(&intake->refusal, NULL);
    }
    intake->refused_ms = clock_monotonic_ms();
}

/* Gives an id to each entry that has none, or whose own is in use. */
static enum status assign_ids(struct intake *intake, struct store_insert entries[],
                              struct batch_ticket *tickets[], size_t count)
{
    struct backoff backoff = backoff_start(RETRY_FIRST_MS, RETRY_MAX_MS);
    uint64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < count;) {
        if (!entries[i].id_in_use) {
            i++;
            continue;
        }
        enum status status =
            id_block_take(&intake->ids, intake->store, now_ms, &of(tickets[i])->order->id);
        if (status == STATUS_OK) {
            entries[i].id_in_use = false;
            entries[i].repeated = false; /* a row with this id was never sent */
        } else if (!worth_repeating(status) || is_late(tickets[0])) {
            return status == STATUS_REFUSED ? STATUS_REFUSED : STATUS_UNAVAILABLE;
        } else {
            wait_before_retry(&backoff);
        }
    }
    return STATUS_OK;
}

/*
 * After an outage another server may answer, without the last transactions, or the same one from a
 * backup. It may give the rest of our block of ids to another process, so a new one is reserved.
 */
static void prepare_retry(struct intake *intake, struct store_insert entries[], size_t count,
                          enum status status)
{
    size_t in_use = 0;
    for (size_t i = 0; i < count; i++) {
        entries[i].repeated = entries[i].repeated || status == STATUS_UNAVAILABLE;
        in_use += entries[i].id_in_use;
    }
    if (status == STATUS_ALREADY_EXISTS) {
        log_error("the database has orders under ids that it had reserved for these ones, so it "
                  "was restored or failed over; they get new ids",
                  log_int("count", (int64_t)in_use));
    }
    if (status == STATUS_ALREADY_EXISTS || status == STATUS_UNAVAILABLE) {
        id_block_drop(&intake->ids);
    }
}

/*
 * When the answer to a commit was lost, the same rows are sent again: whether or not it took place,
 * they are stored once. Reading whether they are there would prove nothing, since the commit could
 * still be under way.
 */
static enum status insert(struct intake *intake, struct store_insert entries[],
                          struct batch_ticket *tickets[], size_t count)
{
    struct backoff backoff = backoff_start(RETRY_FIRST_MS, RETRY_MAX_MS);
    for (;;) {
        enum status status = assign_ids(intake, entries, tickets, count);
        if (status != STATUS_OK) {
            return status;
        }
        status = store_insert(intake->store, entries, count);
        if (!worth_repeating(status)) {
            return status;
        }
        prepare_retry(intake, entries, count, status);
        if (is_late(tickets[0])) {
            return status;
        }
        wait_before_retry(&backoff);
    }
}

static void finish_stored(struct intake *intake, const struct store_insert entries[],
                          struct batch_ticket *tickets[], size_t count)
{
    order_id stored[STORE_BATCH_MAX];
    size_t stored_count = 0;
    batcher_progress(intake->batcher);
    for (size_t i = 0; i < count; i++) {
        struct intake_ticket *ticket = of(tickets[i]);
        ticket->stored_id = entries[i].stored_id;
        if (!entries[i].key_reused && entries[i].stored_id == ticket->order->id) {
            stored[stored_count++] = entries[i].stored_id;
        }
        finish(ticket, entries[i].key_reused ? STATUS_CONFLICT : STATUS_OK);
    }
    if (stored_count > 0) {
        announcer_submit(intake->announcer, stored, stored_count);
    }
}

/* What may have been sent before may be stored, and a trigger have refused the repetition only. */
static void finish_bad(struct intake *intake, const struct store_insert *entry,
                       struct batch_ticket *ticket, enum status status)
{
    if (entry->repeated) {
        status = STATUS_UNAVAILABLE;
    } else if (status == STATUS_TOO_LARGE) {
        const char *why = store_last_failure(intake->store);
        snprintf(of(ticket)->refusal, INTAKE_REFUSAL_SIZE, "%s", why);
        log_warn("an order is larger than the database takes and was refused",
                 log_str("client", of(ticket)->order->client_id), log_str("error", why));
    }
    finish_all(intake, &ticket, 1, status);
}

/* What may have been sent before it was refused may be stored. */
static void finish_refused(struct intake *intake, const struct store_insert entries[],
                           struct batch_ticket *tickets[], size_t count)
{
    batcher_progress(intake->batcher);
    for (size_t i = 0; i < count; i++) {
        finish(of(tickets[i]), entries[i].repeated ? STATUS_UNAVAILABLE : STATUS_REFUSED);
    }
}

/* A right that only some orders need, for what a trigger does with them, is about their data. */
static enum status look_closer(struct intake *intake, enum status status)
{
    bool is_of_one = status == STATUS_REFUSED && store_refusal_is_of_rights(intake->store) &&
                     store_try_insert(intake->store) == STATUS_OK;
    return is_of_one ? STATUS_INVALID : status;
}

/*
 * One bad row must not fail its batch: halves are tried until it is alone. Returns how many orders
 * the database has accepted or refused.
 */
static size_t store_tickets(struct intake *intake, struct store_insert entries[],
                            struct batch_ticket *tickets[], size_t count)
{
    enum status status = look_closer(intake, insert(intake, entries, tickets, count));
    note(intake, status);
    if (status == STATUS_OK) {
        finish_stored(intake, entries, tickets, count);
        return count;
    }
    if (is_bad(status) && count > 1) {
        size_t half = count / 2;
        size_t judged = store_tickets(intake, entries, tickets, half);
        return judged + store_tickets(intake, entries + half, tickets + half, count - half);
    }
    if (is_bad(status)) {
        finish_bad(intake, &entries[0], tickets[0], status);
        return count;
    }
    if (status == STATUS_REFUSED) {
        finish_refused(intake, entries, tickets, count);
        return 0;
    }
    finish_all(intake, tickets, count, STATUS_UNAVAILABLE);
    return 0;
}

/* Takes the trial out of the tickets. False: it is not among them. */
static bool take_trial(struct intake *intake, struct batch_ticket *tickets[], size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (tickets[i] != &intake->trial) {
            tickets[kept++] = tickets[i];
        }
    }
    bool is_there = kept < *count;
    *count = kept;
    if (is_there) {
        atomic_store(&intake->is_trial_waiting, false);
    }
    return is_there;
}

static bool was_just_refused(const struct intake *intake)
{
    return atomic_load(&intake->refusal) != NULL &&
           clock_monotonic_ms() - intake->refused_ms < STORE_REFUSED_MS;
}

/* Orders past their deadline are answered at once: their clients have waited for a slow database.
 */
static size_t flush(void *context, struct batch_ticket *tickets[], size_t count)
{
    struct intake *intake = context;
    bool is_trial = take_trial(intake, tickets, &count);
    if (was_just_refused(intake)) {
        finish_all(intake, tickets, count, STATUS_REFUSED);
        return 0;
    }
    if (is_trial && count == 0) {
        note(intake, store_try_insert(intake->store));
        return 0;
    }
    size_t late = 0;
    while (late < count && is_late(tickets[late])) {
        late++;
    }
    if (late > 0) {
        finish_all(intake, tickets, late, STATUS_UNAVAILABLE);
    }
    tickets += late;
    count -= late;
    if (count == 0) {
        return 0;
    }
    struct store_insert entries[STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        /* They have no id yet, which is as if theirs were in use. */
        entries[i] = (struct store_insert){.order = of(tickets[i])->order, .id_in_use = true};
    }
    return store_tickets(intake, entries, tickets, count);
}

struct intake *intake_start(struct store *store, struct announcer *announcer)
{
    struct intake *intake = memory_allocate(1, sizeof *intake);
    intake->store = store;
    intake->announcer = announcer;
    note(intake, store_try_insert(store));
    const struct batcher_config config = {
        .name = "intake",
        .batch_count_max = STORE_BATCH_MAX,
        .batch_bytes_max = BATCH_BYTES_MAX,
        .waiting_count_max = WAITING_COUNT_MAX,
        .waiting_goal_ms = WAITING_GOAL_MS,
        .waiting_bytes_max = WAITING_BYTES_MAX,
        .age_max_ms = AGE_MAX_MS,
        .flush = flush,
        .context = intake,
    };
    intake->batcher = batcher_start(&config);
    return intake;
}

bool intake_accepts(struct intake *intake, size_t bytes)
{
    return batcher_accepts(intake->batcher, bytes);
}

const char *intake_refusal(struct intake *intake)
{
    const char *refusal = atomic_load(&intake->refusal);
    if (refusal != NULL && !atomic_exchange(&intake->is_trial_waiting, true)) {
        batcher_submit(intake->batcher, &intake->trial);
    }
    return refusal;
}

void intake_submit(struct intake *intake, struct intake_ticket *ticket)
{
    batcher_submit(intake->batcher, &ticket->base);
}

void intake_stop(struct intake *intake)
{
    if (intake != NULL) {
        batcher_stop(intake->batcher);
        free(intake);
    }
}
