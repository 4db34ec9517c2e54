/* SPDX-License-Identifier: MIT */
/* What a store says of its failures, to its caller and in the log. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/store_backend.h"

const char *store_last_failure(const struct store *store)
{
    return store->failure;
}

const char *store_refusal(const struct store *store)
{
    return store->refusal;
}

/* With what happens next. */
static const char *failure_text(enum status status)
{
    switch (status) {
    case STATUS_UNAVAILABLE:
        return "database call failed; a new connection is made and the work tried again, unless "
               "its time is over";
    case STATUS_REFUSED:
        return "database refuses what it was asked for; nothing was changed; the services try it "
               "again about once a second and go on by themselves when it is put right";
    case STATUS_CONFLICT:
        return "database call failed; it lost against another transaction and is tried again";
    case STATUS_TIMEOUT:
        return "database call failed; it took too long and was ended";
    default:
        return "database call failed; it is not tried again as it is";
    }
}

enum status store_failed(struct store *store, enum status status, const char *operation, int code,
                         const char *message)
{
    enum log_level level = LOG_LEVEL_ERROR;
    uint64_t repeated = 0;
    snprintf(store->failure, sizeof store->failure, "%s", message);
    if (status == STATUS_CONFLICT || status == STATUS_ALREADY_EXISTS ||
        status == STATUS_TOO_LARGE) {
        /* The first is normal between concurrent transactions. What the others mean only the
         * caller knows, and logs. */
        level = LOG_LEVEL_DEBUG;
    } else if (status == STATUS_TIMEOUT) {
        level = LOG_LEVEL_WARN;
    } else if (status == STATUS_UNAVAILABLE || status == STATUS_REFUSED) {
        enum log_level first = status == STATUS_REFUSED ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN;
        level = outage_failed(&store->outage, outage_key(message), clock_monotonic_ms(), &repeated)
                    ? first
                    : LOG_LEVEL_DEBUG;
    } else if (!outage_failed(&store->data_errors, outage_key(message), clock_monotonic_ms(),
                              &repeated)) {
        level = LOG_LEVEL_DEBUG;
    }
    LOG_EVENT(level, failure_text(status), log_str("database", store->ops->name),
              log_str("operation", operation), log_str("status", status_name(status)),
              log_int("code", code), log_int("repeated", (int64_t)repeated),
              log_str("error", message));
    return status;
}

enum status store_refused(struct store *store, const char *reason, const char *operation, int code,
                          const char *message)
{
    store->refusal = reason;
    return store_failed(store, STATUS_REFUSED, operation, code, message);
}
