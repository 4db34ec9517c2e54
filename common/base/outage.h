/* SPDX-License-Identifier: MIT */
/*
 * An outage, as the log tells of it: a line when a cause begins, one a minute while it lasts, with
 * how often it came, and one when it is over. It is over with the first call that works; but where
 * calls fail and work by turns (a command that is forbidden beside one that is not), only when none
 * has failed for a while, so that such an outage takes two lines a minute and not twenty a second.
 *
 * Pure: the time is the caller's, clock_monotonic_ms. One thread at a time. Owns nothing.
 */
#ifndef COMMON_BASE_OUTAGE_H
#define COMMON_BASE_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OUTAGE_CAUSES_MAX = 8, /* others have no lines of their own */
    OUTAGE_LINE_MS = 60 * 1000,
    OUTAGE_QUIET_MS = 10 * 1000,
};

struct outage_cause {
    uint32_t key;
    uint64_t line_ms;  /* when it last had a line */
    uint64_t repeated; /* since then */
};

/* All zero: there is none. */
struct outage {
    bool is_open;
    bool is_mixed;      /* calls fail and work by turns */
    uint64_t failed_ms; /* the last failure */
    size_t
        cause_count; /* also of outages that are over: a cause that comes back has had its line */
    struct outage_cause causes[OUTAGE_CAUSES_MAX];
};

/*
 * A call has failed because of `key`. True: a line is due, and `*repeated` is how often the same
 * has come without one.
 */
bool outage_failed(struct outage *outage, uint32_t key, uint64_t now_ms, uint64_t *repeated);

/* A call has worked. True: the outage is over, and a line is due that says so. */
bool outage_worked(struct outage *outage, uint64_t now_ms);

/* A key for a text (FNV-1a). Two texts with one key cost a line. */
uint32_t outage_key(const char *text);

#endif
