/* SPDX-License-Identifier: MIT */
/* REDIS_URL is set and no worker runs: somebody says so. */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum { LIMIT_MS = 60000, DELAY_MS = 1 };

static struct temp_dir dir;
static struct redis_server redis;
static struct service api;
static struct service worker;
static struct http_client *client;

static void start(void)
{
    temp_dir_create(&dir);
    redis_server_start(&redis);
}

static void finish(void)
{
    http_client_destroy(client);
    process_discard(&worker.process);
    process_discard(&api.process);
    redis_server_discard(&redis);
    temp_dir_remove(&dir);
}

TestSuite(no_worker, .init = start, .fini = finish, .timeout = 180);

static void expect_ready(const char *body)
{
    const struct http_response *response = http_get(client, "/readyz");
    expect_status(response, 200);
    cr_assert_str_eq(response->body, body);
}

Test(no_worker, orders_that_nobody_starts_are_reported_until_a_worker_comes)
{
    const struct service_settings settings = {.folder = dir.path,
                                              .redis_url = redis.url,
                                              .delay_ms = DELAY_MS};
    service_start_api(&api, &settings);
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    expect_ready("{\"status\":\"ready\"}");
    cr_assert(process_wait_line(&api.process, "no order-worker starts them", LIMIT_MS));
    expect_ready("{\"status\":\"ready\",\"warning\":\"orders wait, and no order-worker starts "
                 "them\"}");
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));

    service_start_worker(&worker, &settings);
    cr_assert(process_wait_line(&api.process, "orders are processed again\" pending=0", LIMIT_MS));
    expect_ready("{\"status\":\"ready\"}");
    cr_assert_eq(process_log_count(&api.process, "no order-worker starts them"), 1);
    process_stop_cleanly(&worker.process, SERVICE_STOP_MS);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
