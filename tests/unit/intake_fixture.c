/* SPDX-License-Identifier: MIT */
#include "tests/unit/intake_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/wait_until.h"

struct store *store;
static struct queue *hints;
struct announcer *announcer;
struct intake *intake;
struct client *clients;
atomic_size_t answered;

static void done(struct intake_ticket *ticket)
{
    struct client *client = (struct client *)ticket;
    struct fake_order row;
    client->stored_before = fake_store_find(store, client->order.id, &row);
    atomic_fetch_add(&client->answers, 1);
    atomic_fetch_add(&answered, 1);
}

void setup(void)
{
    store = fake_store_create();
    hints = queue_open_memory(10000);
    announcer = announcer_start(NULL, hints);
    intake = intake_start(store, announcer);
    clients = calloc(CLIENTS_MAX, sizeof *clients);
    cr_assert_not_null(clients);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        clients[i].ticket.order = &clients[i].order;
        clients[i].ticket.done = done;
        strcpy(clients[i].order.client_id, "client");
        strcpy(clients[i].order.user_id, "user");
    }
}

void stop(void)
{
    intake_stop(intake);
    intake = NULL;
}

void teardown(void)
{
    stop();
    announcer_stop(announcer);
    queue_close(hints);
    store_destroy(store);
    free(clients);
}

void submit(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        intake_submit(intake, &clients[i].ticket);
    }
}

static bool has_answered(void *arg)
{
    return atomic_load(&answered) >= *(const size_t *)arg;
}

void wait_answers(size_t count)
{
    cr_assert(wait_until(has_answered, &count, WAIT_MS), "%zu of %zu are answered",
              atomic_load(&answered), count);
}

void submit_and_hold(void)
{
    fake_store_hold(store, FAKE_INSERT);
    submit(0, 1);
    cr_assert(fake_store_wait_held(store));
}

void make_late(size_t client)
{
    clients[client].ticket.base.arrived_ms -= INTAKE_DEADLINE_MS;
}

void check_answer(size_t client, enum status status)
{
    cr_assert_eq(clients[client].answers, 1, "client %zu got %d answers", client,
                 clients[client].answers);
    cr_assert_eq(clients[client].ticket.status, status, "client %zu got status %d", client,
                 (int)clients[client].ticket.status);
}

void check_stored(size_t client)
{
    check_answer(client, STATUS_OK);
    cr_assert(clients[client].stored_before, "client %zu", client);
    cr_assert_eq(clients[client].ticket.stored_id, clients[client].order.id);
}

size_t take_hints(order_id ids[], size_t max)
{
    size_t total = 0;
    size_t count;
    while (total < max && queue_pop(hints, ids + total, QUEUE_BATCH_MAX, 0, &count) == STATUS_OK) {
        total += count;
    }
    return total;
}

void check_hints(size_t expected)
{
    static order_id ids[4 * QUEUE_BATCH_MAX];
    stop();
    size_t count = take_hints(ids, 3 * QUEUE_BATCH_MAX);
    cr_assert_eq(count, expected, "%zu hints", count);
    order_id_sort(ids, count);
    for (size_t i = 0; i < count; i++) {
        struct fake_order row;
        cr_assert(fake_store_find(store, ids[i], &row), "a hint for an order that is not there");
        cr_assert(i == 0 || ids[i - 1] < ids[i], "an order is announced twice");
    }
}
