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

enum { REPEAT_PAUSE_MS = 20 };

/* One client: connections to all services, the first to be used first. */
struct poster {
    struct load *load;
    size_t first;
    struct http_client *connections[LOAD_PORTS_MAX];
    bool served;
};

static void keep_failure(struct load *load, const struct http_response *response)
{
    if (atomic_fetch_add(&load->failed, 1) == 0) {
        snprintf(load->failure, sizeof load->failure, "%ld %s %s", response->status,
                 response->status == 0 ? response->error : "", response->body);
    }
}

static const struct http_response *send_once(const struct poster *poster, size_t turn,
                                             size_t repeat)
{
    char key[64];
    const struct load *load = poster->load;
    snprintf(key, sizeof key, "Idempotency-Key: order-%zu", turn);
    const char *const headers[] = {load->patience_ms > 0 ? key : NULL, NULL};
    return http_call(poster->connections[(poster->first + repeat) % load->port_count], "POST",
                     "/order", headers, EXPECT_GOOD_ORDER, strlen(EXPECT_GOOD_ORDER));
}

static const struct http_response *send_order(const struct poster *poster, size_t turn)
{
    static const struct timespec pause = {.tv_nsec = REPEAT_PAUSE_MS * 1000000L};
    struct load *load = poster->load;
    const struct http_response *response = send_once(poster, turn, 0);
    for (size_t repeat = 1;
         load->patience_ms > 0 && (response->status == 0 || response->status == 503); repeat++) {
        nanosleep(&pause, NULL);
        atomic_fetch_add(&load->repeated, 1);
        atomic_fetch_add(&load->refused, response->status == 503 ? 1 : 0);
        response = send_once(poster, turn, repeat);
    }
    return response;
}

/* False: this client is to stop. */
static bool post(struct poster *poster, size_t turn)
{
    struct load *load = poster->load;
    char connection[16];
    uint64_t id = 0;
    const struct http_response *response = send_order(poster, turn);
    if (response->status == 200 &&
        sscanf(response->body, "{\"order_id\":\"ORD%" SCNu64, &id) == 1) {
        load->ids[atomic_fetch_add(&load->accepted, 1)] = id;
        if (!poster->served) {
            poster->served = true;
            atomic_fetch_add(&load->served, 1);
        }
    } else {
        keep_failure(load, response);
        return load->patience_ms == 0 && (response->status != 0 || load->rate_per_s > 0);
    }
    if (http_header(response, "Connection", connection, sizeof connection) &&
        strcmp(connection, "close") == 0) {
        atomic_fetch_add(&load->closed, 1);
        return load->patience_ms > 0 || load->rate_per_s > 0;
    }
    return true;
}

/* Waits until it is time for the next order. False: there is none. */
static bool take_turn(struct load *load, size_t *turn)
{
    *turn = atomic_fetch_add(&load->begun, 1);
    if (load->rate_per_s > 0) {
        uint64_t due_ms = load->start_ms + *turn * 1000 / load->rate_per_s;
        struct timespec due = {.tv_sec = (time_t)(due_ms / 1000),
                               .tv_nsec = (long)(due_ms % 1000) * 1000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    return *turn < load->order_count && !atomic_load(&load->stopping);
}

/* False: no memory. */
static bool connect_poster(struct poster *poster)
{
    const struct load *load = poster->load;
    bool own = load->client_id == NULL;
    for (size_t i = 0; i < load->port_count; i++) {
        poster->connections[i] =
            http_client_create(load->ports[i], own ? SERVICE_CLIENT_ID : load->client_id,
                               own ? SERVICE_CLIENT_SECRET : load->client_secret);
        if (poster->connections[i] == NULL) {
            return false;
        }
        if (load->patience_ms > 0) {
            http_client_set_patience(poster->connections[i], load->patience_ms);
        }
    }
    return true;
}

static void *run(void *arg)
{
    struct poster *poster = arg;
    struct load *load = poster->load;
    size_t turn;
    bool goes_on = connect_poster(poster);
    while (goes_on && take_turn(load, &turn)) {
        goes_on = post(poster, turn);
    }
    for (size_t i = 0; i < load->port_count; i++) {
        http_client_destroy(poster->connections[i]);
    }
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
        *poster = (struct poster){.load = load, .first = i % load->port_count};
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
