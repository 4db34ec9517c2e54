/* SPDX-License-Identifier: MIT */
/*
 * Bodies that are made while they are sent: memory, ends of all kinds, waits, and what a drain does
 * to them.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "tests/contract/http_server_fixture.h"
#include "tests/support/wait_until.h"

enum {
    LONG_DRAIN_MS = 60000,
    STREAM_BYTES = 5 * 1024 * 1024,
    UNREAD_MAX = 512 * 1024, /* in all buffers on the way */
    CHATTERS = 20,
};

/* What the streams below have done. */
static atomic_size_t made;  /* bytes */
static atomic_int finished; /* streams */
static atomic_int asked;    /* calls of a stream's `next` */
static atomic_bool news;    /* there is something to say */

static pthread_mutex_t chatters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_exchange *chatters[CHATTERS];
static atomic_int chatter_count;

static enum http_next on_head(void *context, struct http_exchange *exchange,
                              const struct http_head *head)
{
    (void)context;
    (void)exchange;
    (void)head;
    return HTTP_READ_BODY;
}

/* Numbers, so that a piece that is lost or doubled is noticed. */
static enum http_piece next_of_many(void *context, struct http_exchange *exchange, char *piece,
                                    size_t size, size_t *len)
{
    (void)context;
    (void)exchange;
    size_t from = atomic_load(&made);
    atomic_fetch_add(&asked, 1);
    if (from == STREAM_BYTES) {
        return HTTP_PIECE_END;
    }
    *len = STREAM_BYTES - from < size ? STREAM_BYTES - from : size;
    for (size_t i = 0; i < *len; i++) {
        piece[i] = (char)('0' + (from + i) / 7 % 10);
    }
    atomic_store(&made, from + *len);
    return HTTP_PIECE;
}

/* One line for each news, for ever. */
static enum http_piece next_of_news(void *context, struct http_exchange *exchange, char *piece,
                                    size_t size, size_t *len)
{
    (void)context;
    atomic_fetch_add(&asked, 1);
    if (!atomic_exchange(&news, false)) {
        note_waiter(exchange);
        return HTTP_PIECE_WAIT;
    }
    *len = (size_t)snprintf(piece, size, "news\n");
    return HTTP_PIECE;
}

static enum http_piece next_of_broken(void *context, struct http_exchange *exchange, char *piece,
                                      size_t size, size_t *len)
{
    (void)context;
    (void)exchange;
    *len = (size_t)snprintf(piece, size, "half");
    return atomic_fetch_add(&asked, 1) == 0 ? HTTP_PIECE : HTTP_PIECE_ABORT;
}

/* Speaks every second time, and is resumed by a thread that knows it until it has finished. */
static enum http_piece next_of_chatter(void *context, struct http_exchange *exchange, char *piece,
                                       size_t size, size_t *len)
{
    pthread_mutex_lock(&chatters_lock);
    *(struct http_exchange **)context = exchange;
    pthread_mutex_unlock(&chatters_lock);
    *len = (size_t)snprintf(piece, size, "chat\n");
    return atomic_fetch_add(&asked, 1) % 2 == 0 ? HTTP_PIECE : HTTP_PIECE_WAIT;
}

static void finish_chatter(void *context)
{
    pthread_mutex_lock(&chatters_lock);
    *(struct http_exchange **)context = NULL;
    pthread_mutex_unlock(&chatters_lock);
    atomic_fetch_add(&finished, 1);
}

static void finish_stream(void *context)
{
    (void)context;
    atomic_fetch_add(&finished, 1);
}

static enum http_next stream(struct http_exchange *exchange, const struct http_stream *body)
{
    http_response_stream(&exchange->response, 200, "text/plain", body);
    return HTTP_ANSWER;
}

