/* SPDX-License-Identifier: MIT */
/*
 * docker-compose.yml in a real engine: it starts as the README says, its workers scale, its
 * containers die and are replaced, all under load. Every acknowledged order is completed.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/order/order.h"
#include "tests/compose/composition.h"
#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/wait_until.h"

enum {
    THREADS = 8,
    RATE_PER_S = 300,
    ORDERS_MAX = 300 * RATE_PER_S,
    SOME = 2 * RATE_PER_S, /* about two seconds of load */
    LIMIT_MS = 60000,
    TIMEOUT_S = 400,
};

/* What docker-compose.yml and .env.example have. */
#define CLIENT_ID "demo"
#define CLIENT_SECRET "demo-secret"

static struct composition composition;
static struct http_client *client;
static struct load load;

static void finish(void)
{
    load_stop(&load);
    load_finish(&load);
    http_client_destroy(client);
    composition_discard(&composition);
}

TestSuite(compose, .fini = finish, .timeout = TIMEOUT_S);

static void open_client(uint16_t port)
{
    client = http_client_create(port, CLIENT_ID, CLIENT_SECRET);
    load.ports[0] = port;
    load.port_count = 1;
    load.thread_count = THREADS;
    load.order_count = ORDERS_MAX;
    load.rate_per_s = RATE_PER_S;
    load.client_id = CLIENT_ID;
    load.client_secret = CLIENT_SECRET;
}

static bool is_ready(void *arg)
{
    (void)arg;
    return http_get(client, "/readyz")->status == 200;
}

/* Uses only docker-compose.yml: no .env, and images are built if needed. */
static void bring_up(const char *services)
{
    composition_create(&composition, "COMPOSE", NULL);
    composition_run(&composition, "up -d --build %s", services);
    open_client(composition.port);
    cr_assert(wait_until(is_ready, NULL, LIMIT_MS), "the API is not ready");
}

static bool so_many_are_accepted(void *arg)
{
    const size_t *count = arg;
    return load.accepted >= *count;
}

/* Waits until the load has so many more orders accepted. */
static void wait_for_more_orders(size_t more)
{
    size_t count = load.accepted + more;
    cr_assert(wait_until(so_many_are_accepted, &count, LIMIT_MS),
              "%zu were accepted, %zu failed, the first: %s", load.accepted, load.failed,
              load.failure);
}

/* Since `before`, a reading of load.failed. */
static void expect_no_failure_since(size_t before)
{
    cr_assert_eq(load.failed, before, "%zu requests failed; the first of all: %s",
                 load.failed - before, load.failure);
}

struct figures {
    int64_t total;
    int64_t pending;
    int64_t processing;
    int64_t completed;
    int64_t average_us;
};

static struct figures read_metrics(void)
{
    const struct shown_metrics shown = expect_metrics(http_get(client, "/metrics"));
    return (struct figures){.total = shown.total,
                            .pending = shown.pending,
                            .processing = shown.processing,
                            .completed = shown.completed,
                            .average_us = (int64_t)(shown.average_s * 1e6 + 0.5)};
}

static bool none_is_open(void *arg)
{
    (void)arg;
    struct figures figures = read_metrics();
    return figures.pending == 0 && figures.processing == 0;
}

/* `command`: prints what the rows say, in the order of struct figures. */
static void expect_metrics_to_equal(const char *command)
{
    struct figures rows;
    const char *output = composition_ask(&composition, "%s", command);
    cr_assert_eq(sscanf(output, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
                        &rows.total, &rows.pending, &rows.processing, &rows.completed,
                        &rows.average_us),
                 5, "%s", output);
    struct figures shown = read_metrics();
    cr_assert_arr_eq(&shown, &rows, sizeof rows,
                     "metrics: %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                     ", rows: %s",
                     shown.total, shown.pending, shown.processing, shown.completed,
                     shown.average_us, output);
}

#define IN_MYSQL                                                                                   \
    "$(docker ps -q --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME "              \
    "--filter label=com.docker.compose.service=mysql)"

#define RECOUNT_MYSQL                                                                              \
    "docker exec " IN_MYSQL " sh -c 'MYSQL_PWD=orders mysql -N -B "                                \
    "-h 127.0.0.1 -u orders orders -e \"SELECT count(*), sum(status = 0), sum(status = 1), "       \
    "sum(status = 2), sum(TIMESTAMPDIFF(MICROSECOND, created_at, completed_at)) DIV count(*) "     \
    "FROM orders\"'"

#define RECOUNT_POSTGRES                                                                           \
    "docker exec $(docker ps -q --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME "  \
    "--filter label=com.docker.compose.service=postgres) psql -A -t -F ' ' -U orders orders -c "   \
    "\"SELECT count(*), count(*) FILTER (WHERE status = 0), count(*) FILTER (WHERE status = 1), "  \
    "count(*) FILTER (WHERE status = 2), floor(sum(extract(epoch FROM completed_at - "             \
    "created_at)) * 1000000 / count(*))::bigint FROM orders\""

