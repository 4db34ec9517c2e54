/* SPDX-License-Identifier: MIT */
#include "tests/support/galera_cluster.h"

#include <stdarg.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/free_port.h"

enum { START_TRIES = 3, LIMIT_MS = 60000 };

__attribute__((format(printf, 2, 3))) static void add(struct galera_node *node, const char *format,
                                                      ...)
{
    size_t count = 0;
    while (count < MARIADB_OPTIONS_MAX && node->server.options[count] != NULL) {
        count++;
    }
    cr_assert_lt(count, MARIADB_OPTIONS_MAX);
    va_list values;
    va_start(values, format);
    int len = vsnprintf(node->options[count], GALERA_OPTION_SIZE, format, values);
    va_end(values);
    cr_assert_lt(len, GALERA_OPTION_SIZE);
    node->server.options[count] = node->options[count];
}

/* `port`: where the node talks to the others; `first_port`: where it finds one, 0 for the first. */
static void set_options(struct galera_node *node, unsigned int port, unsigned int first_port)
{
    add(node, "--wsrep-on=ON");
    add(node, "--wsrep-provider=/usr/lib/galera/libgalera_smm.so");
    add(node, "--wsrep-cluster-name=orders-test");
    if (first_port == 0) {
        add(node, "--wsrep-cluster-address=gcomm://");
    } else {
        add(node, "--wsrep-cluster-address=gcomm://127.0.0.1:%u", first_port);
    }
    add(node, "--wsrep-node-address=127.0.0.1:%u", port);
    add(node, "--wsrep-sst-method=rsync");
    add(node, "--wsrep-sst-receive-address=127.0.0.1:%u", (unsigned)free_port());
    add(node,
        "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%u;"
        "ist.recv_addr=127.0.0.1:%u;gcache.size=8M;gcache.recover=no",
        port, (unsigned)free_port());
    add(node, "--binlog-format=ROW");
    add(node, "--innodb-autoinc-lock-mode=2");
    node->server.unprivileged = true;
}

/* False: it has ended instead, most likely because somebody took one of its ports. */
static bool start_node(struct galera_node *node, unsigned int port, unsigned int first_port)
{
    set_options(node, port, first_port);
    mariadb_server_prepare(&node->server);
    mariadb_server_set_port(&node->server);
    mariadb_server_launch(&node->server);
    return process_wait_line(&node->server.process, "Synchronized with group", LIMIT_MS) &&
           process_wait_line(&node->server.process, "mariadbd: ready for connections", LIMIT_MS);
}

void galera_cluster_start(struct galera_cluster *cluster)
{
    for (int i = 0; i < START_TRIES; i++) {
        unsigned int first_port = free_port();
        if (start_node(&cluster->nodes[0], first_port, 0) &&
            start_node(&cluster->nodes[1], free_port(), first_port)) {
            return;
        }
        galera_cluster_discard(cluster);
    }
    cr_assert_fail("the cluster does not start");
}

void galera_cluster_discard(struct galera_cluster *cluster)
{
    for (size_t i = 0; i < GALERA_NODES; i++) {
        mariadb_server_discard(&cluster->nodes[i].server);
        cluster->nodes[i] = (struct galera_node){.options = {""}};
    }
}
