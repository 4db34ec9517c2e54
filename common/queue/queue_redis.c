/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/outage.h"
#include "common/queue/queue_backend.h"
#include "common/url/database_url.h"

enum {
    /*
     * The thread that waits for Redis has deadlines to keep, and giving up costs no more than a
     * hint: so these are short. For a reply, beyond the time the command itself may wait.
     */
    CONNECT_TIMEOUT_MS = 250,
    REPLY_TIMEOUT_MS = 250,
    BRPOP_TIMEOUT_S = 1,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 1000,
    OUTAGE_TEXT_SIZE = REDIS_FAILURES * 34, /* a kind, and the longest number */
};

struct queue_redis {
    struct queue base;
    struct redis_url url;
    char *key;
    redisContext *context; /* NULL: not connected */
    int wake_fd;           /* an eventfd, readable once queue_wake was called */
    uint64_t asked_at_ms;  /* when the BRPOP that is unanswered was sent; 0: none is */
    uint64_t retry_at_ms;  /* no attempt to connect before this */
    struct backoff backoff;
    struct outage outage;            /* its causes are the kinds of failure */
    uint64_t failed[REDIS_FAILURES]; /* how often each has happened in it */
    uint64_t foreign;                /* values in the list that are not order ids */
};

static struct queue_redis *of(struct queue *queue)
{
    return (struct queue_redis *)queue;
}

static void disconnect(struct queue_redis *redis)
{
    redisFree(redis->context);
    redis->context = NULL;
    redis->asked_at_ms = 0;
}

/*
 * Counts the failure, logs the first of its kind in an outage and gives the connection up: after
 * any error hiredis's context is out of step with the server.
 */
static enum status away(struct queue_redis *redis, const char *operation,
                        enum redis_failure failure, const char *message)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t repeated = 0;
    bool is_due = outage_failed(&redis->outage, (uint32_t)failure, now_ms, &repeated);
    atomic_fetch_add(&redis->base.failures[failure], 1);
    redis->failed[failure]++;
    LOG_EVENT(is_due ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
              "redis call failed; hints are lost until a new connection works, and their orders "
              "found by query",
              log_str("operation", operation), log_str("kind", redis_failure_name(failure)),
              log_int("repeated", (int64_t)repeated), log_str("error", message));
    disconnect(redis);
    redis->retry_at_ms = now_ms + backoff_take(&redis->backoff);
    return STATUS_UNAVAILABLE;
}

static bool is_timeout(int error)
{
    return error == EAGAIN || error == ETIMEDOUT;
}

/* Whether it took too long is what the socket says: the library has no one kind for it. */
static enum status broken(struct queue_redis *redis, const char *operation)
{
    const redisContext *context = redis->context;
    bool timed_out =
        context->err != REDIS_ERR_EOF && context->err != REDIS_ERR_PROTOCOL && is_timeout(errno);
    return away(redis, operation, timed_out ? REDIS_FAILURE_TIMEOUT : REDIS_FAILURE_BROKEN,
                context->errstr);
}

/* "oom=3 connect=1": what happened in the outage. */
static void describe_outage(const struct queue_redis *redis, char text[OUTAGE_TEXT_SIZE])
{
    size_t len = 0;
    text[0] = '\0';
    for (enum redis_failure i = 0; i < REDIS_FAILURES; i++) {
        if (redis->failed[i] > 0) {
            len += (size_t)snprintf(text + len, OUTAGE_TEXT_SIZE - len, "%s%s=%" PRIu64,
                                    len > 0 ? " " : "", redis_failure_name(i), redis->failed[i]);
        }
    }
}

/* The outage ends with a command on the list that worked, not with a connection that opened. */
static void note_recovery(struct queue_redis *redis)
{
    if (redis->outage.is_open && outage_worked(&redis->outage, clock_monotonic_ms())) {
        char failures[OUTAGE_TEXT_SIZE];
        describe_outage(redis, failures);
        log_info("redis is back; hints are delivered again", log_str("key", redis->key),
                 log_str("failures", failures));
        memset(redis->failed, 0, sizeof redis->failed);
    }
    backoff_reset(&redis->backoff);
}

