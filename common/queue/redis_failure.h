/* SPDX-License-Identifier: MIT */
/*
 * The kinds of failure of a Redis queue, for counting them. None of them changes what is done: the
 * hint is not delivered, and the connection is made anew. Pure, never blocks, any thread.
 */
#ifndef COMMON_QUEUE_REDIS_FAILURE_H
#define COMMON_QUEUE_REDIS_FAILURE_H

/* From REDIS_FAILURE_LOADING on it is the server's word for it, the first of its error. */
enum redis_failure {
    REDIS_FAILURE_CONNECT, /* no connection, in time */
    REDIS_FAILURE_TIMEOUT, /* no answer in time */
    REDIS_FAILURE_BROKEN,  /* the connection ended, or what came over it is no answer */
    REDIS_FAILURE_LOADING,
    REDIS_FAILURE_READONLY,
    REDIS_FAILURE_OOM,
    REDIS_FAILURE_NOAUTH,
    REDIS_FAILURE_MISCONF,
    REDIS_FAILURE_NOREPLICAS,
    REDIS_FAILURE_WRONGTYPE,
    REDIS_FAILURE_UNBLOCKED,
    REDIS_FAILURE_REFUSED, /* any other error it answered with */
    REDIS_FAILURES,
};

/* "connect", "loading", ...: for logs. */
const char *redis_failure_name(enum redis_failure failure);

/* Which of the server's errors this is: "OOM command not allowed when ...". */
enum redis_failure redis_failure_of_error(const char *error);

#endif
