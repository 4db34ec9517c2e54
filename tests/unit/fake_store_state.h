/* SPDX-License-Identifier: MIT */
/* What the parts of the fake store share: fake_store.c, which the tests call, fake_store_ops.c,
 * which store.c calls, and fake_store_reads.c, the cold reads. */
#ifndef TESTS_UNIT_FAKE_STORE_STATE_H
#define TESTS_UNIT_FAKE_STORE_STATE_H

#include <pthread.h>

#include "common/store/store_backend.h"
#include "tests/unit/fake_store.h"

enum { FAKE_CALLS_MAX = 2048 };

struct fake_fault {
    size_t skip;
    size_t times;
    enum status status;
};

/* The lock protects all members after `base`. */
struct fake_store {
    struct store base;
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool inside; /* an operation is under way */
    bool held;   /* and is held by the test */
    bool hold[FAKE_KINDS];
    struct fake_fault faults[FAKE_KINDS];
    size_t lost_answers[FAKE_KINDS];
    const char *refused_user;
    bool forbids; /* and so for lack of a right */
    struct fake_call calls[FAKE_KINDS][FAKE_CALLS_MAX];
    size_t call_counts[FAKE_KINDS];
    struct fake_order orders[FAKE_ORDERS_MAX];
    size_t order_count;
    size_t processing_peak;
    order_id next_id;
    uint64_t advanced_ms;
    int schema_version;
    enum fake_lie lie;
    struct order_counts drift;
    struct order_counts repaired;
};

static inline struct fake_store *fake_store_of(struct store *store)
{
    return (struct fake_store *)store;
}

/* NULL: there is no such order. The caller of these three holds the lock. */
struct fake_order *fake_store_row_locked(struct fake_store *fake, order_id id);
/* A Pending order, created now. */
struct fake_order *fake_store_add_locked(struct fake_store *fake, order_id id);
size_t fake_store_count_locked(const struct fake_store *fake, enum order_status status);

/*
 * Begins an operation: records the call, waits while the test holds it, and returns the status that
 * the test has set. The lock is held until fake_store_leave.
 */
enum status fake_store_enter(struct fake_store *fake, enum fake_kind kind, struct fake_call call);
enum status fake_store_leave(struct fake_store *fake, enum fake_kind kind, enum status status);

uint64_t fake_store_now_ms(const struct fake_store *fake);
void fake_store_add_up(const struct fake_order *order, struct order_counts *counts);

enum status fake_store_read(struct store *store, const struct store_query *query,
                            struct store_rows *rows);

extern const struct store_ops fake_store_ops;

#endif
