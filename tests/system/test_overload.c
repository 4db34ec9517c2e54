/* SPDX-License-Identifier: MIT */
/*
 * More orders than the database stores: order-api refuses them at once instead of letting all wait,
 * in bounded memory, and is as before once the database is. The same for every kind of database,
 * which stands still here because somebody holds a lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "api-service/pipeline/waiting_limit.h"
#include "common/store/store.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"
#include "tests/support/service.h"
#include "tests/support/wait_until.h"

enum {
    CALLERS_MAX = 2500,
    MANY_BYTES_CALLERS = 800,
    ITEM_BYTES = 60 * 1024,
    BYTES_MAX = (32 + 4) * 1024 * 1024, /* that may wait, and of a batch */
    ANSWER_SIZE = 1024,
    IMPATIENT_MS = 200,
    LIMIT_MS = 30000,
    RESIDENT_MAX_KB = 192 * 1024,
};

/* test-client:test-secret */
#define HEAD                                                                                       \
    "POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"                \
    "Authorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"

/* One order on a connection of its own. */
struct caller {
    int fd;
    size_t len;
    char answer[ANSWER_SIZE];
};

static struct database database;
static struct service api;
static struct sql *holder;
static struct caller *callers;
static size_t caller_count;
static char *request;

static void start(void)
{
    const char *kind = getenv("ORDERS_SYSTEM_DATABASE");
    cr_assert_not_null(kind, "ORDERS_SYSTEM_DATABASE is not set: sqlite, mysql or postgres");
    struct rlimit files;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    database_start(&database, kind);
    service_start_api(&api, &(struct service_settings){.folder = database.folder,
                                                       .database_url = database.url,
                                                       .delay_ms = 100});
    holder = database_open_sql(&database);
    callers = calloc(CALLERS_MAX, sizeof callers[0]);
    cr_assert_not_null(callers);
}

static void finish(void)
{
    for (size_t i = 0; i < caller_count; i++) {
        close(callers[i].fd);
    }
    free(callers);
    free(request);
    sql_close(holder);
    process_discard(&api.process);
    database_discard(&database);
}

TestSuite(overload, .init = start, .fini = finish, .timeout = 120);

/* An order with one item of so many bytes, and the head for it. */
static void write_request(size_t item_bytes)
{
    size_t size = sizeof HEAD + item_bytes + 256;
    request = malloc(size);
    cr_assert_not_null(request);
    /* Items are short strings, so there are many of them. */
    size_t items = item_bytes / 64;
    char *body = malloc(size);
    cr_assert_not_null(body);
    size_t len = (size_t)sprintf(body, "{\"user_id\":\"u\",\"total_amount\":1,\"item_ids\":[1");
    for (size_t i = 0; i < items; i++) {
        len += (size_t)sprintf(body + len, ",\"%061zu\"", i);
    }
    strcpy(body + len, "]}");
    sprintf(request, HEAD "Content-Length: %zu\r\n\r\n%s", len + 2, body);
    free(body);
}

static void call_all(size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(api.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t len = strlen(request);
    for (size_t i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(fd, 0, "%m");
        callers[caller_count++].fd = fd;
        cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0, "%m");
        for (size_t done = 0; done < len;) {
            ssize_t sent = send(fd, request + done, len - done, MSG_NOSIGNAL);
            cr_assert_gt(sent, 0, "%m");
            done += (size_t)sent;
        }
    }
}

/* Takes what has come. Fails the test when a connection ended. */
static bool is_answered(struct caller *caller)
{
    ssize_t got =
        recv(caller->fd, caller->answer + caller->len, ANSWER_SIZE - 1 - caller->len, MSG_DONTWAIT);
    cr_assert(got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)), "%m");
    caller->len += got > 0 ? (size_t)got : 0;
    return caller->len > 0;
}

