/* SPDX-License-Identifier: MIT */
#include "tests/support/load.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/wait_until.h"

struct poster {
    struct load *load;
    uint16_t port;
    bool served;
};

static void keep_failure(struct load *load, const struct http_response *response)
{
    if (atomic_fetch_add(&load->failed, 1) == 0) {
        snprintf(load->failure, sizeof load->failure, "%ld %s %s", response->status,
                 response->status == 0 ? response->error : "", response->body);
    }
}

/* False: this client is to stop. */
static bool post(struct poster *poster, struct http_client *client)
{
    struct load *load = poster->load;
    char connection[16];
    uint64_t id = 0;
    const struct http_response *response = http_post_order(client, EXPECT_GOOD_ORDER);
    if (response->status == 200 &&
        sscanf(response->body, "{\"order_id\":\"ORD%" SCNu64, &id) == 1) {
        load->ids[atomic_fetch_add(&load->accepted, 1)] = id;
        if (!poster->served) {
            poster->served = true;
            atomic_fetch_add(&load->served, 1);
        }
    } else {
        keep_failure(load, response);
        return response->status != 0 || load->rate_per_s > 0;
    }
    if (http_header(response, "Connection", connection, sizeof connection) &&
        strcmp(connection, "close") == 0) {
        atomic_fetch_add(&load->closed, 1);
        return load->rate_per_s > 0;
    }
    return true;
}

/* Waits until it is time for the next order. False: there is none. */
static bool take_turn(struct load *load)
{
    size_t turn = atomic_fetch_add(&load->begun, 1);
    if (load->rate_per_s > 0) {
        uint64_t due_ms = load->start_ms + turn * 1000 / load->rate_per_s;
        struct timespec due = {.tv_sec = (time_t)(due_ms / 1000),
                               .tv_nsec = (long)(due_ms % 1000) * 1000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    return turn < load->order_count && !atomic_load(&load->stopping);
}

static void *run(void *arg)
{
    struct poster *poster = arg;
    struct load *load = poster->load;
    bool own = load->client_id == NULL;
    struct http_client *client =
        http_client_create(poster->port, own ? SERVICE_CLIENT_ID : load->client_id,
                           own ? SERVICE_CLIENT_SECRET : load->client_secret);
    while (client != NULL && take_turn(load) && post(poster, client)) {
    }
    http_client_destroy(client);
    free(poster);
    return NULL;
}

void load_start(struct load *load)
{
    cr_assert(load->thread_count >= 1 && load->thread_count <= LOAD_THREADS_MAX);
    cr_assert(load->port_count >= 1 && load->port_count <= LOAD_PORTS_MAX);
    load->ids = calloc(load->order_count, sizeof load->ids[0]);
    cr_assert_not_null(load->ids);
    load->start_ms = wait_now_ms();
    for (size_t i = 0; i < load->thread_count; i++) {
        struct poster *poster = malloc(sizeof *poster);
        cr_assert_not_null(poster);
        *poster = (struct poster){.load = load, .port = load->ports[i % load->port_count]};
        cr_assert_eq(pthread_create(&load->threads[i], NULL, run, poster), 0);
        load->running++;
    }
}

void load_join(struct load *load)
{
    while (load->running > 0) {
        pthread_join(load->threads[--load->running], NULL);
    }
}

void load_stop(struct load *load)
{
    atomic_store(&load->stopping, true);
    load_join(load);
}

void load_expect_no_failure(const struct load *load)
{
    cr_assert_eq(load->failed, 0, "%zu requests failed, the first: %s", load->failed,
                 load->failure);
}

void load_run(struct load *load)
{
    load_start(load);
    load_join(load);
    load_expect_no_failure(load);
    cr_assert_eq(load->accepted, load->order_count);
}

void load_finish(struct load *load)
{
    free(load->ids);
    memset(load, 0, sizeof *load);
}
