/* SPDX-License-Identifier: MIT */
#include "tests/chaos/clients.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/chaos/exchange.h"
#include "tests/chaos/job_heap.h"
#include "tests/chaos/seeded.h"
#include "tests/support/wait_until.h"

enum {
    CONNECTIONS = 200, /* to each service, at most */
    EVENTS_MAX = 64,
    TICK_MS = 5,
    TIMEOUT_MS = 12000, /* longer than a service may take for an answer */
    SHORT_TIMEOUT_MS = 200,
    SHORT_TIMEOUT_ATTEMPTS = 3,
    REPEAT_PAUSE_MS = 40,
    REPEAT_SPREAD_MS = 200,
    LATER_SPREAD_MS = 3000, /* for what is sent after an acknowledgement */
};

struct connection {
    struct exchange exchange;
    struct job job; /* while it is busy */
    uint64_t until_ms;
    uint32_t armed; /* the events that epoll waits for */
    size_t service;
    bool is_busy;
};

struct clients {
    struct ledger *ledger;
    uint16_t ports[CLIENTS_SERVICES_MAX];
    size_t port_count;
    uint32_t rate_per_s;
    atomic_bool closing;
    atomic_bool ending;
    atomic_size_t outstanding;
    pthread_t thread;

    /* The rest is the thread's. */
    int epoll;
    uint64_t start_ms;
    size_t first; /* orders the ledger had before */
    uint64_t now_ms;
    size_t busy;
    struct seeded pauses;
    struct job_heap jobs;
    struct connection connections[CLIENTS_SERVICES_MAX][CONNECTIONS];
};

static void add_job(struct clients *clients, const struct job *job)
{
    if (!job_heap_push(&clients->jobs, job)) {
        ledger_fail(clients->ledger, "no memory for the clients");
    }
}

static void add_later(struct clients *clients, const struct job *job, enum job_kind kind,
                      uint32_t spread_ms)
{
    struct job later = *job;
    later.kind = kind;
    later.attempt = kind == JOB_ORDER ? 1 : 0;
    later.at_ms = clients->now_ms + seeded_below(&clients->pauses, spread_ms);
    later.service = (uint8_t)seeded_below(&clients->pauses, CLIENTS_SERVICES_MAX);
    add_job(clients, &later);
}

static void try_again(struct clients *clients, const struct job *job)
{
    struct job again = *job;
    again.attempt++;
    again.at_ms =
        clients->now_ms + REPEAT_PAUSE_MS + seeded_below(&clients->pauses, REPEAT_SPREAD_MS);
    add_job(clients, &again);
}

static bool is_read(const struct job *job)
{
    return job->kind == JOB_READ || job->kind == JOB_READ_AGAIN;
}

/* 503 or no answer: the client does not know whether the order is stored. */
static void take_unknown_outcome(struct clients *clients, const struct job *job)
{
    struct ledger *ledger = clients->ledger;
    if (is_read(job)) {
        return;
    }
    ledger->entries[job->number].is_uncertain = true;
    if (ledger_order(ledger, job->number).has_key) {
        try_again(clients, job);
    }
}

static void take_acknowledgement(struct clients *clients, const struct job *job, const char *body)
{
    struct ledger *ledger = clients->ledger;
    uint64_t id = 0;
    int len = 0;
    bool is_new = ledger->entries[job->number].id == 0;
    if (sscanf(body, "{\"order_id\":\"ORD%" SCNu64 "\",\"order_status\":\"Pending\"}%n", &id,
               &len) != 1 ||
        body[len] != '\0' || id == 0) {
        ledger_fail(ledger, "order %" PRIu64 " was answered with %s", job->number, body);
        return;
    }
    ledger_acknowledge(ledger, job->number, id, job->due_ms, clients->now_ms);
    if (!is_new) {
        return;
    }
    struct ledger_order order = ledger_order(ledger, job->number);
    if (order.is_repeated) {
        add_later(clients, job, JOB_REPEAT, LATER_SPREAD_MS);
    }
    if (order.is_read) {
        add_later(clients, job, JOB_READ, 1);
    }
}

static void take_status(struct ledger *ledger, const struct job *job, const char *body)
{
    char status[16] = "";
    uint64_t id = 0;
    if (sscanf(body, "{\"order_id\":\"ORD%" SCNu64 "\",\"order_status\":\"%15[A-Za-z]\"}", &id,
               status) != 2 ||
        id != ledger->entries[job->number].id) {
        ledger_fail(ledger, "order %" PRIu64 " was read as %s", job->number, body);
        return;
    }
    atomic_fetch_add(&ledger->reads, 1);
    ledger_note_status(ledger, job->number, status);
}