/*
 * What hiredis has formatted is sent here, past hiredis 0.14's own buffer: without memory for a new
 * one it crashes once the old one is sent.
 */
static enum status send_command(struct queue_redis *redis, int argc, const char *argv[])
{
    char *bytes = NULL;
    long long len = redisFormatCommandArgv(&bytes, argc, argv, NULL); /* an int before 1.0 */
    if (len < 0) {
        return away(redis, argv[0], REDIS_FAILURE_BROKEN, "out of memory");
    }
    int error = 0;
    for (long long done = 0; done < len && error == 0;) {
        ssize_t sent = send(redis->context->fd, bytes + done, (size_t)(len - done), MSG_NOSIGNAL);
        done += sent > 0 ? sent : 0;
        error = sent < 0 && errno != EINTR ? errno : 0;
    }
    redisFreeCommand(bytes);
    if (error == 0) {
        return STATUS_OK;
    }
    return away(redis, argv[0], is_timeout(error) ? REDIS_FAILURE_TIMEOUT : REDIS_FAILURE_BROKEN,
                strerror(error));
}

/* STATUS_OK: `*reply` is no error; free it with freeReplyObject. */
static enum status read_reply(struct queue_redis *redis, const char *operation, redisReply **reply)
{
    void *raw = NULL;
    if (redisGetReply(redis->context, &raw) != REDIS_OK || raw == NULL) {
        broken(redis, operation);
        return STATUS_UNAVAILABLE;
    }
    *reply = raw;
    if ((*reply)->type == REDIS_REPLY_ERROR) {
        away(redis, operation, redis_failure_of_error((*reply)->str), (*reply)->str);
        freeReplyObject(*reply);
        return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

static enum status command(struct queue_redis *redis, int argc, const char *argv[],
                           redisReply **reply)
{
    enum status status = send_command(redis, argc, argv);
    return status == STATUS_OK ? read_reply(redis, argv[0], reply) : status;
}

static enum status command_ok(struct queue_redis *redis, int argc, const char *argv[])
{
    redisReply *reply;
    enum status status = command(redis, argc, argv, &reply);
    if (status == STATUS_OK) {
        freeReplyObject(reply);
    }
    return status;
}

static enum status introduce(struct queue_redis *redis)
{
    const struct redis_url *url = &redis->url;
    enum status status = STATUS_OK;
    if (url->password[0] != '\0' && url->user[0] != '\0') {
        status = command_ok(redis, 3, (const char *[]){"AUTH", url->user, url->password});
    } else if (url->password[0] != '\0') {
        status = command_ok(redis, 2, (const char *[]){"AUTH", url->password});
    }
    if (status == STATUS_OK && url->database != 0) {
        char number[12];
        snprintf(number, sizeof number, "%" PRIu32, url->database);
        status = command_ok(redis, 2, (const char *[]){"SELECT", number});
    }
    return status;
}

static enum status ensure_connected(struct queue_redis *redis)
{
    if (redis->context != NULL) {
        return STATUS_OK;
    }
    if (clock_monotonic_ms() < redis->retry_at_ms) {
        return STATUS_UNAVAILABLE;
    }
    const struct timeval limit = {.tv_usec = CONNECT_TIMEOUT_MS * 1000};
    redis->context = redis->url.path[0] != '\0'
                         ? redisConnectUnixWithTimeout(redis->url.path, limit)
                         : redisConnectWithTimeout(redis->url.host, redis->url.port, limit);
    if (redis->context == NULL || redis->context->err != 0) {
        return away(redis, "connect", REDIS_FAILURE_CONNECT,
                    redis->context != NULL ? redis->context->errstr : "out of memory");
    }
    const struct timeval reply_limit = {.tv_usec = REPLY_TIMEOUT_MS * 1000};
    redisSetTimeout(redis->context, reply_limit);
    if (redis->url.path[0] == '\0') {
        redisEnableKeepAlive(redis->context); /* on a unix socket it would be an error */
    }
    return introduce(redis);
}

static enum status redis_push(struct queue *queue, const order_id ids[], size_t count)
{
    struct queue_redis *redis = of(queue);
    if (redis->asked_at_ms != 0) {
        disconnect(redis); /* the next answer would be the one to a pop's BRPOP */
    }
    enum status status = ensure_connected(redis);
    if (status != STATUS_OK) {
        return status;
    }
    const char *argv[2 + QUEUE_BATCH_MAX] = {"LPUSH", redis->key};
    char texts[QUEUE_BATCH_MAX][ORDER_ID_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        order_id_format(ids[i], texts[i]);
        argv[2 + i] = texts[i];
    }
    status = command_ok(redis, (int)(2 + count), argv);
    if (status == STATUS_OK) {
        note_recovery(redis);
    }
    return status;
}

/* Keeps the ids among the replies; what else is in the list is dropped, counted and never fatal. */
static void keep_ids(struct queue_redis *redis, redisReply *const elements[], size_t element_count,
                     order_id ids[], size_t *count)
{
    for (size_t i = 0; i < element_count; i++) {
        const redisReply *element = elements[i];
        if (element->type == REDIS_REPLY_STRING &&
            order_id_parse(element->str, element->len, &ids[*count])) {
            (*count)++;
        } else if (++redis->foreign == 1 || redis->foreign % 10000 == 0) {
            log_warn("the redis list holds values that are not order ids; they are dropped",
                     log_str("key", redis->key), log_int("dropped", (int64_t)redis->foreign));
        }
    }
}

/* What else is there, without waiting. */
static enum status take_more(struct queue_redis *redis, order_id ids[], size_t max, size_t *count)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", max);
    redisReply *reply;
    enum status status = command(redis, 3, (const char *[]){"RPOP", redis->key, number}, &reply);
    if (status != STATUS_OK) {
        return status;
    }
    note_recovery(redis);
    if (reply->type == REDIS_REPLY_ARRAY) {
        keep_ids(redis, reply->element, reply->elements, ids, count);
    }
    freeReplyObject(reply);
    return STATUS_OK;
}

/* Sends BRPOP without waiting for the answer, so that the wait can be ended by queue_wake. */
static enum status ask(struct queue_redis *redis)
{
    char number[12];
    snprintf(number, sizeof number, "%d", BRPOP_TIMEOUT_S);
    enum status status = send_command(redis, 3, (const char *[]){"BRPOP", redis->key, number});
    if (status != STATUS_OK) {
        return status;
    }
    redis->asked_at_ms = clock_monotonic_ms();
    return STATUS_OK;
}

/* STATUS_OK: the answer has begun to arrive. STATUS_TIMEOUT: not within `wait_ms`, or woken. */
static enum status await_answer(struct queue_redis *redis, uint64_t wait_ms)
{
    struct pollfd fds[] = {{.fd = redis->context->fd, .events = POLLIN},
                           {.fd = redis->wake_fd, .events = POLLIN}};
    /* A server that does not even answer nil in time is away, however long the caller would wait.
     */
    uint64_t overdue_ms = redis->asked_at_ms + BRPOP_TIMEOUT_S * 1000 + REPLY_TIMEOUT_MS;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left_ms = overdue_ms > now_ms ? overdue_ms - now_ms : 0;
    int ready = poll(fds, 2, (int)(wait_ms < left_ms ? wait_ms : left_ms));
    if (ready < 0 && errno != EINTR) {
        return away(redis, "poll", REDIS_FAILURE_BROKEN, strerror(errno));
    }
    if (ready > 0 && fds[1].revents != 0) {
        uint64_t calls;
        ssize_t cleared = read(redis->wake_fd, &calls, sizeof calls);
        (void)cleared;
        return STATUS_TIMEOUT;
    }
    if (ready > 0) {
        return STATUS_OK;
    }
    return clock_monotonic_ms() >= overdue_ms
               ? away(redis, "BRPOP", REDIS_FAILURE_TIMEOUT, "no answer in time")
               : STATUS_TIMEOUT;
}

/* Reads the answer to BRPOP: [key, value], or nil when its own timeout has passed. */
static enum status read_answer(struct queue_redis *redis, order_id ids[], size_t *count)
{
    redisReply *reply;
    redis->asked_at_ms = 0;
    enum status status = read_reply(redis, "BRPOP", &reply);
    if (status != STATUS_OK) {
        return status;
    }
    note_recovery(redis);
    status = STATUS_TIMEOUT;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        keep_ids(redis, &reply->element[1], 1, ids, count);
        status = STATUS_OK;
    }
    freeReplyObject(reply);
    return status;
}