static bool is_stored(const struct caller *caller)
{
    return strncmp(caller->answer, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0;
}

/* Refused without the least doubt, so nothing of it may ever be stored. */
static bool is_refused(const struct caller *caller)
{
    return strstr(caller->answer, "nothing was stored") != NULL;
}

static size_t count_callers(bool (*what)(const struct caller *caller))
{
    size_t count = 0;
    for (size_t i = 0; i < caller_count; i++) {
        count += what(&callers[i]);
    }
    return count;
}

static size_t count_answered(void)
{
    size_t count = 0;
    for (size_t i = 0; i < caller_count; i++) {
        count += is_answered(&callers[i]);
    }
    return count;
}

static bool all_are_answered(void *arg)
{
    (void)arg;
    return count_answered() == caller_count;
}

/* Those that are answered only when they have waited for too long do not count. */
static bool all_but_so_many_are_refused(void *arg)
{
    count_answered();
    return count_callers(is_refused) + *(const size_t *)arg >= caller_count;
}

static void expect_problems(void)
{
    for (size_t i = 0; i < caller_count; i++) {
        const char *answer = callers[i].answer;
        cr_assert(is_stored(&callers[i]) ||
                      (strncmp(answer, "HTTP/1.1 503 ", strlen("HTTP/1.1 503 ")) == 0 &&
                       strstr(answer, "\r\nRetry-After: 1\r\n") != NULL),
                  "%s", answer);
    }
}

static bool is_accepted_again(void *arg)
{
    return http_post_order(arg, EXPECT_GOOD_ORDER)->status == 200;
}

static void expect_normal_service(void)
{
    struct http_client *client =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    cr_assert(wait_until(is_accepted_again, client, LIMIT_MS));
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    http_client_destroy(client);
}

/*
 * While the database stands still all but `room` callers are refused, the others are answered when
 * it goes on, what was stored is there, and nothing is that was refused.
 */
static void expect_room_for(size_t room)
{
    cr_assert(wait_until(all_but_so_many_are_refused, &room, LIMIT_MS), "%zu of %zu are refused",
              count_callers(is_refused), caller_count);
    size_t kb = process_resident_kb(&api.process);
    database_release_orders(&database, holder);
    cr_assert(wait_until(all_are_answered, NULL, LIMIT_MS), "%zu of %zu are answered",
              count_answered(), caller_count);
    expect_problems();
    size_t rows = (size_t)sql_integer(holder, "SELECT count(*) FROM orders");
    cr_assert_geq(rows, count_callers(is_stored));
    cr_assert_leq(rows, caller_count - count_callers(is_refused));
    cr_assert(service_is_sanitized() || kb < RESIDENT_MAX_KB, "%zu KB are resident", kb);
    expect_normal_service();
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/*
 * All requests are there when it goes on, so that it meets them within the time for which one may
 * wait: otherwise they would be refused for that.
 */
static void call_all_at_once(size_t count)
{
    process_signal(&api.process, SIGSTOP);
    call_all(count);
    process_signal(&api.process, SIGCONT);
}

Test(overload, past_so_many_waiting_orders_others_are_refused)
{
    write_request(0);
    database_hold_orders(&database, holder);
    call_all_at_once(CALLERS_MAX);
    /* Of a batch that stands still, and of what may wait behind it. */
    expect_room_for(STORE_BATCH_MAX + WAITING_LIMIT_FIRST + 2);
}

Test(overload, past_so_many_waiting_bytes_others_are_refused)
{
    write_request(ITEM_BYTES);
    database_hold_orders(&database, holder);
    call_all_at_once(MANY_BYTES_CALLERS);
    expect_room_for(BYTES_MAX / ITEM_BYTES + 2);
}

static bool is_refused_at_once(void *arg)
{
    return http_post_order(arg, EXPECT_GOOD_ORDER)->status == 503;
}

/* There is room for all that wait, but no sign that they will ever be stored. */
Test(overload, behind_an_order_that_hangs_others_are_refused)
{
    write_request(0);
    struct http_client *hasty =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    http_client_set_patience(hasty, IMPATIENT_MS);
    expect_normal_service();
    database_hold_orders(&database, holder);
    call_all(1);
    cr_assert(wait_until(is_refused_at_once, hasty, LIMIT_MS));
    cr_assert_eq(count_answered(), 0, "the database still stands still");
    const struct http_response *refusal = http_post_order(hasty, EXPECT_GOOD_ORDER);
    expect_problem(refusal, 503, "/order");
    expect_header(refusal, "Retry-After", "1");
    database_release_orders(&database, holder);
    cr_assert(wait_until(all_are_answered, NULL, LIMIT_MS));
    expect_problems();
    expect_normal_service();
    http_client_destroy(hasty);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
