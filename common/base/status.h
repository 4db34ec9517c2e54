/* SPDX-License-Identifier: MIT */
/*
 * How every fallible function answers: one value per decision its caller can take.
 * The library's own words go to the log where the cause is known; only the status travels up.
 */
#ifndef COMMON_BASE_STATUS_H
#define COMMON_BASE_STATUS_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum status {
    STATUS_OK,
    STATUS_INVALID,        /* the data is wrong: trying again gives the same answer */
    STATUS_TOO_LARGE,      /* more than the other side takes at once; nothing changed */
    STATUS_NOT_FOUND,      /* no such thing, or not for this caller */
    STATUS_CONFLICT,       /* it clashes with what somebody else did; nothing changed */
    STATUS_ALREADY_EXISTS, /* a name that was to be new is in use already; nothing changed */
    STATUS_TIMEOUT,        /* the wait ended with nothing to show for it */
    STATUS_REFUSED,        /* the other side does not do it, whatever the data, until somebody puts
                              that right over there; nothing changed */
    STATUS_UNAVAILABLE, /* the other side is away or full: nothing changed or unknown, try later */
};

/* A short lower-case word for logs. Never NULL. */
const char *status_name(enum status status);

#endif
