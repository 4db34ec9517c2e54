/* SPDX-License-Identifier: MIT */
/*
 * Failed logins by address, as the log tells of them: a line when an address begins, and one a
 * minute with its count while it goes on. Of fixed size: an address that has had its line, and is
 * silent since for a minute, makes room for a new one, the oldest first. Without room, addresses
 * are counted together, in lines of their own. So there are never more lines a minute than one for
 * each place in the table and one for all others, however many addresses somebody has.
 *
 * Pure: the time is the caller's, clock_monotonic_ms. One thread at a time. Owns nothing.
 */
#ifndef API_SERVICE_ADMISSION_FAILED_LOGINS_H
#define API_SERVICE_ADMISSION_FAILED_LOGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/http/http_peer.h"

enum {
    FAILED_LOGINS_ADDRESSES_MAX = 256,
    FAILED_LOGINS_LINE_MS = 60 * 1000,
};

#define FAILED_LOGINS_OTHERS "others" /* in the place of an address: all that find no room */

struct failed_logins_entry {
    char address[HTTP_PEER_SIZE];
    const char *client; /* the last one that was named and is known; NULL: none */
    uint64_t count;     /* without a line so far */
    uint64_t due_ms;    /* no line before this */
};

/* All zero: there were none. */
struct failed_logins {
    size_t address_count;
    struct failed_logins_entry entries[FAILED_LOGINS_ADDRESSES_MAX];
    struct failed_logins_entry others;
};

/*
 * One more from `address`, as http_peer_print makes it. `client` is borrowed until its line is
 * taken; NULL: it named none that is known. True: failed_logins_due_ms may be earlier now.
 */
bool failed_logins_add(struct failed_logins *logins, const char *address, const char *client,
                       uint64_t now_ms);

/*
 * Takes a line that is due at `now_ms`; its `due_ms` means nothing then. False: none is. Call it
 * until it says so.
 */
bool failed_logins_take(struct failed_logins *logins, uint64_t now_ms,
                        struct failed_logins_entry *line);

/* When the next line is due; UINT64_MAX: there is none to come. */
uint64_t failed_logins_due_ms(const struct failed_logins *logins);

#endif
