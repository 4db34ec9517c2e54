/* SPDX-License-Identifier: MIT */
/*
 * What a chaos run runs: two order-apis, two order-workers, a database and Redis, with a fault
 * proxy between each service and each server; or, alone, one order-api on SQLite with its
 * in-process queue. The services keep their ports when they are started again.
 *
 * Failing to start fails the test. Threads: the test's main thread, as process.h.
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
    bool is_alone;    /* in: one API is all */
    uint32_t disk_mb; /* in: of a disk for all files; 0: the machine's */
    struct database database;
    struct redis_server redis;
    struct service services[TOPOLOGY_SERVICES];
    struct fault_proxy *database_links[TOPOLOGY_SERVICES]; /* not for SQLite */
    struct fault_proxy *redis_links[TOPOLOGY_SERVICES];
    uint16_t ports[TOPOLOGY_APIS];
    int skew_s[TOPOLOGY_SERVICES]; /* by how much the service's clock is wrong, from its next start
                                    */
    pid_t skewed[TOPOLOGY_SERVICES];     /* the last process with a wrong clock */
    bool was_started[TOPOLOGY_SERVICES]; /* launched, and not known to be ready yet */
};

/* `kind` is one of support/database.h: sqlite, mysql, postgres. Returns when all are ready. */
void topology_start(struct topology *topology, const char *kind);

/* For .fini, in whatever state it is. */
void topology_discard(struct topology *topology);

bool topology_has(const struct topology *topology, size_t service);
bool topology_is_api(size_t service);

/* "api 1", "worker 2". */
const char *topology_service_name(size_t service);

/* Starts one that has ended, and does not wait for it. */
void topology_launch(struct topology *topology, size_t service);

/* Waits until all that were launched are ready, and fails the test if one has ended by itself. */
void topology_settle(struct topology *topology);

/* Where the disk can be full: starts a server that could not write its log, and so has ended. */
void topology_revive_database(struct topology *topology);

/* SIGTERM to all services; fails the test unless each exits with 0. */
void topology_stop_services(struct topology *topology);

/* What all proxies have done so far. */
struct fault_counts topology_link_counts(const struct topology *topology);

#endif
