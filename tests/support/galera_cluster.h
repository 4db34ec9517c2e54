/* SPDX-License-Identifier: MIT */
/*
 * Two MariaDB servers of the test's own that are one Galera cluster: each takes writes, and has
 * what the other has committed a moment later; what both have changed meanwhile fails at COMMIT.
 * Failing to start fails the test.
 */
#ifndef TESTS_SUPPORT_GALERA_CLUSTER_H
#define TESTS_SUPPORT_GALERA_CLUSTER_H

#include "tests/support/mariadb_server.h"

enum { GALERA_NODES = 2, GALERA_OPTION_SIZE = 256 };

struct galera_node {
    struct mariadb_server server;
    char options[MARIADB_OPTIONS_MAX][GALERA_OPTION_SIZE];
};

struct galera_cluster {
    struct galera_node nodes[GALERA_NODES];
};

/* `cluster` is zeroed. Returns when both answer and have the same. */
void galera_cluster_start(struct galera_cluster *cluster);

/* For .fini: ends them and removes their folders, in whatever state they are. */
void galera_cluster_discard(struct galera_cluster *cluster);

#endif
