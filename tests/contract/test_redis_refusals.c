/* SPDX-License-Identifier: MIT */
/*
 * Each error that a Redis server can return to the queue: the caller gets it at once, it is counted
 * under its own kind, and the queue works again when the server does.
 */
#include <inttypes.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/base/thread.h"
#include "common/queue/queue.h"
#include "common/url/database_url.h"
#include "tests/support/captured_log.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/redis_faults.h"
#include "tests/support/wait_until.h"

#define KEY "orders:pending"

enum { LIMIT_MS = 10000, SHORT_MS = 10000, LONG_WAIT_MS = 30000, BLOCKED_MS = 1000 };

static struct redis_server redis;
static struct fault_proxy *proxy;
static struct queue *queue;

static void start(void)
{
    thread_prepare_signals();
    redis_faults_options(&redis);
    redis_server_start(&redis);
    proxy = fault_proxy_start(redis.port, FAULT_PLAIN);
    struct redis_url url = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    queue = queue_open_redis(&url, KEY);
}

static void finish(void)
{
    queue_close(queue);
    fault_proxy_stop(proxy);
    redis_server_discard(&redis);
}

TestSuite(redis_refusals, .init = start, .fini = finish, .timeout = 60);

static enum status push(order_id id)
{
    return queue_push(queue, &id, 1);
}

static bool push_works(void *arg)
{
    (void)arg;
    return push(2) == STATUS_OK;
}

static bool pop_works(void *arg)
{
    order_id ids[QUEUE_BATCH_MAX];
    size_t got = 0;
    (void)arg;
    return queue_pop(queue, ids, QUEUE_BATCH_MAX, 0, &got) == STATUS_OK;
}

static enum redis_failure kind_called(const char *name)
{
    enum redis_failure kind = 0;
    while (kind < REDIS_FAILURES && strcmp(redis_failure_name(kind), name) != 0) {
        kind++;
    }
    cr_assert_lt(kind, REDIS_FAILURES, "no kind is called %s", name);
    return kind;
}

static bool push_is_refused_for_it(void *arg)
{
    const enum redis_failure *kind = arg;
    uint64_t before = queue_failures(queue, *kind);
    cr_assert_eq(push(1), STATUS_UNAVAILABLE);
    return queue_failures(queue, *kind) > before;
}

static bool pop_is_refused_for_it(void *arg)
{
    const enum redis_failure *kind = arg;
    order_id id;
    size_t got = 0;
    uint64_t before = queue_failures(queue, *kind);
    cr_assert_eq(queue_pop(queue, &id, 1, LONG_WAIT_MS, &got), STATUS_UNAVAILABLE);
    return queue_failures(queue, *kind) > before;
}

/* If the fault also cut the connection, the first refusal is for that. */
static void expect_refusal(const struct redis_fault *fault)
{
    enum redis_failure kind = kind_called(fault->kind);
    cr_assert_eq(push(1), STATUS_OK);
    cr_assert(pop_works(NULL));
    fault->begin(&redis, KEY);
    cr_assert_eq(push(1), STATUS_UNAVAILABLE);
    cr_assert(wait_until(push_is_refused_for_it, &kind, LIMIT_MS), "not counted as %s",
              fault->kind);
    if (fault->refuses_pops) {
        cr_assert(wait_until(pop_is_refused_for_it, &kind, LIMIT_MS), "pop is not %s", fault->kind);
    }
    fault->end(&redis, KEY);
    cr_assert(wait_until(push_works, NULL, LIMIT_MS), "pushes do not work again");
    cr_assert(wait_until(pop_works, NULL, LIMIT_MS), "pops do not work again");
}

Test(redis_refusals, oom)
{
    expect_refusal(&redis_faults[REDIS_OOM]);
}

Test(redis_refusals, readonly)
{
    expect_refusal(&redis_faults[REDIS_READONLY]);
}