static void take_answer(struct clients *clients, const struct job *job,
                        const struct exchange *exchange)
{
    struct ledger *ledger = clients->ledger;
    const char *body = exchange->in + exchange->body;
    if (exchange->status == 503 || exchange->status == 429) {
        atomic_fetch_add(&ledger->refused, 1);
        take_unknown_outcome(clients, job);
    } else if (exchange->status == 200 && is_read(job)) {
        take_status(ledger, job, body);
        if (job->kind == JOB_READ) {
            /* Sent after the first answer, so it must not show an earlier status. */
            add_later(clients, job, JOB_READ_AGAIN, LATER_SPREAD_MS);
        }
    } else if (exchange->status == 200) {
        take_acknowledgement(clients, job, body);
    } else {
        ledger->entries[job->number].is_refused = true;
        ledger_fail(ledger, "order %" PRIu64 ", ORD%" PRIu64 ": %d %s", job->number,
                    ledger->entries[job->number].id, exchange->status, body);
    }
}

/* The request is over: an answer came, the client hung up, or no answer came. */
static void end_request(struct clients *clients, struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;
    struct job job = connection->job;
    connection->is_busy = false;
    clients->busy--;
    if (job.kind == JOB_HANG_UP) {
        clients->ledger->entries[job.number].is_uncertain = true;
        exchange_close(exchange);
        if (ledger_order(clients->ledger, job.number).has_key) {
            add_later(clients, &job, JOB_ORDER, REPEAT_SPREAD_MS);
        }
    } else if (exchange->state == EXCHANGE_ANSWERED) {
        take_answer(clients, &job, exchange);
        exchange_release(exchange);
    } else {
        exchange_close(exchange);
        atomic_fetch_add(&clients->ledger->unanswered, 1);
        take_unknown_outcome(clients, &job);
    }
}

/* Registers with epoll what the connection waits for. Closing a descriptor removes it. */
static void arm(struct clients *clients, struct connection *connection)
{
    uint32_t events = exchange_events(&connection->exchange);
    if (connection->exchange.state == EXCHANGE_CLOSED || events == connection->armed) {
        return;
    }
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(clients->epoll, connection->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
              connection->exchange.fd, &event);
    connection->armed = events;
}

static void advance(struct clients *clients, struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;
    exchange_advance(exchange);
    bool is_hung_up = connection->job.kind == JOB_HANG_UP && exchange->state == EXCHANGE_RECEIVING;
    if (connection->is_busy && (is_hung_up || exchange->state == EXCHANGE_ANSWERED ||
                                exchange->state == EXCHANGE_CLOSED)) {
        end_request(clients, connection);
    }
    arm(clients, connection);
}

/* An idle connection, or else a new one. NULL: all are busy, or there is no socket. */
static struct connection *find_connection(struct clients *clients, size_t service)
{
    struct connection *closed = NULL;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &clients->connections[service][i];
        if (connection->is_busy) {
            continue;
        }
        if (connection->exchange.state == EXCHANGE_IDLE) {
            return connection;
        }
        closed = closed == NULL ? connection : closed;
    }
    if (closed == NULL || !exchange_connect(&closed->exchange, clients->ports[service])) {
        return NULL;
    }
    closed->service = service;
    closed->armed = 0;
    return closed;
}

static void send_order(struct clients *clients, struct exchange *exchange, const struct job *job)
{
    char path[48];
    char key[LEDGER_KEY_SIZE];
    char body[LEDGER_BODY_SIZE];
    struct ledger *ledger = clients->ledger;
    if (is_read(job)) {
        snprintf(path, sizeof path, "/order/ORD%" PRIu64, ledger->entries[job->number].id);
        exchange_request(exchange, "GET", path, NULL, NULL);
        return;
    }
    ledger->entries[job->number].attempts++;
    ledger_write_body(ledger, job->number, body);
    ledger_write_key(ledger, job->number, key);
    exchange_request(exchange, "POST", "/order",
                     ledger_order(ledger, job->number).has_key ? key : NULL, body);
}

static void start_job(struct clients *clients, struct job *job)
{
    size_t service = (job->service + job->attempt) % clients->port_count;
    struct connection *connection = find_connection(clients, service);
    if (connection == NULL) {
        job->at_ms = clients->now_ms + TICK_MS;
        add_job(clients, job);
        return;
    }
    bool has_short_timeout = job->attempt < SHORT_TIMEOUT_ATTEMPTS && !is_read(job) &&
                             ledger_order(clients->ledger, job->number).has_short_timeout;
    connection->job = *job;
    connection->until_ms = clients->now_ms + (has_short_timeout ? SHORT_TIMEOUT_MS : TIMEOUT_MS);
    connection->is_busy = true;
    clients->busy++;
    atomic_fetch_add(&clients->ledger->attempts, 1);
    send_order(clients, &connection->exchange, job);
    advance(clients, connection);
}

