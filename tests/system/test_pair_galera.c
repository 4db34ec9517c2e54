/* SPDX-License-Identifier: MIT */
/*
 * The pair on a cluster of two nodes, each with an API and workers of its own: what both have
 * changed at once fails at COMMIT, and what one has committed comes to the other a moment later.
 */
#include <inttypes.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/system/pair_fixture.h"

enum { LOOKUPS = 200 };

TestSuite(pair_galera, .init = start, .fini = finish, .timeout = 150);

Test(pair_galera, an_order_taken_by_one_node_is_found_by_the_other_at_once)
{
    char path[64];
    start_apis(APIS);
    struct http_client *other =
        http_client_create(apis[1].port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    load.order_count = 1000 * 1000;
    load_start(&load); /* what keeps the nodes busy */
    for (int i = 0; i < LOOKUPS; i++) {
        uint64_t id = expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
        snprintf(path, sizeof path, "/order/ORD%" PRIu64, id);
        expect_order(http_get(other, path), id, "Pending");
    }
    http_client_destroy(other);
    load_stop(&load);
    load_expect_no_failure(&load);
    stop_services();
}