/* Waits for the first id with BRPOP and takes what came with it. */
static enum status wait_and_take(struct queue_redis *redis, order_id ids[], size_t max,
                                 uint64_t until_ms, size_t *count)
{
    enum status status = redis->asked_at_ms == 0 ? ask(redis) : STATUS_OK;
    if (status == STATUS_OK) {
        uint64_t now_ms = clock_monotonic_ms();
        status = await_answer(redis, now_ms < until_ms ? until_ms - now_ms : 0);
        if (status == STATUS_TIMEOUT) {
            return status; /* the BRPOP stays out; the next call goes on waiting for it */
        }
    }
    if (status == STATUS_OK) {
        status = read_answer(redis, ids, count);
    }
    if (status == STATUS_OK && *count < max) {
        status = take_more(redis, ids, max - *count, count);
    }
    return status;
}

/*
 * RPOP comes first: one round trip under load, and when it finds nothing the list was really empty,
 * which a BRPOP that has not been answered yet does not show. Recovery relies on the difference.
 */
static enum status redis_pop(struct queue *queue, order_id ids[], size_t max, uint32_t wait_ms,
                             size_t *count)
{
    struct queue_redis *redis = of(queue);
    uint64_t until_ms = clock_monotonic_ms() + wait_ms;
    enum status status = ensure_connected(redis);
    if (status == STATUS_OK && redis->asked_at_ms == 0) {
        status = take_more(redis, ids, max, count);
    }
    while (status != STATUS_UNAVAILABLE && *count == 0) {
        bool waits = clock_monotonic_ms() < until_ms;
        if (!waits && redis->asked_at_ms == 0) {
            return STATUS_TIMEOUT;
        }
        status = wait_and_take(redis, ids, max, until_ms, count);
        if (status == STATUS_TIMEOUT && redis->asked_at_ms != 0) {
            return status;
        }
    }
    /* Whatever broke after the first id is met again by the next call. */
    return *count > 0 ? STATUS_OK : status;
}

