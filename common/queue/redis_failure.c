/* SPDX-License-Identifier: MIT */
#include "common/queue/redis_failure.h"

#include <string.h>

static const struct {
    const char *name;
    const char *word; /* of the server; NULL: it is not the server that says so */
} failures[REDIS_FAILURES] = {
    [REDIS_FAILURE_CONNECT] = {"connect", NULL},
    [REDIS_FAILURE_TIMEOUT] = {"timeout", NULL},
    [REDIS_FAILURE_BROKEN] = {"broken", NULL},
    [REDIS_FAILURE_LOADING] = {"loading", "LOADING"},
    [REDIS_FAILURE_READONLY] = {"readonly", "READONLY"},
    [REDIS_FAILURE_OOM] = {"oom", "OOM"},
    [REDIS_FAILURE_NOAUTH] = {"noauth", "NOAUTH"},
    [REDIS_FAILURE_MISCONF] = {"misconf", "MISCONF"},
    [REDIS_FAILURE_NOREPLICAS] = {"noreplicas", "NOREPLICAS"},
    [REDIS_FAILURE_WRONGTYPE] = {"wrongtype", "WRONGTYPE"},
    [REDIS_FAILURE_UNBLOCKED] = {"unblocked", "UNBLOCKED"},
    [REDIS_FAILURE_REFUSED] = {"refused", NULL},
};

const char *redis_failure_name(enum redis_failure failure)
{
    return failures[failure].name;
}

enum redis_failure redis_failure_of_error(const char *error)
{
    size_t len = strcspn(error, " ");
    for (enum redis_failure i = REDIS_FAILURE_LOADING; i < REDIS_FAILURES; i++) {
        const char *word = failures[i].word;
        if (word != NULL && strlen(word) == len && memcmp(word, error, len) == 0) {
            return i;
        }
    }
    return REDIS_FAILURE_REFUSED;
}
