/* SPDX-License-Identifier: MIT */
#include "tests/system/http_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/database.h"
#include "tests/support/expect.h"
#include "tests/support/service.h"

enum { SLOW_MS = 60 * 1000 };

static struct database database;
static struct service api;
static struct service other_api;
struct http_client *client;
struct http_client *stranger;
struct http_client *other;

static void start_api(void)
{
    service_start_api(&api, &(struct service_settings){.folder = database.folder,
                                                       .database_url = database.url,
                                                       .delay_ms = SLOW_MS});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    stranger = http_client_create(api.port, NULL, NULL);
}

void start(void)
{
    database_start(&database, getenv("ORDERS_SYSTEM_DATABASE"));
    start_api();
}

void finish(void)
{
    http_client_destroy(client);
    http_client_destroy(stranger);
    http_client_destroy(other);
    if (other_api.process.pid != 0) {
        process_stop_cleanly(&other_api.process, SERVICE_STOP_MS);
    }
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&other_api.process);
    process_discard(&api.process);
    database_discard(&database);
}

void start_other(void)
{
    static const char *const credentials[] = {"API_CLIENT_ID=other-client",
                                              "API_CLIENT_SECRET=other-secret", NULL};
    service_start_api(&other_api, &(struct service_settings){.folder = database.folder,
                                                             .database_url = database.url,
                                                             .delay_ms = SLOW_MS,
                                                             .others = credentials});
    other = http_client_create(other_api.port, "other-client", "other-secret");
}

struct sql *hold_orders(void)
{
    struct sql *sql = database_open_sql(&database);
    database_hold_orders(&database, sql);
    return sql;
}

void release_orders(struct sql *sql)
{
    database_release_orders(&database, sql);
    sql_close(sql);
}

int64_t ask_database(const char *query)
{
    struct sql *sql = database_open_sql(&database);
    int64_t value = sql_integer(sql, query);
    sql_close(sql);
    return value;
}

uint64_t post_good_order(void)
{
    return expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
}

const struct http_response *get_order(struct http_client *by, uint64_t id)
{
    char path[64];
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
    return http_get(by, path);
}

const struct http_response *post_with(const char *header, const char *body)
{
    const char *const headers[] = {header, NULL};
    return http_call(client, "POST", "/order", headers, body, strlen(body));
}

const struct http_response *get_with(struct http_client *by, const char *header, const char *path)
{
    const char *const headers[] = {header, NULL};
    return http_call(by, "GET", path, headers, NULL, 0);
}

bool any_is_processing(void *arg)
{
    (void)arg;
    return ask_database("SELECT count(*) FROM orders WHERE status = 1") > 0;
}

void restart_killed(void)
{
    http_client_destroy(client);
    http_client_destroy(stranger);
    process_kill(&api.process);
    start_api();
}
