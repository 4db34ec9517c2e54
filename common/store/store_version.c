/* SPDX-License-Identifier: MIT */
#include "common/store/store_version.h"

#include <stdio.h>

enum { VERSION_SIZE = 36 }; /* three numbers and two dots */

static bool is_older(const struct store_version_check *check)
{
    for (size_t i = 0; i < STORE_VERSION_PARTS; i++) {
        if (check->has[i] != check->oldest[i]) {
            return check->has[i] < check->oldest[i];
        }
    }
    return false;
}

/* "8.0.11", or "14.2" where both versions have no third number. */
static void describe(const struct store_version_check *check, const unsigned version[],
                     char text[VERSION_SIZE])
{
    bool is_short = check->has[2] == 0 && check->oldest[2] == 0;
    int len = snprintf(text, VERSION_SIZE, "%u.%u", version[0], version[1]);
    if (!is_short) {
        snprintf(text + len, VERSION_SIZE - (size_t)len, ".%u", version[2]);
    }
}

enum status store_version_check(struct store *store, const struct store_version_check *check)
{
    char message[STORE_FAILURE_SIZE];
    char has[VERSION_SIZE];
    char oldest[VERSION_SIZE];
    store->is_too_old = is_older(check);
    if (!store->is_too_old) {
        return STATUS_OK;
    }
    describe(check, check->has, has);
    describe(check, check->oldest, oldest);
    snprintf(message, sizeof message, "%s %s is too old; the oldest that works is %s", check->name,
             has, oldest);
    return store_failed(store, STATUS_UNAVAILABLE, "connect", 0, message);
}
