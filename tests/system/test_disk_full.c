/* SPDX-License-Identifier: MIT */
/*
 * The database's disk is full: what was acknowledged stays, the rest gets 503, and
 * when there is room again orders are taken, stored and completed as before.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/small_disk.h"
#include "tests/support/wait_until.h"
#include "tests/system/pair_fixture.h"

enum {
    DISK_MB = 220,
    ITEMS = 900,
    ITEM_LEN = 60,
    ANSWER_LIMIT_MS = 8000,
    POSTS_MAX = 4000,
    SOME_ORDERS = 20,
    REFUSED = 2,
};

static char body[ITEMS * (ITEM_LEN + 3) + 100];

static void start_on_a_small_disk(void)
{
    small_disk_mount(DISK_MB);
    start();
}

static void finish_with_the_disk(void)
{
    finish();
    small_disk_unmount();
}

TestSuite(disk_full, .init = start_on_a_small_disk, .fini = finish_with_the_disk, .timeout = 150);

/* As large as an order may be, and such that no database can store it in less. */
static void write_body(unsigned *seed)
{
    char *end = stpcpy(body, "{\"user_id\":\"u\",\"total_amount\":1,\"item_ids\":[");
    for (size_t i = 0; i < ITEMS; i++) {
        *end++ = '"';
        for (size_t j = 0; j < ITEM_LEN; j++) {
            *end++ = (char)('!' + 2 + rand_r(seed) % 50); /* '#' to 'T' */
        }
        end = stpcpy(end, i + 1 < ITEMS ? "\"," : "\"");
    }
    strcpy(end, "]}");
}

/* Servers have some room in their files; at the end of it no more is stored. Returns how many
 * were. */
static int64_t post_until_refused(void)
{
    unsigned seed = 1;
    int refused = 0;
    int64_t stored = 0;
    for (int i = 0; i < POSTS_MAX && refused < REFUSED; i++) {
        small_disk_fill();
        write_body(&seed);
        uint64_t start_ms = wait_now_ms();
        const struct http_response *response = http_post_order(client, body);
        cr_assert_lt(wait_now_ms() - start_ms, ANSWER_LIMIT_MS);
        if (response->status == 200) {
            stored++;
        } else {
            expect_problem(response, 503, "/order");
            expect_header(response, "Retry-After", "1");
            refused++;
        }
    }
    cr_assert_eq(refused, REFUSED, "the disk is not full");
    return stored;
}

/* A server that has ended itself over it is started again, as its supervisor would. */
static void revive_database(void)
{
    struct process *const servers[] = {&database.mariadb.process, &database.postgres.process};
    for (size_t i = 0; i < 2; i++) {
        if (servers[i]->pid != 0 && process_wait_exit(servers[i], 0) != -1) {
            database_restart(&database);
        }
    }
}

static bool an_order_is_stored(void *arg)
{
    (void)arg;
    revive_database();
    return http_post_order(client, EXPECT_GOOD_ORDER)->status == 200;
}

Test(disk_full, nothing_acknowledged_is_lost_and_it_goes_on_when_there_is_room)
{
    start_apis(1);
    start_workers(1);
    post_orders(SOME_ORDERS);
    sql_close(sql);
    sql = NULL;
    int64_t stored = SOME_ORDERS + post_until_refused();
    expect_status(http_get(client, "/livez"), 200);
    small_disk_free();
    cr_assert(wait_until(an_order_is_stored, NULL, LIMIT_MS), "it does not go on");
    post_orders(SOME_ORDERS);
    stored += 1 + SOME_ORDERS;
    sql = database_open_sql(&database);
    cr_assert(count_where("1 = 1") >= stored, "%lld of %lld are there",
              (long long)count_where("1 = 1"), (long long)stored);
    expect_all_completed_once(count_where("1 = 1"));
    stop_services();
}
