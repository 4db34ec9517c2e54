/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "api-service/pipeline/id_block.h"
#include "tests/unit/fake_store.h"

enum { BLOCK = 10, BLOCK_MAX = 10000, SHORT_MS = 10000, LONG_MS = 100000 };

static struct store *store;
static struct id_block block;
static uint64_t now_ms = 1000000;

static void setup(void)
{
    store = fake_store_create();
}

static void teardown(void)
{
    store_destroy(store);
}

TestSuite(id_block, .init = setup, .fini = teardown);

static order_id take(struct id_block *from)
{
    order_id id = 0;
    cr_assert_eq(id_block_take(from, store, now_ms, &id), STATUS_OK);
    return id;
}

Test(id_block, ids_follow_each_other)
{
    cr_assert_eq(take(&block), 1);
    cr_assert_eq(take(&block), 2);
    cr_assert_eq(take(&block), 3);
}

Test(id_block, the_database_is_asked_once_a_block)
{
    for (order_id id = 1; id <= BLOCK; id++) {
        cr_assert_eq(take(&block), id);
    }
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), 1);
    cr_assert_eq(fake_store_call(store, FAKE_RESERVE_IDS, 0).count, BLOCK);
    cr_assert_eq(take(&block), BLOCK + 1);
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), 2);
}

Test(id_block, two_instances_never_share_an_id)
{
    struct id_block other = {0};
    cr_assert_eq(take(&block), 1);
    cr_assert_eq(take(&other), BLOCK + 1);
    cr_assert_eq(take(&block), 2);
    for (order_id id = 3; id <= BLOCK; id++) {
        cr_assert_eq(take(&block), id);
    }
    cr_assert_eq(take(&block), 2 * BLOCK + 1, "the other's block must be skipped");
}

/* Uses one block up, `ms` after it was reserved, and takes from the next. Returns the size of that.
 */
static size_t size_after(uint64_t ms)
{
    size_t calls = fake_store_calls(store, FAKE_RESERVE_IDS);
    while (block.next != block.end) {
        take(&block);
    }
    now_ms += ms;
    take(&block);
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), calls + 1);
    return fake_store_call(store, FAKE_RESERVE_IDS, calls).count;
}

Test(id_block, blocks_grow_while_they_do_not_last)
{
    take(&block);
    cr_assert_eq(size_after(0), 100);
    cr_assert_eq(size_after(SHORT_MS - 1), 1000);
    cr_assert_eq(size_after(1), BLOCK_MAX);
    cr_assert_eq(size_after(0), BLOCK_MAX, "that is the most");
}

Test(id_block, a_steady_pace_keeps_its_size)
{
    take(&block);
    cr_assert_eq(size_after(0), 100);
    cr_assert_eq(size_after(SHORT_MS), 100);
    cr_assert_eq(size_after(LONG_MS - 1), 100);
}

Test(id_block, blocks_shrink_while_they_last_for_long)
{
    take(&block);
    cr_assert_eq(size_after(0), 100);
    cr_assert_eq(size_after(0), 1000);
    cr_assert_eq(size_after(LONG_MS), 100);
    cr_assert_eq(size_after(100 * LONG_MS), BLOCK);
    cr_assert_eq(size_after(100 * LONG_MS), BLOCK, "that is the least");
}

Test(id_block, one_that_is_dropped_says_nothing_about_the_pace)
{
    take(&block);
    cr_assert_eq(size_after(0), 100);
    id_block_drop(&block);
    cr_assert_eq(take(&block), BLOCK + 100 + 1, "what was left is not used");
    cr_assert_eq(fake_store_call(store, FAKE_RESERVE_IDS, 2).count, 100);
    id_block_drop(&block);
    now_ms += LONG_MS;
    take(&block);
    cr_assert_eq(fake_store_call(store, FAKE_RESERVE_IDS, 3).count, 100);
}

Test(id_block, a_failed_reservation_is_reported_and_gives_no_id)
{
    static const enum status failures[] = {STATUS_CONFLICT, STATUS_UNAVAILABLE, STATUS_INVALID};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct store *away = fake_store_create();
        struct id_block empty = {0};
        order_id id = 77;
        fake_store_fail(away, FAKE_RESERVE_IDS, 0, 1, failures[i]);
        cr_assert_eq(id_block_take(&empty, away, now_ms, &id), failures[i]);
        cr_assert_eq(id, 77);
        store_destroy(away);
    }
}

Test(id_block, after_a_failure_the_next_call_reserves_again)
{
    order_id id;
    fake_store_fail(store, FAKE_RESERVE_IDS, 0, 1, STATUS_CONFLICT);
    cr_assert_eq(id_block_take(&block, store, now_ms, &id), STATUS_CONFLICT);
    cr_assert_eq(take(&block), 1);
}

Test(id_block, what_is_left_of_a_block_needs_no_database)
{
    order_id id = take(&block);
    fake_store_fail(store, FAKE_RESERVE_IDS, 0, 1000, STATUS_CONFLICT);
    for (int i = 1; i < BLOCK; i++) {
        cr_assert_eq(take(&block), id + i);
    }
    cr_assert_eq(id_block_take(&block, store, now_ms, &id), STATUS_CONFLICT);
}

Test(id_block, a_reservation_whose_answer_was_lost_is_never_used)
{
    order_id id;
    fake_store_lose_answers(store, FAKE_RESERVE_IDS, 1);
    cr_assert_eq(id_block_take(&block, store, now_ms, &id), STATUS_UNAVAILABLE);
    struct id_block other = {0};
    struct store *same = store;
    while (id_block_take(&other, same, now_ms, &id) != STATUS_OK) {
        cr_assert_leq(fake_store_calls(store, FAKE_CONNECT), 2);
    }
    cr_assert_eq(id, BLOCK + 1);
}