Test(redis_refusals, noauth)
{
    expect_refusal(&redis_faults[REDIS_NOAUTH]);
}

Test(redis_refusals, misconf)
{
    expect_refusal(&redis_faults[REDIS_MISCONF]);
}

Test(redis_refusals, noreplicas)
{
    expect_refusal(&redis_faults[REDIS_NOREPLICAS]);
}

Test(redis_refusals, wrongtype)
{
    expect_refusal(&redis_faults[REDIS_WRONGTYPE]);
}

Test(redis_refusals, loading)
{
    expect_refusal(&redis_faults[REDIS_LOADING]);
}

static bool a_client_is_blocked(void *arg)
{
    (void)arg;
    return redis_server_command(&redis, "EVAL %s 0",
                                "return tonumber(string.match(redis.call('INFO', 'clients'), "
                                "'blocked_clients:(%d+)'))") == 1;
}

/*
 * A BRPOP waits for a second. A test that is held up for as long finds no client blocked, or a pop
 * that is refused by the replica: then again.
 */
static bool a_pop_is_unblocked(void *arg)
{
    order_id id;
    size_t got = 0;
    (void)arg;
    enum status status = queue_pop(queue, &id, 1, 100, &got);
    cr_assert(status == STATUS_TIMEOUT || status == STATUS_UNAVAILABLE);
    bool is_blocked = status == STATUS_TIMEOUT && wait_until(a_client_is_blocked, NULL, BLOCKED_MS);
    redis_server_command(&redis, "REPLICAOF 127.0.0.1 1");
    if (is_blocked) {
        cr_assert_eq(queue_pop(queue, &id, 1, LONG_WAIT_MS, &got), STATUS_UNAVAILABLE);
    }
    redis_server_command(&redis, "REPLICAOF NO ONE");
    return queue_failures(queue, REDIS_FAILURE_UNBLOCKED) > 0;
}

/* A primary that is made to follow another ends the waiting of its clients with an error. */
Test(redis_refusals, unblocked)
{
    cr_assert(wait_until(a_pop_is_unblocked, NULL, LIMIT_MS));
    cr_assert_eq(queue_failures(queue, REDIS_FAILURE_UNBLOCKED), 1);
    cr_assert(wait_until(push_works, NULL, LIMIT_MS));
    cr_assert(wait_until(pop_works, NULL, LIMIT_MS));
}

/* Faults of the network. */
static void expect_counted_as(enum redis_failure kind)
{
    uint64_t start_ms = wait_now_ms();
    cr_assert_eq(push(1), STATUS_UNAVAILABLE);
    cr_assert_lt(wait_now_ms() - start_ms, SHORT_MS, "push kept its caller waiting");
    cr_assert_eq(queue_failures(queue, kind), 1, "not counted as %s", redis_failure_name(kind));
    fault_proxy_pass(proxy);
    cr_assert(wait_until(push_works, NULL, LIMIT_MS), "pushes do not work again");
    cr_assert(wait_until(pop_works, NULL, LIMIT_MS), "pops do not work again");
}

Test(redis_refusals, a_silence_is_a_timeout)
{
    cr_assert_eq(push(1), STATUS_OK);
    fault_proxy_silence(proxy);
    expect_counted_as(REDIS_FAILURE_TIMEOUT);
}

Test(redis_refusals, a_reset_is_a_broken_connection)
{
    cr_assert_eq(push(1), STATUS_OK);
    fault_proxy_reset(proxy);
    expect_counted_as(REDIS_FAILURE_BROKEN);
}

Test(redis_refusals, an_answer_cut_in_the_middle_is_a_broken_connection)
{
    cr_assert_eq(push(1), STATUS_OK);
    fault_proxy_cut_after(proxy, FAULT_TO_CLIENT, 2);
    expect_counted_as(REDIS_FAILURE_BROKEN);
    cr_assert_eq(fault_proxy_counts(proxy).cuts, 1);
}