static enum http_next on_request(void *context, struct http_exchange *exchange)
{
    (void)context;
    const char *target = exchange->target;
    if (strcmp(target, "/many") == 0) {
        return stream(exchange,
                      &(struct http_stream){.next = next_of_many, .finish = finish_stream});
    }
    if (strcmp(target, "/news") == 0) {
        return stream(exchange, &(struct http_stream){.next = next_of_news,
                                                      .finish = finish_stream,
                                                      .endless = true});
    }
    if (strcmp(target, "/parts") == 0) {
        return stream(exchange,
                      &(struct http_stream){.next = next_of_news, .finish = finish_stream});
    }
    if (strcmp(target, "/chatter") == 0) {
        return stream(exchange,
                      &(struct http_stream){.next = next_of_chatter,
                                            .finish = finish_chatter,
                                            .context =
                                                &chatters[atomic_fetch_add(&chatter_count, 1)],
                                            .endless = true});
    }
    if (strcmp(target, "/broken") == 0) {
        return stream(exchange,
                      &(struct http_stream){.next = next_of_broken, .finish = finish_stream});
    }
    return HTTP_ANSWER;
}

static void start(void)
{
    http_server_fixture_start(
        &(struct http_application){.on_head = on_head, .on_request = on_request});
}

TestSuite(http_server_streams, .init = start, .fini = http_server_fixture_stop, .timeout = 120);

static bool has_finished(void *arg)
{
    return atomic_load(&finished) >= *(const int *)arg;
}

static void expect_finished(int count)
{
    cr_assert(wait_until(has_finished, &count, HTTP_LIMIT_MS), "no stream has ended");
    cr_assert_eq(atomic_load(&finished), count);
}

/* Reads on up to the end of the head, so that what follows is the body. */
static void read_head(int fd)
{
    char head[1024];
    size_t len = 0;
    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        cr_assert(len < sizeof head && recv(fd, head + len, 1, 0) == 1, "no end of the head");
        len++;
    }
    cr_assert(strncmp(head, "HTTP/1.1 200", 12) == 0 || strncmp(head, "HTTP/1.0 200", 12) == 0);
}

static void check_numbers(const char *piece, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq(piece[i], (char)('0' + (from + i) / 7 % 10), "byte %zu", from + i);
    }
}

/*
 * The system lets a receive buffer grow to megabytes unless its size was asked for. HTTP/1.0: the
 * body comes without framing, and the connection's end is its end.
 */