/*
 * The load is over: every order is completed, those that were acknowledged among them, and the
 * metrics are what a recount of the rows says, so none was counted twice.
 */
static void expect_every_order_to_complete(const char *recount)
{
    cr_assert_gt(load.accepted, 0);
    order_id_sort(load.ids, load.accepted);
    cr_assert(wait_until(none_is_open, NULL, LIMIT_MS), "orders stay open");
    for (size_t i = 0; i < load.accepted; i++) {
        char path[64];
        cr_assert(i == 0 || load.ids[i] != load.ids[i - 1], "acknowledged twice");
        snprintf(path, sizeof path, "/order/ORD%" PRIu64, load.ids[i]);
        expect_order(http_get(client, path), load.ids[i], "Completed");
    }
    expect_metrics_to_equal(recount);
    cr_log_info("%zu orders accepted and completed, %zu requests failed", load.accepted,
                load.failed);
}

static void expect_every_accepted_order_to_complete(void)
{
    load_stop(&load);
    expect_every_order_to_complete(RECOUNT_MYSQL);
    cr_assert_geq((size_t)read_metrics().total, load.accepted);
}

static bool is_completed(void *arg)
{
    char path[64];
    char expected[128];
    const uint64_t *id = arg;
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, *id);
    snprintf(expected, sizeof expected,
             "{\"order_id\":\"ORD%" PRIu64 "\",\"order_status\":\"Completed\"}", *id);
    return strcmp(http_get(client, path)->body, expected) == 0;
}

/* Runs the README's curl lines against this composition; each answer begins as it is shown there.
 */
static void run_the_curl_lines_of_the_readme(void)
{
    const char *output = composition_ask(
        &composition,
        "grep -A 1 '^\\$ curl' README.md | grep -v '^--' | while read -r line; do case $line in "
        "'$ curl'*) said=$(eval \"$(echo \"${line#??}\" | sed "
        "\"s/127.0.0.1:8000/127.0.0.1:$PORT/\")\") ;;"
        "*) [ \"$(echo \"$said\" | cut -c 1-12)\" = \"$(echo \"$line\" | cut -c 1-12)\" ] && echo "
        "good ||"
        "    echo \"$said\" is not as \"$line\" ;;"
        "esac; done");
    cr_assert_str_eq(output, "good\ngood\ngood\ngood\ngood");
}

/* What the engine says of the first container of a service, by a template of `docker inspect`. */
static const char *inspect(const char *service, const char *template)
{
    return composition_ask(
        &composition,
        "docker inspect -f '%s' "
        "$(docker ps -q --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME "
        "--filter label=com.docker.compose.service=%s | head -n 1)",
        template, service);
}

static void expect_hardened(const char *service)
{
    cr_expect_str_eq(inspect(service, "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} "
                                      "{{.HostConfig.SecurityOpt}} {{gt .HostConfig.Memory 0}} "
                                      "{{.HostConfig.RestartPolicy.Name}}"),
                     "true [ALL] [no-new-privileges:true] true unless-stopped", "%s: %s", service,
                     composition.output);
    const char *user = inspect(service, "{{.Config.User}}");
    cr_expect(*user >= '1' && *user <= '9', "%s runs as '%s'", service, user);
}

/* The API on loopback, and with time for its drain of 7 s; the others for each other only. */
static void expect_api_alone_to_be_reachable(const char *api, const char *const others[],
                                             size_t count)
{
    cr_expect_str_eq(inspect(api, "{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} "
                                  "{{end}}{{end}}"),
                     "127.0.0.1 ");
    cr_expect_str_eq(inspect(api, "{{.Config.StopTimeout}}"), "20");
    for (size_t i = 0; i < count; i++) {
        expect_hardened(others[i]);
        cr_expect_str_eq(inspect(others[i], "{{len .HostConfig.PortBindings}}"), "0");
        cr_expect_str_eq(inspect(others[i], "{{range $name, $network := .NetworkSettings.Networks}}"
                                            "{{$name}} {{end}}"),
                         composition_ask(&composition, "echo ${COMPOSE_PROJECT_NAME}_inside ''"),
                         "%s", others[i]);
    }
    expect_hardened(api);
    cr_expect_str_eq(composition_ask(&composition, "docker network inspect -f '{{.Internal}}' "
                                                   "${COMPOSE_PROJECT_NAME}_inside"),
                     "true");
}

/* What is stored is on the disk, and no hint is thrown out for another. */
static void expect_durable_settings(void)
{
    cr_expect_str_eq(
        composition_ask(&composition,
                        "docker exec " IN_MYSQL
                        " sh -c 'MYSQL_PWD=orders mysql -N -B -h 127.0.0.1 -u orders -e "
                        "\"SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog\"'"),
        "1\t1");
    cr_expect_str_eq(
        composition_ask(&composition,
                        "docker exec $(docker ps -q --filter "
                        "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME --filter "
                        "label=com.docker.compose.service=redis) "
                        "redis-cli config get maxmemory-policy | tail -n 1"),
        "noeviction");
}

