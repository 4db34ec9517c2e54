/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server as an application meets it, in this process: waits at each stage, bodies in
 * pieces, header fields without a small limit, and a drain.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/http/http_listener.h"
#include "common/http/http_server.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait_until.h"

enum {
    LIMIT_MS = 20000,
    LONG_DRAIN_MS = 60000,
    STREAM_BYTES = 5 * 1024 * 1024,
    SOCKET_BYTES = 32 * 1024, /* the system takes twice that */
    UNREAD_MAX = 512 * 1024,  /* in all buffers on the way */
    HEADERS = 12,
    VALUE_BYTES = 300,
    CHATTERS = 20,
};

static struct http_server *server;
static uint16_t port;

/* What the handlers below have done. */
static atomic_size_t made;  /* bytes of streams */
static atomic_int finished; /* streams */
static atomic_int asked;    /* calls of a stream's `next` */
static atomic_int waiting;  /* requests and streams that wait for `resume` */
static _Atomic(struct http_exchange *) waiter;
static atomic_bool news; /* the ticker has something to say */

static pthread_mutex_t chatters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_exchange *chatters[CHATTERS];
static atomic_int chatter_count;

static enum http_next answer_done(void *context, struct http_exchange *exchange)
{
    (void)context;
    http_response_print(&exchange->response, 200, "text/plain", "done %zu", exchange->body_len);
    return HTTP_ANSWER;
}

static void wait_for_resume(struct http_exchange *exchange)
{
    atomic_store(&waiter, exchange);
    atomic_fetch_add(&waiting, 1);
}

static bool is_waiting(void *arg)
{
    return atomic_load(&waiting) >= *(const int *)arg;
}

static void resume_waiter(int count)
{
    cr_assert(wait_until(is_waiting, &count, LIMIT_MS), "nothing waits");
    http_exchange_resume(atomic_load(&waiter));
}

static enum http_next wait_again(void *context, struct http_exchange *exchange)
{
    (void)context;
    wait_for_resume(exchange);
    return http_exchange_wait(exchange, answer_done);
}

static enum http_next read_body(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return HTTP_READ_BODY;
}

static enum http_next refuse(void *context, struct http_exchange *exchange)
{
    (void)context;
    http_response_print(&exchange->response, 403, "text/plain", "refused");
    return HTTP_ANSWER;
}

