/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/queue/queue_backend.h"
#include "common/queue/redis_session.h"

enum {
    BRPOP_TIMEOUT_S = 1,
    LIST_MAX = 1000000, /* ids in the list; where nobody takes them it would grow for ever */
    FULL_LINE_MS = 60 * 1000,
    POP_ONES = 100, /* RPOPs in one round trip to a server that takes no count */
};

struct queue_redis {
    struct queue base;
    struct redis_session session;
    char *key;
    int wake_fd;         /* an eventfd, readable once queue_wake was called */
    uint64_t full_at_ms; /* no line before this about a list that is full */
    uint64_t foreign;    /* values in the list that are not order ids */
};

static struct queue_redis *of(struct queue *queue)
{
    return (struct queue_redis *)queue;
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

/* `*was_last`: the list was empty after it, or before. */
static enum status take_reply(struct queue_redis *redis, order_id ids[], size_t *count,
                              bool *was_last)
{
    redisReply *reply;
    enum status status = redis_session_read(&redis->session, "RPOP", &reply);
    if (status != STATUS_OK) {
        return status;
    }
    *was_last = reply->type != REDIS_REPLY_STRING;
    if (!*was_last) {
        keep_ids(redis, &reply, 1, ids, count);
    }
    freeReplyObject(reply);
    return STATUS_OK;
}

/* For servers whose RPOP takes no count. */
static enum status take_ones(struct queue_redis *redis, order_id ids[], size_t max, size_t *count)
{
    enum status status = STATUS_OK;
    bool was_last = false;
    while (max > 0 && !was_last && status == STATUS_OK) {
        size_t asked = max < POP_ONES ? max : POP_ONES;
        max -= asked;
        status =
            redis_session_send(&redis->session, 2, (const char *[]){"RPOP", redis->key}, asked);
        for (; asked > 0 && status == STATUS_OK; asked--) {
            status = take_reply(redis, ids, count, &was_last);
        }
    }
    if (status == STATUS_OK) {
        redis_session_worked(&redis->session);
    }
    return status;
}

/* "ERR wrong number of arguments for 'rpop' command": what servers before 6.2 say to a count. */
static bool is_without_count(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           strstr(reply->str, "wrong number of arguments") != NULL;
}

/* What else is there, without waiting. */
static enum status take_more(struct queue_redis *redis, order_id ids[], size_t max, size_t *count)
{
    char number[24];
    redisReply *reply;
    if (redis->session.pops_ones) {
        return take_ones(redis, ids, max, count);
    }
    snprintf(number, sizeof number, "%zu", max);
    enum status status =
        redis_session_send(&redis->session, 3, (const char *[]){"RPOP", redis->key, number}, 1);
    if (status == STATUS_OK) {
        status = redis_session_read_any(&redis->session, "RPOP", &reply);
    }
    if (status == STATUS_OK && is_without_count(reply)) {
        freeReplyObject(reply);
        redis->session.pops_ones = true;
        return take_ones(redis, ids, max, count);
    }
    if (status == STATUS_OK) {
        status = redis_session_check(&redis->session, "RPOP", reply);
    }
    if (status != STATUS_OK) {
        return status;
    }
    redis_session_worked(&redis->session);
    if (reply->type == REDIS_REPLY_ARRAY) {
        keep_ids(redis, reply->element, reply->elements, ids, count);
    }
    freeReplyObject(reply);
    return STATUS_OK;
}

/* The oldest go: their orders have waited longest, so most have been found by query. */
static void drop_oldest(struct queue_redis *redis, size_t excess)
{
    order_id dropped[QUEUE_BATCH_MAX];
    size_t count = 0;
    uint64_t now_ms = clock_monotonic_ms();
    size_t max = excess < QUEUE_BATCH_MAX ? excess : QUEUE_BATCH_MAX;
    if (now_ms >= redis->full_at_ms) {
        redis->full_at_ms = now_ms + FULL_LINE_MS;
        log_warn("nobody takes hints from the redis list, or not as fast as they come; the oldest "
                 "are dropped, and their orders found by query",
                 log_str("key", redis->key), log_int("max", LIST_MAX));
    }
    enum status status = take_more(redis, dropped, max, &count);
    (void)status; /* a failure is counted, and the next push meets it */
}

static enum status redis_push(struct queue *queue, const order_id ids[], size_t count)
{
    struct queue_redis *redis = of(queue);
    if (redis->session.asked_at_ms != 0) {
        /* The next answer would be the one to a pop's BRPOP. */
        redis_session_disconnect(&redis->session);
    }
    enum status status = redis_session_connect(&redis->session);
    if (status != STATUS_OK) {
        return status;
    }
    const char *argv[2 + QUEUE_BATCH_MAX] = {"LPUSH", redis->key};
    char texts[QUEUE_BATCH_MAX][ORDER_ID_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        order_id_format(ids[i], texts[i]);
        argv[2 + i] = texts[i];
    }
    redisReply *reply;
    status = redis_session_command(&redis->session, (int)(2 + count), argv, &reply);
    if (status != STATUS_OK) {
        return status;
    }
    redis_session_worked(&redis->session);
    long long len = reply->integer;
    freeReplyObject(reply);
    if (len > LIST_MAX) {
        drop_oldest(redis, (size_t)(len - LIST_MAX));
    }
    return STATUS_OK;
}

/* Sends BRPOP without waiting for the answer, so that the wait can be ended by queue_wake. */
static enum status ask(struct queue_redis *redis)
{
    char number[12];
    snprintf(number, sizeof number, "%d", BRPOP_TIMEOUT_S);
    enum status status =
        redis_session_send(&redis->session, 3, (const char *[]){"BRPOP", redis->key, number}, 1);
    if (status != STATUS_OK) {
        return status;
    }
    redis->session.asked_at_ms = clock_monotonic_ms();
    return STATUS_OK;
}

/* STATUS_OK: the answer has begun to arrive. STATUS_TIMEOUT: not within `wait_ms`, or woken. */
static enum status await_answer(struct queue_redis *redis, uint64_t wait_ms)
{
    struct pollfd fds[] = {{.fd = redis->session.context->fd, .events = POLLIN},
                           {.fd = redis->wake_fd, .events = POLLIN}};
    /* A server that does not even answer nil in time is away, however long the caller would wait.
     */
    uint64_t overdue_ms =
        redis->session.asked_at_ms + BRPOP_TIMEOUT_S * 1000 + REDIS_REPLY_TIMEOUT_MS;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left_ms = overdue_ms > now_ms ? overdue_ms - now_ms : 0;
    int ready = poll(fds, 2, (int)(wait_ms < left_ms ? wait_ms : left_ms));
    if (ready < 0 && errno != EINTR) {
        return redis_session_away(&redis->session, "poll", REDIS_FAILURE_BROKEN, strerror(errno));
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
               ? redis_session_away(&redis->session, "BRPOP", REDIS_FAILURE_TIMEOUT,
                                    "no answer in time")
               : STATUS_TIMEOUT;
}

/* Reads the answer to BRPOP: [key, value], or nil when its own timeout has passed. */
static enum status read_answer(struct queue_redis *redis, order_id ids[], size_t *count)
{
    redisReply *reply;
    redis->session.asked_at_ms = 0;
    enum status status = redis_session_read(&redis->session, "BRPOP", &reply);
    if (status != STATUS_OK) {
        return status;
    }
    redis_session_worked(&redis->session);
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
    enum status status = redis->session.asked_at_ms == 0 ? ask(redis) : STATUS_OK;
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
    enum status status = redis_session_connect(&redis->session);
    if (status == STATUS_OK && redis->session.asked_at_ms == 0) {
        status = take_more(redis, ids, max, count);
    }
    while (status != STATUS_UNAVAILABLE && *count == 0) {
        bool waits = clock_monotonic_ms() < until_ms;
        if (!waits && redis->session.asked_at_ms == 0) {
            return STATUS_TIMEOUT;
        }
        status = wait_and_take(redis, ids, max, until_ms, count);
        if (status == STATUS_TIMEOUT && redis->session.asked_at_ms != 0) {
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
    redis_session_disconnect(&redis->session);
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
    redis->key = memory_allocate(strlen(key) + 1, 1);
    strcpy(redis->key, key);
    redis_session_init(&redis->session, url, redis->key, redis->base.failures);
    if (url->passed_over[0] != '\0') {
        log_info("REDIS_URL: these parameters are for other programs, or mean something else here",
                 log_str("parameters", url->passed_over));
    }
    redis->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (redis->wake_fd < 0) {
        log_error("no eventfd for the Redis queue, so the program ends",
                  log_str("error", strerror(errno)));
        _exit(EXIT_FAILURE);
    }
    return &redis->base;
}