Test(redis_refusals, an_end_of_the_stream_is_a_broken_connection)
{
    cr_assert_eq(push(1), STATUS_OK);
    fault_proxy_half_close(proxy, FAULT_TO_CLIENT);
    expect_counted_as(REDIS_FAILURE_BROKEN);
    cr_assert_eq(fault_proxy_counts(proxy).half_closes, 1);
}

Test(redis_refusals, no_server_is_no_connection)
{
    fault_proxy_refuse(proxy);
    expect_counted_as(REDIS_FAILURE_CONNECT);
}

static void be_refused_once(const struct redis_fault *fault)
{
    enum redis_failure kind = kind_called(fault->kind);
    fault->begin(&redis, KEY);
    cr_assert(wait_until(push_is_refused_for_it, &kind, LIMIT_MS), "not counted as %s",
              fault->kind);
    fault->end(&redis, KEY);
}

/* The first for three causes; the second ends with more than one command that works. */
static void have_two_outages(void)
{
    fault_proxy_refuse(proxy);
    cr_assert_eq(push(1), STATUS_UNAVAILABLE);
    fault_proxy_pass(proxy);
    be_refused_once(&redis_faults[REDIS_READONLY]);
    be_refused_once(&redis_faults[REDIS_OOM]);
    cr_assert(wait_until(push_works, NULL, LIMIT_MS));
    cr_assert(pop_works(NULL));
    be_refused_once(&redis_faults[REDIS_WRONGTYPE]);
    cr_assert(wait_until(push_works, NULL, LIMIT_MS));
    cr_assert(pop_works(NULL));
}

Test(redis_refusals, an_outage_has_a_line_for_each_cause_and_one_that_counts_them_when_it_is_over)
{
    static const char *const parts[] = {
        "operation=connect kind=connect repeated=0 error=",
        "operation=LPUSH kind=readonly repeated=0 error=\"READONLY ",
        "operation=LPUSH kind=oom repeated=0 error=\"OOM ",
        "hints are delivered again\" key=" KEY " failures=\"connect=1 readonly=1 oom=1\"\n",
        "operation=LPUSH kind=wrongtype repeated=0 error=\"WRONGTYPE ",
        "hints are delivered again\" key=" KEY " failures=\"wrongtype=1\"\n"};
    const char *log = captured_log(have_two_outages);
    const char *at = log;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        at = strstr(at, parts[i]);
        cr_assert_not_null(at, "%s is not there, or too early: %s", parts[i], log);
    }
    cr_assert_eq(captured_log_count(log, "level=warn msg=\"redis call failed; "), 4, "%s", log);
    cr_assert_eq(captured_log_count(log, "level=info msg=\"redis is back; "), 2, "%s", log);
    cr_assert_eq(captured_log_count(log, "\n"), 6, "%s", log);
}

/* What waits for Redis has deadlines to keep: the attempts become rare. */
Test(redis_refusals, a_server_that_is_away_is_not_tried_by_every_call)
{
    enum { CALLS = 1000 };
    fault_proxy_refuse(proxy);
    for (int i = 0; i < CALLS; i++) {
        cr_assert_eq(push(1), STATUS_UNAVAILABLE);
    }
    cr_assert_lt(queue_failures(queue, REDIS_FAILURE_CONNECT), CALLS / 4);
}

/* No Redis answers like this; something else listens on the port. */
Test(redis_refusals, an_unknown_error_is_a_refusal)
{
    cr_assert_eq(redis_failure_of_error("ERR something"), REDIS_FAILURE_REFUSED);
    cr_assert_eq(redis_failure_of_error("OOMX"), REDIS_FAILURE_REFUSED);
    cr_assert_eq(redis_failure_of_error(""), REDIS_FAILURE_REFUSED);
    cr_assert_eq(redis_failure_of_error("OOM command not allowed"), REDIS_FAILURE_OOM);
}