static void add_order(struct clients *clients, uint64_t number, uint64_t due_ms)
{
    struct ledger_order order = ledger_order(clients->ledger, number);
    struct job job = {.at_ms = due_ms,
                      .due_ms = due_ms,
                      .number = number,
                      .kind = order.is_hung_up ? JOB_HANG_UP : JOB_ORDER,
                      .service = (uint8_t)(number % clients->port_count)};
    add_job(clients, &job);
    if (order.is_twin) {
        job.service++;
        add_job(clients, &job);
    }
}

/* Adds the orders that are due by now. */
static void add_orders(struct clients *clients)
{
    struct ledger *ledger = clients->ledger;
    size_t due = (clients->now_ms - clients->start_ms) * clients->rate_per_s / 1000;
    size_t begun = atomic_load(&ledger->begun);
    for (; begun < clients->first + due && begun < ledger->capacity; begun++) {
        size_t turn = begun - clients->first;
        add_order(clients, begun + 1, clients->start_ms + turn * 1000 / clients->rate_per_s);
    }
    atomic_store(&ledger->begun, begun);
}

static void start_jobs(struct clients *clients)
{
    const struct job *first;
    while ((first = job_heap_peek(&clients->jobs)) != NULL && first->at_ms <= clients->now_ms) {
        struct job job;
        job_heap_pop(&clients->jobs, &job);
        start_job(clients, &job);
    }
}

static void end_late(struct clients *clients)
{
    for (size_t i = 0; i < clients->port_count * CONNECTIONS; i++) {
        struct connection *connection = &clients->connections[i / CONNECTIONS][i % CONNECTIONS];
        if (connection->is_busy && connection->until_ms <= clients->now_ms) {
            exchange_close(&connection->exchange);
            end_request(clients, connection);
        }
    }
}

static void *run(void *arg)
{
    struct clients *clients = arg;
    struct epoll_event events[EVENTS_MAX];
    clients->start_ms = wait_now_ms();
    while (!atomic_load(&clients->ending)) {
        bool closing = atomic_load(&clients->closing);
        clients->now_ms = wait_now_ms();
        if (!closing) {
            add_orders(clients);
        }
        start_jobs(clients);
        end_late(clients);
        atomic_store(&clients->outstanding, clients->jobs.count + clients->busy + !closing);
        int count = epoll_wait(clients->epoll, events, EVENTS_MAX, TICK_MS);
        clients->now_ms = wait_now_ms();
        for (int i = 0; i < count; i++) {
            advance(clients, events[i].data.ptr);
        }
    }
    return NULL;
}

struct clients *clients_start(struct ledger *ledger, const uint16_t ports[], size_t port_count,
                              uint32_t rate_per_s)
{
    struct clients *clients = calloc(1, sizeof *clients);
    cr_assert_not_null(clients);
    cr_assert(port_count >= 1 && port_count <= CLIENTS_SERVICES_MAX);
    clients->ledger = ledger;
    memcpy(clients->ports, ports, port_count * sizeof ports[0]);
    clients->port_count = port_count;
    clients->rate_per_s = rate_per_s;
    clients->pauses.state = ledger->seed;
    clients->first = atomic_load(&ledger->begun);
    atomic_store(&clients->outstanding, 1);
    clients->epoll = epoll_create1(EPOLL_CLOEXEC);
    cr_assert_geq(clients->epoll, 0, "%m");
    cr_assert_eq(pthread_create(&clients->thread, NULL, run, clients), 0);
    return clients;
}

void clients_stop_sending(struct clients *clients)
{
    atomic_store(&clients->closing, true);
}

size_t clients_outstanding(const struct clients *clients)
{
    return atomic_load(&clients->outstanding);
}

void clients_finish(struct clients *clients)
{
    if (clients == NULL) {
        return;
    }
    atomic_store(&clients->ending, true);
    pthread_join(clients->thread, NULL);
    for (size_t i = 0; i < clients->port_count * CONNECTIONS; i++) {
        exchange_close(&clients->connections[i / CONNECTIONS][i % CONNECTIONS].exchange);
    }
    close(clients->epoll);
    job_heap_finish(&clients->jobs);
    free(clients);
}
