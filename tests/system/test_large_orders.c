/* SPDX-License-Identifier: MIT */
/*
 * A MySQL server that takes less in one statement than an order may be long: such an order is
 * refused, with what to change, and nothing happens to those that come with it.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/http_client.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"

enum { SMALL = 20, ROUNDS = 5, ITEMS = 950, BODY_SIZE = 65536 };

static struct temp_dir dir;
static struct mariadb_server mariadb;
static struct service api;
static char large[BODY_SIZE];
static pthread_barrier_t together;

static void start(void)
{
    size_t len = (size_t)snprintf(large, sizeof large,
                                  "{\"user_id\":\"u\",\"total_amount\":1,\"item_ids\":[1");
    for (int i = 0; i < ITEMS; i++) {
        len += (size_t)snprintf(large + len, sizeof large - len, ",\"%060d\"", i);
    }
    snprintf(large + len, sizeof large - len, "]}");
    temp_dir_create(&dir);
    mariadb.options[0] = "--max-allowed-packet=16384";
    mariadb_server_start(&mariadb);
    service_start_api(&api,
                      &(struct service_settings){.folder = dir.path, .database_url = mariadb.url});
}

static void finish(void)
{
    process_discard(&api.process);
    mariadb_server_discard(&mariadb);
    temp_dir_remove(&dir);
}

TestSuite(large_orders, .init = start, .fini = finish, .timeout = 120);

struct poster {
    pthread_t thread;
    struct http_client *client;
    const char *body;
    const struct http_response *response;
};

static void *post(void *arg)
{
    struct poster *poster = arg;
    pthread_barrier_wait(&together);
    poster->response = http_post_order(poster->client, poster->body);
    return NULL;
}

static void post_together(struct poster posters[SMALL + 1])
{
    for (size_t i = 0; i <= SMALL; i++) {
        cr_assert_eq(pthread_create(&posters[i].thread, NULL, post, &posters[i]), 0);
    }
    for (size_t i = 0; i <= SMALL; i++) {
        pthread_join(posters[i].thread, NULL);
    }
    for (size_t i = 0; i < SMALL; i++) {
        const struct http_response *response = posters[i].response;
        cr_assert_eq(response->status, 200, "%ld %s", response->status, response->body);
    }
}

Test(large_orders, one_that_the_database_cannot_take_is_a_413_and_those_beside_it_are_stored)
{
    struct poster posters[SMALL + 1] = {{.client = NULL}};
    pthread_barrier_init(&together, NULL, SMALL + 1);
    for (size_t i = 0; i <= SMALL; i++) {
        posters[i].client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
        posters[i].body =
            i == SMALL ? large : "{\"user_id\":\"u\",\"item_ids\":[1],\"total_amount\":1}";
    }
    for (int round = 0; round < ROUNDS; round++) {
        post_together(posters);
        const struct http_response *response = posters[SMALL].response;
        cr_assert_eq(response->status, 413, "%ld %s", response->status, response->body);
        cr_assert_not_null(strstr(response->body, "at most 16384 bytes"), "%s", response->body);
        cr_assert_not_null(strstr(response->body, "max_allowed_packet"), "%s", response->body);
    }
    for (size_t i = 0; i <= SMALL; i++) {
        http_client_destroy(posters[i].client);
    }
    pthread_barrier_destroy(&together);
    cr_assert_eq(process_log_count(&api.process, "database call failed"), 0);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* As the answer asks for. The connection is older. */
Test(large_orders, a_limit_that_is_raised_counts_at_once)
{
    struct http_client *client =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    cr_assert_eq(http_post_order(client, large)->status, 413);
    struct sql *admin = sql_open_mariadb_admin(&mariadb);
    sql_execute(admin, "SET GLOBAL max_allowed_packet = 1048576");
    sql_close(admin);
    const struct http_response *response = http_post_order(client, large);
    cr_assert_eq(response->status, 200, "%ld %s", response->status, response->body);
    http_client_destroy(client);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}
