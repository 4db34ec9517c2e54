/* SPDX-License-Identifier: MIT */
/*
 * The processes of a chaos run: two order-apis, two order-workers, a database and Redis, with a
 * fault proxy between each service and each server. Or, alone, one order-api on SQLite with its
 * in-process queue. The services keep their ports when they are started again.
 *
 * Blocks. Failing to start fails the test. Threads: the test's main thread, as process.h.
 */
#ifndef TESTS_CHAOS_TOPOLOGY_H
#define TESTS_CHAOS_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/database.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"

enum {
    TOPOLOGY_APIS = 2,
    TOPOLOGY_WORKERS = 2,
    TOPOLOGY_SERVICES = TOPOLOGY_APIS + TOPOLOGY_WORKERS, /* the APIs first */
    TOPOLOGY_DELAY_MS = 500,
};

struct topology {
    bool is_alone;    /* in: only one API */
    uint32_t disk_mb; /* in: size of a separate disk for all files; 0: none */
    struct database database;
    struct redis_server redis;
    struct service services[TOPOLOGY_SERVICES];
    struct fault_proxy *database_links[TOPOLOGY_SERVICES]; /* not for SQLite */
    struct fault_proxy *redis_links[TOPOLOGY_SERVICES];
    uint16_t ports[TOPOLOGY_APIS];
    int skew_s[TOPOLOGY_SERVICES];       /* error of the service's clock from its next start on */
    pid_t skewed[TOPOLOGY_SERVICES];     /* the last process with a wrong clock */
    bool was_started[TOPOLOGY_SERVICES]; /* launched, perhaps not ready yet */
};

/* `kind` is one of support/database.h: sqlite, mysql, postgres. Returns when all are ready. */
void topology_start(struct topology *topology, const char *kind);

/* For .fini; works in every state. */
void topology_discard(struct topology *topology);

bool topology_has(const struct topology *topology, size_t service);
bool topology_is_api(size_t service);

/* "api 1", "worker 2". */
const char *topology_service_name(size_t service);

/* Starts a service that has ended, and does not wait until it is ready. */
void topology_launch(struct topology *topology, size_t service);

/* Waits until all launched services are ready. Fails the test if one has ended by itself. */
void topology_settle(struct topology *topology);

/* Starts the database again if it has ended because the disk was full. */
void topology_revive_database(struct topology *topology);

/* SIGTERM to all services; fails the test unless each exits with 0. */
void topology_stop_services(struct topology *topology);

/* The counts of all proxies together. */
struct fault_counts topology_link_counts(const struct topology *topology);

#endif
