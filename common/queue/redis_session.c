/* SPDX-License-Identifier: MIT */
#include "common/queue/redis_session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    CONNECT_TIMEOUT_MS = 250,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 1000,
    OUTAGE_TEXT_SIZE = REDIS_FAILURES * 34, /* a kind, and the longest number */
};

void redis_session_init(struct redis_session *session, const struct redis_url *url, const char *key,
                        atomic_uint_least64_t failures[REDIS_FAILURES])
{
    *session = (struct redis_session){.url = *url, .key = key, .failures = failures};
    session->backoff = backoff_start(BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
}

void redis_session_disconnect(struct redis_session *session)
{
    redisFree(session->context);
    session->context = NULL;
    session->asked_at_ms = 0;
    session->pops_ones = false;
}

enum status redis_session_away(struct redis_session *session, const char *operation,
                               enum redis_failure failure, const char *message)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t repeated = 0;
    bool is_due = outage_failed(&session->outage, (uint32_t)failure, now_ms, &repeated);
    atomic_fetch_add(&session->failures[failure], 1);
    session->failed[failure]++;
    LOG_EVENT(is_due ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
              "redis call failed; hints are lost until a new connection works, and their orders "
              "found by query",
              log_str("operation", operation), log_str("kind", redis_failure_name(failure)),
              log_int("repeated", (int64_t)repeated), log_str("error", message));
    redis_session_disconnect(session);
    session->retry_at_ms = now_ms + backoff_take(&session->backoff);
    return STATUS_UNAVAILABLE;
}

static bool is_timeout(int error)
{
    return error == EAGAIN || error == ETIMEDOUT;
}

/* Whether it took too long is what the socket says: the library has no one kind for it. */
static enum status broken(struct redis_session *session, const char *operation)
{
    const redisContext *context = session->context;
    bool timed_out =
        context->err != REDIS_ERR_EOF && context->err != REDIS_ERR_PROTOCOL && is_timeout(errno);
    return redis_session_away(session, operation,
                              timed_out ? REDIS_FAILURE_TIMEOUT : REDIS_FAILURE_BROKEN,
                              context->errstr);
}

/* "oom=3 connect=1": what happened in the outage. */
static void describe_outage(const struct redis_session *session, char text[OUTAGE_TEXT_SIZE])
{
    size_t len = 0;
    text[0] = '\0';
    for (enum redis_failure i = 0; i < REDIS_FAILURES; i++) {
        if (session->failed[i] > 0) {
            len += (size_t)snprintf(text + len, OUTAGE_TEXT_SIZE - len, "%s%s=%" PRIu64,
                                    len > 0 ? " " : "", redis_failure_name(i), session->failed[i]);
        }
    }
}

void redis_session_worked(struct redis_session *session)
{
    if (session->outage.is_open && outage_worked(&session->outage, clock_monotonic_ms())) {
        char failures[OUTAGE_TEXT_SIZE];
        describe_outage(session, failures);
        log_info("redis is back; hints are delivered again", log_str("key", session->key),
                 log_str("failures", failures));
        memset(session->failed, 0, sizeof session->failed);
    }
    backoff_reset(&session->backoff);
}

/* 0, or what errno says. */
static int send_all(int socket, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t sent = send(socket, bytes + done, len - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return errno;
        }
        done += sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

/*
 * What hiredis has formatted is sent here, past hiredis 0.14's own buffer: without memory for a new
 * one it crashes once the old one is sent.
 */
enum status redis_session_send(struct redis_session *session, int argc, const char *argv[],
                               size_t times)
{
    char *bytes = NULL;
    long long len = redisFormatCommandArgv(&bytes, argc, argv, NULL); /* an int before 1.0 */
    if (len < 0) {
        return redis_session_away(session, argv[0], REDIS_FAILURE_BROKEN, "out of memory");
    }
    int error = 0;
    for (size_t i = 0; i < times && error == 0; i++) {
        error = send_all(session->context->fd, bytes, (size_t)len);
    }
    redisFreeCommand(bytes);
    if (error == 0) {
        return STATUS_OK;
    }
    return redis_session_away(session, argv[0],
                              is_timeout(error) ? REDIS_FAILURE_TIMEOUT : REDIS_FAILURE_BROKEN,
                              strerror(error));
}

enum status redis_session_read_any(struct redis_session *session, const char *operation,
                                   redisReply **reply)
{
    void *raw = NULL;
    if (redisGetReply(session->context, &raw) != REDIS_OK || raw == NULL) {
        return broken(session, operation);
    }
    *reply = raw;
    return STATUS_OK;
}

enum status redis_session_check(struct redis_session *session, const char *operation,
                                redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        return STATUS_OK;
    }
    enum status status =
        redis_session_away(session, operation, redis_failure_of_error(reply->str), reply->str);
    freeReplyObject(reply);
    return status;
}

enum status redis_session_read(struct redis_session *session, const char *operation,
                               redisReply **reply)
{
    enum status status = redis_session_read_any(session, operation, reply);
    return status == STATUS_OK ? redis_session_check(session, operation, *reply) : status;
}

enum status redis_session_command(struct redis_session *session, int argc, const char *argv[],
                                  redisReply **reply)
{
    enum status status = redis_session_send(session, argc, argv, 1);
    return status == STATUS_OK ? redis_session_read(session, argv[0], reply) : status;
}

static enum status command_ok(struct redis_session *session, int argc, const char *argv[])
{
    redisReply *reply;
    enum status status = redis_session_command(session, argc, argv, &reply);
    if (status == STATUS_OK) {
        freeReplyObject(reply);
    }
    return status;
}

static enum status introduce(struct redis_session *session)
{
    const struct redis_url *url = &session->url;
    enum status status = STATUS_OK;
    if (url->password[0] != '\0' && url->user[0] != '\0') {
        status = command_ok(session, 3, (const char *[]){"AUTH", url->user, url->password});
    } else if (url->password[0] != '\0') {
        status = command_ok(session, 2, (const char *[]){"AUTH", url->password});
    }
    if (status == STATUS_OK && url->database != 0) {
        char number[12];
        snprintf(number, sizeof number, "%" PRIu32, url->database);
        status = command_ok(session, 2, (const char *[]){"SELECT", number});
    }
    return status;
}

enum status redis_session_connect(struct redis_session *session)
{
    if (session->context != NULL) {
        return STATUS_OK;
    }
    if (clock_monotonic_ms() < session->retry_at_ms) {
        return STATUS_UNAVAILABLE;
    }
    const struct timeval limit = {.tv_usec = CONNECT_TIMEOUT_MS * 1000};
    session->context = session->url.path[0] != '\0'
                           ? redisConnectUnixWithTimeout(session->url.path, limit)
                           : redisConnectWithTimeout(session->url.host, session->url.port, limit);
    if (session->context == NULL || session->context->err != 0) {
        return redis_session_away(session, "connect", REDIS_FAILURE_CONNECT,
                                  session->context != NULL ? session->context->errstr
                                                           : "out of memory");
    }
    const struct timeval reply_limit = {.tv_usec = REDIS_REPLY_TIMEOUT_MS * 1000};
    redisSetTimeout(session->context, reply_limit);
    if (session->url.path[0] == '\0') {
        redisEnableKeepAlive(session->context); /* on a unix socket it would be an error */
    }
    return introduce(session);
}