Test(compose, comes_up_as_the_readme_says_and_keeps_its_orders_over_a_down)
{
    composition_create(&composition, "COMPOSE_V2", ".env.example");
    composition_run(&composition, "up --build -d --wait --scale worker=3");
    open_client(composition.port);
    composition_wait_healthy(&composition, "worker", 3);
    uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    uint64_t start_ms = wait_now_ms();
    cr_assert(wait_until(is_completed, &id, LIMIT_MS));
    cr_assert_geq(wait_now_ms() - start_ms, 1900); /* two seconds, by clocks that differ a little */
    run_the_curl_lines_of_the_readme();
    const char *const others[] = {"mysql", "redis", "worker"};
    expect_api_alone_to_be_reachable("api", others, 3);
    expect_durable_settings();
    cr_assert(wait_until(none_is_open, NULL, LIMIT_MS));
    int64_t total = read_metrics().total;

    composition_run(&composition, "down");
    composition_run(&composition, "up -d --wait");
    cr_assert(wait_until(is_ready, NULL, LIMIT_MS));
    cr_assert_eq(read_metrics().total, total);
    cr_assert(is_completed(&id));
    expect_metrics_to_equal(RECOUNT_MYSQL);
}

Test(compose, workers_scale_and_the_api_is_replaced_under_load)
{
    bring_up("--scale worker=1");
    load_start(&load);
    wait_for_more_orders(SOME);
    composition_run(&composition, "up -d --no-recreate --scale worker=4");
    composition_wait_healthy(&composition, "worker", 4);
    wait_for_more_orders(SOME);
    composition_run(&composition, "up -d --no-recreate --scale worker=2");
    composition_wait_healthy(&composition, "worker", 2);
    wait_for_more_orders(SOME);
    expect_no_failure_since(0);

    char before[COMPOSITION_OUTPUT_SIZE];
    snprintf(before, sizeof before, "%s", composition_container(&composition, "api"));
    composition_run(&composition, "up -d --no-deps --force-recreate api");
    cr_assert(wait_until(is_ready, NULL, LIMIT_MS));
    cr_assert_str_neq(composition_container(&composition, "api"), before);
    wait_for_more_orders(SOME);
    size_t failed = load.failed;
    wait_for_more_orders(SOME);
    expect_no_failure_since(failed);
    expect_every_accepted_order_to_complete();
}

Test(compose, parts_that_die_under_load_come_back_by_themselves)
{
    bring_up("--scale worker=2");
    load_start(&load);
    wait_for_more_orders(SOME);
    composition_crash(&composition, "worker");
    composition_wait_healthy(&composition, "worker", 2);
    wait_for_more_orders(SOME);
    composition_crash(&composition, "redis");
    composition_wait_healthy(&composition, "redis", 1);
    wait_for_more_orders(SOME);
    expect_no_failure_since(0);

    composition_crash(&composition, "api");
    composition_wait_healthy(&composition, "api", 1);
    wait_for_more_orders(SOME);
    size_t failed = load.failed;
    wait_for_more_orders(SOME);
    expect_no_failure_since(failed);
    expect_every_accepted_order_to_complete();
}

Test(compose, everything_is_replaced_by_a_rebuilt_image_under_load)
{
    bring_up("--scale worker=2");
    load_start(&load);
    wait_for_more_orders(SOME);
    composition.revision = "second";
    composition_run(&composition, "up -d --build --force-recreate --scale worker=2");
    const char *const services[] = {"api", "worker"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(
            composition_ask(&composition,
                            "docker inspect -f '{{index .Config.Labels "
                            "\"org.opencontainers.image.revision\"}}' $(docker ps -q "
                            "--filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME "
                            "--filter label=com.docker.compose.service=%s) | sort -u",
                            services[i]),
            "second");
    }
    cr_assert(wait_until(is_ready, NULL, LIMIT_MS));
    wait_for_more_orders(SOME);
    size_t failed = load.failed;
    wait_for_more_orders(SOME);
    expect_no_failure_since(failed);
    expect_every_accepted_order_to_complete();
}

Test(compose, the_profile_postgres_runs_the_same_pair_on_postgresql)
{
    composition_create(&composition, "COMPOSE", NULL);
    composition_run(&composition, "up --build -d api-postgres worker-postgres");
    open_client(composition.postgres_port);
    cr_assert(wait_until(is_ready, NULL, LIMIT_MS), "the API is not ready");
    load.order_count = 2 * SOME;
    load_run(&load);
    expect_every_order_to_complete(RECOUNT_POSTGRES);
    cr_assert_eq((size_t)read_metrics().total, load.accepted);
    const char *const others[] = {"postgres", "worker-postgres"};
    expect_api_alone_to_be_reachable("api-postgres", others, 2);
    cr_assert_eq(composition_healthy(&composition, "mysql"), 0);
}
