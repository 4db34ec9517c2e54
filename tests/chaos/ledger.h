/* SPDX-License-Identifier: MIT */
/*
 * What the clients of a chaos run send, and what they know about it. An order's content and the way
 * it is sent are functions of the seed and its number. Its user_id is that number, so each row of
 * the database shows which order it is, also when no client got an answer for it.
 *
 * Does not block. Threads: only the clients' thread writes. Others may read the atomic members at
 * any time, the rest when that thread has ended.
 */
#ifndef TESTS_CHAOS_LEDGER_H
#define TESTS_CHAOS_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_BODY_SIZE = 256,
    LEDGER_KEY_SIZE = 48,
    LEDGER_FAILURE_SIZE = 400,
    LEDGER_LATENCY_MAX_MS = 60000,
};

/* How the order with a number is sent. Numbers start with 1. */
struct ledger_order {
    int64_t cents;
    bool has_key;           /* else it is sent once, and its outcome may stay unknown */
    bool is_twin;           /* sent to both services at once */
    bool is_hung_up;        /* the first time the client closes as soon as the order is sent */
    bool has_short_timeout; /* the client waits only for a fraction of a second */
    bool is_repeated;       /* sent again after it was acknowledged */
    bool is_read;           /* read after it was acknowledged */
};

struct ledger_entry {
    uint64_t id;         /* 0: not acknowledged */
    uint32_t attempts;   /* requests sent */
    uint8_t status_seen; /* the latest status a client has read, as in the schema */
    bool is_uncertain;   /* some request got a 503 or no answer */
    bool is_refused;     /* answered with an error that is final */
};

struct ledger {
    uint64_t seed;                /* in */
    size_t capacity;              /* in: orders at most */
    struct ledger_entry *entries; /* by number; 0 is not used */
    atomic_size_t begun;          /* numbers 1 to this one have been sent, or are about to be */
    atomic_size_t acknowledged;
    atomic_size_t attempts;
    atomic_size_t refused;    /* answers 503 and 429 */
    atomic_size_t unanswered; /* requests without an answer; not those the client closed */
    atomic_size_t reads;
    atomic_uint_least64_t last_id;                 /* of the order acknowledged last */
    uint64_t last_ms;                              /* when that was, on CLOCK_MONOTONIC */
    uint64_t longest_gap_ms;                       /* between two acknowledgements */
    atomic_size_t failures;                        /* wrong answers */
    char failure[LEDGER_FAILURE_SIZE];             /* the first of them */
    uint32_t latencies[LEDGER_LATENCY_MAX_MS + 1]; /* orders by ms from when due to acknowledged */
};

/* All members but those that are `in` must be 0. Fails the test when there is no memory. */
void ledger_create(struct ledger *ledger);
void ledger_destroy(struct ledger *ledger);

struct ledger_order ledger_order(const struct ledger *ledger, uint64_t number);
/* Its items are its number and "chaos-" with its cents, so that SQL can check them. */
void ledger_write_body(const struct ledger *ledger, uint64_t number, char body[LEDGER_BODY_SIZE]);
void ledger_write_key(const struct ledger *ledger, uint64_t number, char key[LEDGER_KEY_SIZE]);

/* Records that the order was answered with 200 and this id, now. */
void ledger_acknowledge(struct ledger *ledger, uint64_t number, uint64_t id, uint64_t due_ms,
                        uint64_t now_ms);

/* Records the status that a client has read: "Pending", ... It must not go back. */
void ledger_note_status(struct ledger *ledger, uint64_t number, const char *status);

/* Records a wrong answer; printf's format. */
void ledger_fail(struct ledger *ledger, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The latency within which `share` (0 to 1) of the acknowledged orders were answered. */
uint32_t ledger_latency_ms(const struct ledger *ledger, double share);

#endif
