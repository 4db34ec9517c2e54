/* SPDX-License-Identifier: MIT */
/*
 * Whether a server, or SQLite's library, is too old for the statements of a backend. For the
 * backends, when they connect. Does not block.
 */
#ifndef COMMON_STORE_STORE_VERSION_H
#define COMMON_STORE_STORE_VERSION_H

#include "common/store/store_backend.h"

enum { STORE_VERSION_PARTS = 3 };

struct store_version_check {
    const char *name; /* "MySQL" */
    unsigned has[STORE_VERSION_PARTS];
    unsigned oldest[STORE_VERSION_PARTS];
};

/* STATUS_UNAVAILABLE: it is too old; both versions are in the log, and store_is_too_old. */
MUST_CHECK enum status store_version_check(struct store *store,
                                           const struct store_version_check *check);

#endif
