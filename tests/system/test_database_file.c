/* SPDX-License-Identifier: MIT */
/*
 * Somebody moves or removes the files of SQLite while order-api serves: it says so within a second,
 * and acknowledges nothing that would be gone with it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum { LIMIT_MS = 20000, NOTICE_MS = 1000 };

static struct temp_dir dir;
static struct service api;
static struct http_client *client;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static void finish(void)
{
    http_client_destroy(client);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(database_file, .init = start, .fini = finish, .timeout = 60);

static const char *file(const char *name)
{
    return temp_dir_file(&dir, name);
}

static bool has_status(void *arg)
{
    return http_get(client, "/readyz")->status == *(const int *)arg;
}

static void wait_readiness(int status)
{
    cr_assert(wait_until(has_status, &status, status == 200 ? LIMIT_MS : NOTICE_MS),
              "/readyz is not %d", status);
}

Test(database_file, removed_it_is_not_ready_and_acknowledges_nothing)
{
    cr_assert_eq(http_post_order(client, EXPECT_GOOD_ORDER)->status, 200);
    cr_assert_eq(unlink(file("orders.db")), 0, "%m");
    cr_assert_eq(unlink(file("orders.db-wal")), 0, "%m");
    cr_assert_eq(unlink(file("orders.db-shm")), 0, "%m");
    wait_readiness(503);
    cr_assert_eq(http_post_order(client, EXPECT_GOOD_ORDER)->status, 503);
    cr_assert(process_log_contains(&api.process, "was renamed, removed or replaced"));
    cr_assert_eq(access(file("orders.db"), F_OK), -1, "an empty file hides that");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(database_file, renamed_and_put_back_it_serves_again_and_has_lost_nothing)
{
    uint64_t first = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    cr_assert_eq(rename(file("orders.db"), file("elsewhere.db")), 0, "%m");
    wait_readiness(503);
    cr_assert_eq(http_post_order(client, EXPECT_GOOD_ORDER)->status, 503);
    cr_assert_eq(rename(file("elsewhere.db"), file("orders.db")), 0, "%m");
    wait_readiness(200);
    char path[64];
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, first);
    cr_assert_eq(http_get(client, path)->status, 200);
    cr_assert_eq(http_post_order(client, EXPECT_GOOD_ORDER)->status, 200);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
