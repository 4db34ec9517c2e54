/* SPDX-License-Identifier: MIT */
#include "common/base/status.h"

#include <assert.h>
#include <stddef.h>

const char *status_name(enum status status)
{
    static const char *const names[] = {
        [STATUS_OK] = "ok",
        [STATUS_INVALID] = "invalid",
        [STATUS_TOO_LARGE] = "too large",
        [STATUS_NOT_FOUND] = "not-found",
        [STATUS_CONFLICT] = "conflict",
        [STATUS_ALREADY_EXISTS] = "already exists",
        [STATUS_TIMEOUT] = "timeout",
        [STATUS_REFUSED] = "refused",
        [STATUS_UNAVAILABLE] = "unavailable",
    };
    assert((unsigned)status < sizeof names / sizeof names[0] && names[status] != NULL);
    return names[status];
}
