/* SPDX-License-Identifier: MIT */
/* What a store says of its failures, to its caller and in the log. */
#include <stdio.h>
#include <string.h>

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

bool store_refusal_is_of_rights(const struct store *store)
{
    return store->refusal != NULL && (strcmp(store->refusal, STORE_NO_PRIVILEGE) == 0 ||
                                      strcmp(store->refusal, STORE_NO_TABLE) == 0);
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

static enum log_level level_of(enum status status)
{
    switch (status) {
    case STATUS_CONFLICT: /* normal between concurrent transactions */
    case STATUS_ALREADY_EXISTS:
    case STATUS_TOO_LARGE: /* what these two mean only the caller knows, and logs */
        return LOG_LEVEL_DEBUG;
    case STATUS_UNAVAILABLE:
    case STATUS_REFUSED: /* the work goes on by itself when it is put right */
    case STATUS_TIMEOUT:
        return LOG_LEVEL_WARN;
    default:
        return LOG_LEVEL_ERROR;
    }
}

/* What the failure belongs to, if it has a line a minute only. NULL: it always has one. */
static struct outage *cause_of(struct store *store, enum status status)
{
    if (status == STATUS_UNAVAILABLE || status == STATUS_REFUSED) {
        return &store->outage;
    }
    return level_of(status) == LOG_LEVEL_ERROR ? &store->data_errors : NULL;
}

enum status store_failed(struct store *store, enum status status, const char *operation, int code,
                         const char *message)
{
    uint64_t repeated = 0;
    snprintf(store->failure, sizeof store->failure, "%s", message);
    enum log_level level = level_of(status);
    struct outage *cause = cause_of(store, status);
    if (cause != NULL &&
        !outage_failed(cause, outage_key(message), clock_monotonic_ms(), &repeated)) {
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
