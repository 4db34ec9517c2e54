/* SPDX-License-Identifier: MIT */
#include "tests/system/fault_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/redis_faults.h"
#include "tests/support/wait_until.h"

enum { URL_SIZE = 160, UNHINDERED_MS = 180, UNHINDERED_MAX_MS = 5000 };

struct fault_proxy *redis_proxy;
struct fault_proxy *api_proxy;
struct fault_proxy *worker_proxy;

static char redis_url[URL_SIZE];
static char api_url[URL_SIZE];
static char worker_url[URL_SIZE];

bool database_is(const char *kind)
{
    const char *name = getenv("ORDERS_SYSTEM_DATABASE");
    return name != NULL && strcmp(name, kind) == 0;
}

static struct fault_proxy *start_proxy(uint16_t port, enum fault_protocol protocol, const char *url,
                                       char text[URL_SIZE])
{
    struct fault_proxy *proxy = fault_proxy_start(port, protocol);
    cr_assert(fault_proxy_url(proxy, url, text, URL_SIZE), "%s", url);
    return proxy;
}

void start_with_faults(void)
{
    redis_faults_options(&redis);
    start();
    redis_proxy = start_proxy(redis.port, FAULT_PLAIN, redis.url, redis_url);
    if (!database_is("sqlite")) {
        bool is_mysql = database_is("mysql");
        uint16_t port = is_mysql ? database.mariadb.port : database.postgres.port;
        enum fault_protocol protocol = is_mysql ? FAULT_MYSQL : FAULT_POSTGRES;
        api_proxy = start_proxy(port, protocol, database.url, api_url);
        worker_proxy = start_proxy(port, protocol, database.url, worker_url);
    }
}

void finish_with_faults(void)
{
    finish();
    fault_proxy_stop(redis_proxy);
    fault_proxy_stop(api_proxy);
    fault_proxy_stop(worker_proxy);
}

void start_apis_behind_proxies(size_t count)
{
    through_redis = redis_url;
    through_database = api_proxy != NULL ? api_url : NULL;
    start_apis(count);
}

void start_workers_behind_proxies(size_t count)
{
    through_redis = redis_url;
    through_database = worker_proxy != NULL ? worker_url : NULL;
    start_workers(count);
}

const struct http_response *post_with_key(const char *key)
{
    char header[80];
    snprintf(header, sizeof header, "Idempotency-Key: %s", key);
    return http_call(client, "POST", "/order", (const char *const[]){header, NULL},
                     EXPECT_GOOD_ORDER, strlen(EXPECT_GOOD_ORDER));
}

int post_until_stored(void)
{
    uint64_t until_ms = wait_now_ms() + LIMIT_MS;
    for (int refused = 0;; refused++) {
        const struct http_response *response = http_post_order(client, EXPECT_GOOD_ORDER);
        if (response->status == 200) {
            return refused;
        }
        expect_problem(response, 503, "/order");
        expect_header(response, "Retry-After", "1");
        cr_assert_lt(wait_now_ms(), until_ms, "the database is not used again");
    }
}

static int compare_times(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* A quarter of them must be fast: a busy machine makes the others slow, Redis would make all. */
void post_unhindered(int count)
{
    uint64_t took_ms[FEW_ORDERS];
    cr_assert_leq(count, FEW_ORDERS);
    for (int i = 0; i < count; i++) {
        uint64_t start_ms = wait_now_ms();
        expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
        took_ms[i] = wait_now_ms() - start_ms;
    }
    qsort(took_ms, (size_t)count, sizeof took_ms[0], compare_times);
    cr_assert_lt(took_ms[count / 4], UNHINDERED_MS);
    cr_assert_lt(took_ms[count - 1], UNHINDERED_MAX_MS);
}

void expect_completed_soon(void)
{
    cr_assert(wait_until(all_are_completed, NULL, DELAY_MS + SOON_MS), "%lld are not completed",
              (long long)count_where("status <> 2"));
}
