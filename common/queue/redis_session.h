/* SPDX-License-Identifier: MIT */
/*
 * The connection of a Redis queue: it is made when it is needed, commands are sent and replies read
 * over it, and what fails is counted, logged and ends it. With queue_redis.c, for which it is, the
 * only place that knows hiredis.
 *
 * Blocks: at most for REDIS_REPLY_TIMEOUT_MS, and as long for connecting. The thread that waits for
 * Redis has deadlines to keep, and giving up costs no more than a hint: so these are short.
 * Threads: one at a time. Owns: the connection.
 *
 * STATUS_UNAVAILABLE is Redis being away or refusing; the connection is then gone: after any error
 * hiredis's context is out of step with the server.
 */
#ifndef COMMON_QUEUE_REDIS_SESSION_H
#define COMMON_QUEUE_REDIS_SESSION_H

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/backoff.h"
#include "common/base/outage.h"
#include "common/base/status.h"
#include "common/queue/redis_failure.h"
#include "common/url/database_url.h"

enum { REDIS_REPLY_TIMEOUT_MS = 250 }; /* beyond the time the command itself may wait */

struct redis_session {
    struct redis_url url;
    const char *key;                 /* for logs */
    atomic_uint_least64_t *failures; /* of each kind, since the queue was opened */
    redisContext *context;           /* NULL: not connected */
    uint64_t asked_at_ms;            /* when the BRPOP that is unanswered was sent; 0: none is */
    bool pops_ones;                  /* the server is older than 6.2, and its RPOP takes no count */
    uint64_t retry_at_ms;            /* no attempt to connect before this */
    struct backoff backoff;
    struct outage outage;            /* its causes are the kinds of failure */
    uint64_t failed[REDIS_FAILURES]; /* how often each has happened in it */
};

/* Does not connect. Borrows `key` and `failures`. */
void redis_session_init(struct redis_session *session, const struct redis_url *url, const char *key,
                        atomic_uint_least64_t failures[REDIS_FAILURES]);

/* Connects if it must. */
MUST_CHECK enum status redis_session_connect(struct redis_session *session);
void redis_session_disconnect(struct redis_session *session);

/*
 * Sends a command so many `times`, each with a reply of its own, and does not wait for them. The
 * replies are read one after the other.
 */
MUST_CHECK enum status redis_session_send(struct redis_session *session, int argc,
                                          const char *argv[], size_t times);

/* STATUS_OK: free `*reply` with freeReplyObject. It may be an error of the server. */
MUST_CHECK enum status redis_session_read_any(struct redis_session *session, const char *operation,
                                              redisReply **reply);

/* Frees the reply if it is an error. */
MUST_CHECK enum status redis_session_check(struct redis_session *session, const char *operation,
                                           redisReply *reply);

/* Both: STATUS_OK: `*reply` is no error; free it with freeReplyObject. */
MUST_CHECK enum status redis_session_read(struct redis_session *session, const char *operation,
                                          redisReply **reply);

/* Sends, and reads. */
MUST_CHECK enum status redis_session_command(struct redis_session *session, int argc,
                                             const char *argv[], redisReply **reply);

/* Counts the failure, logs the first of its kind in an outage and gives the connection up. */
enum status redis_session_away(struct redis_session *session, const char *operation,
                               enum redis_failure failure, const char *message);

/* The outage, if there was one, ends with a command on the list that worked, not with a connection
 * that opened. */
void redis_session_worked(struct redis_session *session);

#endif