static enum http_next on_head(void *context, struct http_exchange *exchange,
                              const struct http_head *head)
{
    (void)context;
    if (strcmp(head->target, "/head/early") == 0) {
        http_exchange_resume(exchange);
        return http_exchange_wait(exchange, read_body);
    }
    if (strncmp(head->target, "/head/", 6) == 0) {
        wait_for_resume(exchange);
        return http_exchange_wait(exchange,
                                  strcmp(head->target, "/head/refused") == 0 ? refuse : read_body);
    }
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
        wait_for_resume(exchange);
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

static void fill_value(char value[VALUE_BYTES + 1], int field)
{
    memset(value, 'a' + field, VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
}

static enum http_next answer_with_fields(struct http_exchange *exchange)
{
    char name[32];
    char value[VALUE_BYTES + 1];
    for (int i = 0; i < HEADERS; i++) {
        snprintf(name, sizeof name, "X-Field-%d", i);
        fill_value(value, i);
        http_response_add_header(&exchange->response, name, value);
    }
    http_response_print(&exchange->response, 200, "text/plain", "fields");
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
    if (strcmp(target, "/fields") == 0) {
        return answer_with_fields(exchange);
    }
    if (strcmp(target, "/twice") == 0) {
        wait_for_resume(exchange);
        return http_exchange_wait(exchange, wait_again);
    }
    if (strcmp(target, "/early") == 0) {
        http_exchange_resume(exchange);
        return http_exchange_wait(exchange, answer_done);
    }
    return answer_done(context, exchange);
}

static void start(void)
{
    static const struct http_application application = {.on_head = on_head,
                                                        .on_request = on_request};
    thread_prepare_signals();
    int listener = http_listener_bind("127.0.0.1", 0);
    int bytes = SOCKET_BYTES;
    cr_assert_eq(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    server = http_server_start(listener, &application);
    cr_assert_not_null(server);
    port = http_server_port(server);
}

static void finish(void)
{
    if (server != NULL) {
        http_server_drain(server, 0);
        http_server_stop(server);
    }
}

TestSuite(http_server, .init = start, .fini = finish, .timeout = 120);

static struct raw_http *ask(const char *request)
{
    struct raw_http *raw = raw_http_open(port);
    cr_assert(raw_http_send(raw, request, strlen(request)));
    return raw;
}

static struct raw_http *get(const char *target)
{
    char request[200];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    return ask(request);
}

static void expect_answer(struct raw_http *raw, int status, const char *text)
{
    cr_assert_eq(raw_http_read(raw, 1, LIMIT_MS), 1);
    cr_assert_eq(raw_http_status(raw, 0), status, "%s", raw->answer);
    cr_assert_not_null(strstr(raw->answer, text), "no %s in %s", text, raw->answer);
    raw_http_close(raw);
}

static bool has_text(void *arg)
{
    const struct {
        struct raw_http *raw;
        const char *text;
    } *wanted = arg;
    raw_http_read(wanted->raw, 1, 1);
    return strstr(wanted->raw->answer, wanted->text) != NULL;
}

static void expect_text(struct raw_http *raw, const char *text)
{
    struct {
        struct raw_http *raw;
        const char *text;
    } wanted = {raw, text};
    cr_assert(wait_until(has_text, &wanted, LIMIT_MS), "no %s in %s", text, raw->answer);
}

static bool has_finished(void *arg)
{
    return atomic_load(&finished) >= *(const int *)arg;
}

static void expect_finished(int count)
{
    cr_assert(wait_until(has_finished, &count, LIMIT_MS), "no stream has ended");
    cr_assert_eq(atomic_load(&finished), count);
}

Test(http_server, an_answer_has_as_many_header_fields_as_it_takes)
{
    struct raw_http *raw = get("/fields");
    char line[VALUE_BYTES + 64];
    char value[VALUE_BYTES + 1];
    cr_assert_eq(raw_http_read(raw, 1, LIMIT_MS), 1);
    for (int i = 0; i < HEADERS; i++) {
        fill_value(value, i);
        snprintf(line, sizeof line, "\r\nX-Field-%d: %s\r\n", i, value);
        cr_assert_not_null(strstr(raw->answer, line), "no %s in %s", line, raw->answer);
    }
    raw_http_close(raw);
}

/* Waits */

Test(http_server, a_request_may_wait_twice)
{
    struct raw_http *raw = get("/twice");
    resume_waiter(1);
    resume_waiter(2);
    expect_answer(raw, 200, "done 0");
}

Test(http_server, a_request_that_is_resumed_before_it_waits_goes_on)
{
    expect_answer(get("/early"), 200, "done 0");
    expect_answer(get("/head/early"), 200, "done 0");
}

Test(http_server, a_request_may_wait_before_its_body_is_read)
{
    struct raw_http *raw =
        ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    resume_waiter(1);
    expect_answer(raw, 200, "done 5");
}

Test(http_server, a_body_that_comes_in_parts_after_a_wait_is_read)
{
    struct raw_http *raw =
        ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    resume_waiter(1);
    static const char *const parts[] = {"3\r\nhel\r\n", "2\r\nlo\r\n0\r\n", "\r\n"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(raw_http_send(raw, parts[i], strlen(parts[i])));
    }
    expect_answer(raw, 200, "done 5");
}

Test(http_server, a_client_that_waits_for_100_continue_gets_it_after_the_wait)
{
    struct raw_http *raw = ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                               "Expect: 100-continue\r\n\r\n");
    resume_waiter(1);
    expect_text(raw, "HTTP/1.1 100 ");
    cr_assert(raw_http_send(raw, "hello", 5));
    expect_text(raw, "done 5");
    raw_http_close(raw);
}

Test(http_server, a_request_may_be_refused_after_a_wait_at_its_head)
{
    struct raw_http *raw =
        ask("POST /head/refused HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    resume_waiter(1);
    expect_answer(raw, 403, "refused");
}

Test(http_server, what_follows_a_request_that_waits_is_answered_after_it)
{
    struct raw_http *raw = ask("POST /head/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
                               "helloGET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    resume_waiter(1);
    cr_assert_eq(raw_http_read(raw, 2, LIMIT_MS), 2);
    const char *first = strstr(raw->answer, "done 5");
    cr_assert_not_null(first, "%s", raw->answer);
    cr_assert_not_null(strstr(first, "done 0"), "%s", raw->answer);
    raw_http_close(raw);
}

/* Streams */

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
    struct raw_http *raw = raw_http_open(port);
    int bytes = SOCKET_BYTES;
    cr_assert_eq(setsockopt(raw->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    cr_assert(raw_http_send(raw, request, strlen(request)));
    read_head(raw->fd);
    return raw;
}

Test(http_server, five_megabytes_reach_a_slow_reader_within_constant_memory)
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
Test(http_server, a_stream_ends_with_its_client)
{
    struct raw_http *raw = ask_for_many();
    cr_assert_eq(atomic_load(&finished), 0);
    raw_http_close(raw);
    expect_finished(1);
    cr_assert_lt(atomic_load(&made), STREAM_BYTES);
}

Test(http_server, a_stream_that_waits_goes_on_when_it_is_resumed)
{
    struct raw_http *raw = get("/news");
    for (int i = 1; i <= 20; i++) {
        const int count = i;
        cr_assert(wait_until(is_waiting, (void *)(uintptr_t)&count, LIMIT_MS));
        atomic_store(&news, true);
        http_exchange_resume(atomic_load(&waiter));
    }
    int waits = 21;
    cr_assert(wait_until(is_waiting, &waits, LIMIT_MS));
    raw_http_read(raw, 1, LIMIT_MS);
    size_t count = 0;
    for (const char *at = raw->answer; (at = strstr(at, "5\r\nnews\n\r\n")) != NULL; at++) {
        count++;
    }
    cr_assert_eq(count, 20, "%s", raw->answer);
    raw_http_close(raw);
}

/* It is asked in vain once more, that is all. */
Test(http_server, a_stream_may_be_resumed_for_nothing)
{
    struct raw_http *raw = get("/news");
    resume_waiter(1);
    resume_waiter(2);
    atomic_store(&news, true);
    resume_waiter(3);
    expect_text(raw, "5\r\nnews\n\r\n");
    raw_http_close(raw);
}

Test(http_server, a_stream_that_fails_is_seen_to_be_cut_off)
{
    struct raw_http *raw = get("/broken");
    raw_http_read(raw, 2, LIMIT_MS); /* until it is closed */
    cr_assert(raw->closed);
    cr_assert_not_null(strstr(raw->answer, "4\r\nhalf\r\n"), "%s", raw->answer);
    cr_assert_null(strstr(raw->answer, "0\r\n\r\n"), "%s", raw->answer);
    raw_http_close(raw);
    expect_finished(1);
}

Test(http_server, a_stream_that_nobody_reads_is_finished_all_the_same)
{
    struct raw_http *raw = ask("HEAD /many HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(raw_http_read(raw, 1, LIMIT_MS), 1);
    expect_finished(1);
    cr_assert_eq(atomic_load(&asked), 0);
    raw_http_close(raw);
}

static void stop_server(void)
{
    http_server_stop(server);
    server = NULL;
}

/* The drain may take a minute; with a stream that holds it, it would. */
Test(http_server, a_drain_ends_streams_that_have_no_end)
{
    struct raw_http *raw = get("/news");
    int waits = 1;
    cr_assert(wait_until(is_waiting, &waits, LIMIT_MS));
    uint64_t start_ms = wait_now_ms();
    http_server_drain(server, LONG_DRAIN_MS);
    cr_assert_lt(wait_now_ms() - start_ms, LONG_DRAIN_MS / 2);
    expect_finished(1);
    stop_server();
    raw_http_read(raw, 2, LIMIT_MS);
    cr_assert(raw->closed);
    cr_assert_not_null(strstr(raw->answer, "\r\n\r\n0\r\n\r\n"), "%s", raw->answer);
    raw_http_close(raw);
}

Test(http_server, a_drain_does_not_wait_long_for_a_stream_that_would_end)
{
    struct raw_http *raw = get("/parts");
    int waits = 1;
    cr_assert(wait_until(is_waiting, &waits, LIMIT_MS));
    uint64_t start_ms = wait_now_ms();
    http_server_drain(server, LONG_DRAIN_MS);
    cr_assert_lt(wait_now_ms() - start_ms, LONG_DRAIN_MS / 2);
    cr_assert_eq(atomic_load(&finished), 0);
    stop_server();
    expect_finished(1);
    raw_http_read(raw, 2, LIMIT_MS);
    cr_assert(raw->closed);
    cr_assert_null(strstr(raw->answer, "0\r\n\r\n"), "it looks complete: %s", raw->answer);
    raw_http_close(raw);
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

Test(http_server, streams_end_while_they_are_resumed_all_the_time)
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
    http_server_drain(server, LONG_DRAIN_MS);
    stop_server();
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    expect_finished(CHATTERS);
    for (int i = 0; i < CHATTERS; i++) {
        raw_http_close(readers[i]);
    }
}