static struct raw_http *ask_for_many(void)
{
    static const char request[] = "GET /many HTTP/1.0\r\n\r\n";
    struct raw_http *raw = raw_http_open(http_port);
    int bytes = HTTP_SOCKET_BYTES;
    cr_assert_eq(setsockopt(raw->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    cr_assert(raw_http_send(raw, request, strlen(request)));
    read_head(raw->fd);
    return raw;
}

/* Resumes every chatter all the time, until `arg`. */
static void *resume_always(void *arg)
{
    const atomic_bool *stop = arg;
    while (!atomic_load(stop)) {
        pthread_mutex_lock(&chatters_lock);
        for (int i = 0; i < CHATTERS; i++) {
            if (chatters[i] != NULL) {
                http_exchange_resume(chatters[i]);
            }
        }
        pthread_mutex_unlock(&chatters_lock);
    }
    return NULL;
}

Test(http_server_streams, five_megabytes_reach_a_slow_reader_within_constant_memory)
{
    struct raw_http *raw = ask_for_many();
    char piece[8192];
    size_t received = 0;
    ssize_t got;
    while ((got = recv(raw->fd, piece, sizeof piece, 0)) > 0) {
        check_numbers(piece, (size_t)got, received);
        received += (size_t)got;
        cr_assert_leq(atomic_load(&made) - received, UNREAD_MAX,
                      "made long before anybody reads it, after %zu bytes", received);
    }
    cr_assert_eq(received, STREAM_BYTES);
    raw_http_close(raw);
    expect_finished(1);
}

/* What is in all buffers on the way is far less than the body, so it cannot have ended. */
Test(http_server_streams, a_stream_ends_with_its_client)
{
    struct raw_http *raw = ask_for_many();
    cr_assert_eq(atomic_load(&finished), 0);
    raw_http_close(raw);
    expect_finished(1);
    cr_assert_lt(atomic_load(&made), STREAM_BYTES);
}

Test(http_server_streams, a_stream_that_waits_goes_on_when_it_is_resumed)
{
    struct raw_http *raw = get("/news");
    for (int i = 1; i <= 20; i++) {
        expect_waits(i);
        atomic_store(&news, true);
        resume_waiter(i);
    }
    expect_waits(21);
    raw_http_read(raw, 1, HTTP_LIMIT_MS);
    size_t count = 0;
    for (const char *at = raw->answer; (at = strstr(at, "5\r\nnews\n\r\n")) != NULL; at++) {
        count++;
    }
    cr_assert_eq(count, 20, "%s", raw->answer);
    raw_http_close(raw);
}

/* Its `next` is called once more and has nothing, that is all. */
Test(http_server_streams, a_stream_may_be_resumed_for_nothing)
{
    struct raw_http *raw = get("/news");
    resume_waiter(1);
    resume_waiter(2);
    atomic_store(&news, true);
    resume_waiter(3);
    expect_text(raw, "5\r\nnews\n\r\n");
    raw_http_close(raw);
}

Test(http_server_streams, a_stream_that_fails_is_seen_to_be_cut_off)
{
    struct raw_http *raw = get("/broken");
    raw_http_read(raw, 2, HTTP_LIMIT_MS); /* until it is closed */
    cr_assert(raw->closed);
    cr_assert_not_null(strstr(raw->answer, "4\r\nhalf\r\n"), "%s", raw->answer);
    cr_assert_null(strstr(raw->answer, "0\r\n\r\n"), "%s", raw->answer);
    raw_http_close(raw);
    expect_finished(1);
}

Test(http_server_streams, a_stream_that_nobody_reads_is_finished_too)
{
    struct raw_http *raw = ask("HEAD /many HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(raw_http_read(raw, 1, HTTP_LIMIT_MS), 1);
    expect_finished(1);
    cr_assert_eq(atomic_load(&asked), 0);
    raw_http_close(raw);
}

/* The drain may take a minute; with a stream that holds it, it would. */
Test(http_server_streams, a_drain_ends_streams_that_have_no_end)
{
    struct raw_http *raw = get("/news");
    expect_waits(1);
    uint64_t start_ms = wait_now_ms();
    http_server_drain(http_server, LONG_DRAIN_MS);
    cr_assert_lt(wait_now_ms() - start_ms, LONG_DRAIN_MS / 2);
    expect_finished(1);
    http_server_fixture_stop();
    raw_http_read(raw, 2, HTTP_LIMIT_MS);
    cr_assert(raw->closed);
    cr_assert_not_null(strstr(raw->answer, "\r\n\r\n0\r\n\r\n"), "%s", raw->answer);
    raw_http_close(raw);
}

Test(http_server_streams, a_drain_does_not_wait_long_for_a_stream_that_would_end)
{
    struct raw_http *raw = get("/parts");
    expect_waits(1);
    uint64_t start_ms = wait_now_ms();
    http_server_drain(http_server, LONG_DRAIN_MS);
    cr_assert_lt(wait_now_ms() - start_ms, LONG_DRAIN_MS / 2);
    cr_assert_eq(atomic_load(&finished), 0);
    http_server_fixture_stop();
    expect_finished(1);
    raw_http_read(raw, 2, HTTP_LIMIT_MS);
    cr_assert(raw->closed);
    cr_assert_null(strstr(raw->answer, "0\r\n\r\n"), "it looks complete: %s", raw->answer);
    raw_http_close(raw);
}

Test(http_server_streams, streams_end_while_they_are_resumed_all_the_time)
{
    struct raw_http *readers[CHATTERS];
    atomic_bool stop = false;
    pthread_t thread = thread_start("resumer", resume_always, &stop);
    for (int i = 0; i < CHATTERS; i++) {
        readers[i] = get("/chatter");
    }
    for (int i = 0; i < CHATTERS; i++) {
        expect_text(readers[i], "chat\n");
    }
    http_server_drain(http_server, LONG_DRAIN_MS);
    http_server_fixture_stop();
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    expect_finished(CHATTERS);
    for (int i = 0; i < CHATTERS; i++) {
        raw_http_close(readers[i]);
    }
}