static void redis_wake(struct queue *queue)
{
    uint64_t one = 1;
    ssize_t written = write(of(queue)->wake_fd, &one, sizeof one);
    (void)written;
}

static void redis_close(struct queue *queue)
{
    struct queue_redis *redis = of(queue);
    redisFree(redis->context);
    close(redis->wake_fd);
    free(redis->key);
    free(redis);
}

static const struct queue_ops redis_ops = {
    .close = redis_close,
    .push = redis_push,
    .pop = redis_pop,
    .wake = redis_wake,
};

struct queue *queue_open_redis(const struct redis_url *url, const char *key)
{
    struct queue_redis *redis = memory_allocate(1, sizeof *redis);
    redis->base.ops = &redis_ops;
    redis->url = *url;
    redis->key = memory_allocate(strlen(key) + 1, 1);
    strcpy(redis->key, key);
    if (url->passed_over[0] != '\0') {
        log_info("REDIS_URL: these parameters are for other programs, or mean something else here",
                 log_str("parameters", url->passed_over));
    }
    redis->backoff = backoff_start(BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
    redis->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (redis->wake_fd < 0) {
        log_error("no eventfd for the Redis queue, so the program ends",
                  log_str("error", strerror(errno)));
        _exit(EXIT_FAILURE);
    }
    return &redis->base;
}
