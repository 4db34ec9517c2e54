/* SPDX-License-Identifier: MIT */
/*
 * A backend of the store in memory. It keeps the promises of store_backend.h, records its calls,
 * and fails on request. Its clock is the monotonic one plus what fake_store_advance has added.
 *
 * Threads: the code under test uses it like any store; the test's thread may call the functions
 * below at the same time. The fake aborts when two threads use it at once, when it is used without
 * a connection, and when the arguments are not as store_backend.h promises.
 */
#ifndef TESTS_UNIT_FAKE_STORE_H
#define TESTS_UNIT_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store/store.h"

enum {
    FAKE_ORDERS_MAX = 16384,
    FAKE_WAIT_MS = 10000, /* the waiting functions return false after this time */
};

enum fake_kind {
    FAKE_CONNECT,
    FAKE_DISCONNECT,
    FAKE_PING,
    FAKE_DURABILITY,
    FAKE_LOOK_FOR_VERSIONS,
    FAKE_VERSIONS,
    FAKE_NOW,
    FAKE_MIGRATE_BEGIN,
    FAKE_MIGRATE_STEP,
    FAKE_MIGRATE_END,
    FAKE_RESERVE_IDS,
    FAKE_TRY_INSERT,
    FAKE_INSERT,
    FAKE_CLAIM,
    FAKE_TRY_MOVE,
    FAKE_CLAIM_WAITING,
    FAKE_COMPLETE,
    FAKE_OVERDUE,
    FAKE_PROCESSING,
    FAKE_LOOKUP,
    FAKE_COUNTS,
    FAKE_SNAPSHOT_BEGIN,
    FAKE_READ_REPAIRED,
    FAKE_VERIFY_PART,
    FAKE_VERIFY_IDS,
    FAKE_SNAPSHOT_END,
    FAKE_REPAIR,
    FAKE_KINDS,
};

/* The arguments of one call. */
struct fake_call {
    size_t count;   /* ids, entries or lookups; of FAKE_CLAIM_WAITING and FAKE_OVERDUE the most; of
                       FAKE_VERIFY_PART its rows, of FAKE_VERIFY_IDS the ids */
    order_id first; /* of the ids */
    bool repeated;  /* of FAKE_INSERT: the first entry was */
    order_id last;
    uint32_t ms;               /* the age of FAKE_CLAIM_WAITING, the grace of FAKE_OVERDUE */
    enum status outcome;       /* what FAKE_MIGRATE_END and FAKE_SNAPSHOT_END got */
    bool no_statement_timeout; /* the connection FAKE_CONNECT made has no limits */
};

struct fake_order {
    order_id id;
    enum order_status status;
    uint64_t created_ms;
    uint64_t started_ms;
    uint64_t due_ms;
    uint64_t completed_ms;
    int64_t total_cents;
    char user_id[ORDER_USER_ID_SIZE];
    char client_id[ORDER_CLIENT_ID_SIZE];
    char idempotency_key[ORDER_IDEMPOTENCY_KEY_SIZE];
    unsigned char fingerprint[ORDER_FINGERPRINT_SIZE];
};

/* What a backend with a fault, or a database that was changed by hand, may say. */
enum fake_lie {
    FAKE_TRUTH,
    FAKE_LIE_CLAIMED_ANOTHER,  /* an id that was not asked for */
    FAKE_LIE_CLAIMED_TWICE,    /* one id two times */
    FAKE_LIE_CLAIMED_TOO_MANY, /* more than were asked for */
    FAKE_LIE_WAITING_TWICE,    /* of claim_waiting: one id two times */
    FAKE_LIE_WAITING_TOO_MANY, /* more than there is room for */
    FAKE_LIE_COMPLETED_TOO_MANY,
    FAKE_LIE_STORED_AS_ANOTHER, /* an order without a key got another one's id */
    FAKE_LIE_KEY_REUSED,        /* of an order without a key */
    FAKE_LIE_STATUS,            /* a row has a status that there is not */
    FAKE_LIE_KEY_OF_NO_ORDER,   /* a key's row has an impossible order */
    FAKE_LIE_RESERVED_ZERO,     /* the ids begin with 0 */
    FAKE_LIE_RESERVED_TOO_HIGH, /* the ids end after the last possible one */
};

/* From now on the backend lies. */
void fake_store_lie(struct store *store, enum fake_lie lie);

/* Empty and not connected; end it with store_destroy. */
struct store *fake_store_create(void);

/* The next `skip` calls of `kind` go well, the `times` after them answer `status` and do
 * nothing. */
void fake_store_fail(struct store *store, enum fake_kind kind, size_t skip, size_t times,
                     enum status status);

/* The next `times` calls of `kind` do their work and answer STATUS_UNAVAILABLE all the same. */
void fake_store_lose_answers(struct store *store, enum fake_kind kind, size_t times);

/* An insert that has a row of this user answers STATUS_INVALID and stores nothing. */
void fake_store_refuse_user(struct store *store, const char *user_id);

/* The same, but it answers STATUS_REFUSED: a trigger lacks a right for such rows. */
void fake_store_forbid_user(struct store *store, const char *user_id);

/* From now on calls of `kind` stand still, before they do anything, until the release. */
void fake_store_hold(struct store *store, enum fake_kind kind);
void fake_store_release(struct store *store, enum fake_kind kind);
/* Waits until a call stands still; false: none came in time. */
bool fake_store_wait_held(struct store *store);

/* How often `kind` was called so far; waits until it was at least `count` times. */
size_t fake_store_calls(struct store *store, enum fake_kind kind);
bool fake_store_wait_calls(struct store *store, enum fake_kind kind, size_t count);
/* The call of `kind` with the number `nth`, from 0; it must have been made. */
struct fake_call fake_store_call(struct store *store, enum fake_kind kind, size_t nth);

/* Puts orders in as if they had been made `age_ms` ago: Pending, or Processing and due in `due_ms`
 * (negative: it is overdue). */
void fake_store_add_pending(struct store *store, order_id first, size_t count, uint64_t age_ms);
void fake_store_add_processing(struct store *store, order_id first, size_t count, int64_t due_ms);
/* Completed, but at no time, which cannot be. */
void fake_store_add_flawed(struct store *store, order_id first, size_t count);

/* Puts an order of the client "somebody else" in. */
void fake_store_add_foreign(struct store *store, order_id id);

/* How many orders have the status now; waits until it is `count`. */
size_t fake_store_count(struct store *store, enum order_status status);
bool fake_store_wait_count(struct store *store, enum order_status status, size_t count);
/* The most orders that were ever Processing at one time. */
size_t fake_store_processing_peak(struct store *store);
/* False: there is no such order. */
bool fake_store_find(struct store *store, order_id id, struct fake_order *order);

void fake_store_advance(struct store *store, uint64_t ms);
void fake_store_set_schema_version(struct store *store, int version);

/* Makes the counters say so much more than the rows. */
void fake_store_set_drift(struct store *store, const struct order_counts *drift);

#endif
