/* SPDX-License-Identifier: MIT */
/* How store_verify reads the rows part by part, and what it reports. */
#include <criterion/criterion.h>

#include "common/store/store.h"
#include "tests/unit/fake_store.h"

enum { FIRST_PART = 10000, ORDERS = 12000 };

static struct store *store;
static struct store_verification found;

static void setup(void)
{
    store = fake_store_create();
}

static void teardown(void)
{
    store_destroy(store);
}

TestSuite(store_verify, .init = setup, .fini = teardown);

static void complete(order_id id)
{
    order_id ids[] = {id};
    size_t count = 1;
    cr_assert_eq(store_complete(store, ids, &count), STATUS_OK);
    cr_assert_eq(count, 1);
}

static void verify(void)
{
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
}

Test(store_verify, an_empty_table_is_one_part_and_so_is_an_empty_archive)
{
    verify();
    cr_assert_eq(found.recounted.created, 0);
    cr_assert_not(store_has_drift(&found));
    cr_assert_eq(store_flaw_count(&found), 0);
    cr_assert_eq(fake_store_calls(store, FAKE_VERIFY_PART), 2);
    cr_assert_eq(fake_store_calls(store, FAKE_SNAPSHOT_END), 1);
}

Test(store_verify, the_parts_add_up)
{
    fake_store_add_pending(store, 1, ORDERS - 2, 0);
    fake_store_add_processing(store, ORDERS - 1, 2, -1);
    complete(ORDERS);
    verify();
    cr_assert_eq(found.recounted.created, ORDERS);
    cr_assert_eq(found.recounted.started, 2);
    cr_assert_eq(found.recounted.completed, 1);
    cr_assert_not(store_has_drift(&found));
    cr_assert_eq(fake_store_calls(store, FAKE_VERIFY_PART), 3);
    cr_assert_eq(fake_store_calls(store, FAKE_SNAPSHOT_BEGIN), 1, "all parts use one snapshot");
}

Test(store_verify, a_last_part_that_is_full_is_followed_by_an_empty_one)
{
    fake_store_add_pending(store, 1, FIRST_PART, 0);
    verify();
    cr_assert_eq(found.recounted.created, FIRST_PART);
    cr_assert_eq(fake_store_calls(store, FAKE_VERIFY_PART), 3);
}

Test(store_verify, after_the_greatest_id_there_is_nothing)
{
    fake_store_add_pending(store, 1, FIRST_PART - 1, 0);
    fake_store_add_pending(store, ORDER_ID_MAX, 1, 0);
    verify();
    cr_assert_eq(found.recounted.created, FIRST_PART);
    cr_assert_eq(fake_store_calls(store, FAKE_VERIFY_PART), 2);
}

Test(store_verify, quick_parts_get_longer)
{
    fake_store_add_pending(store, 1, ORDERS, 0);
    verify();
    cr_assert_eq(fake_store_call(store, FAKE_VERIFY_PART, 0).count, FIRST_PART);
    cr_assert_gt(fake_store_call(store, FAKE_VERIFY_PART, 1).count, FIRST_PART);
}

Test(store_verify, drift_is_counters_less_rows)
{
    const struct order_counts drift = {.created = 3, .started = -2, .duration_us = 7};
    fake_store_add_pending(store, 1, 5, 0);
    fake_store_set_drift(store, &drift);
    verify();
    cr_assert(store_has_drift(&found));
    cr_assert_eq(store_drift(&found).created, 3);
    cr_assert_eq(store_drift(&found).started, -2);
    cr_assert_eq(store_drift(&found).completed, 0);
    cr_assert_eq(store_drift(&found).duration_us, 7);
    cr_assert_eq(found.counted.created, 8);
}

Test(store_verify, each_counter_alone_is_drift_enough)
{
    static const struct order_counts drifts[] = {{.created = 1},
                                                 {.started = -1},
                                                 {.completed = 1},
                                                 {.duration_us = -1}};
    for (size_t i = 0; i < sizeof drifts / sizeof *drifts; i++) {
        fake_store_set_drift(store, &drifts[i]);
        verify();
        cr_expect(store_has_drift(&found), "counter %zu", i);
    }
}

Test(store_verify, all_flawed_rows_are_counted_and_the_first_five_named)
{
    enum { FLAWED = 8 };
    fake_store_add_pending(store, 1, FIRST_PART - 2, 0);
    fake_store_add_flawed(store, FIRST_PART - 1, FLAWED);
    verify();
    cr_assert_eq(store_flaw_count(&found), FLAWED);
    const struct store_flawed *flawed = &found.flaws[STORE_FLAW_NO_END];
    cr_assert_eq(flawed->count, FLAWED);
    cr_assert_eq(flawed->id_count, STORE_FLAW_IDS_MAX);
    for (int64_t i = 0; i < STORE_FLAW_IDS_MAX; i++) {
        cr_assert_eq(flawed->ids[i], FIRST_PART - 1 + i);
    }
    cr_assert_eq(fake_store_call(store, FAKE_VERIFY_IDS, 0).count, STORE_FLAW_IDS_MAX);
    cr_assert_eq(fake_store_call(store, FAKE_VERIFY_IDS, 1).count, STORE_FLAW_IDS_MAX - 2);
}

struct waiting {
    int answers_left;
    int64_t rows;
    int64_t rows_expected;
};

static bool go_on(void *context, int64_t rows, int64_t rows_expected)
{
    struct waiting *waiting = context;
    waiting->rows = rows;
    waiting->rows_expected = rows_expected;
    return waiting->answers_left-- > 0;
}

Test(store_verify, the_caller_sees_the_progress_and_may_end_it)
{
    struct waiting waiting = {.answers_left = 1};
    const struct store_progress progress = {.go_on = go_on, .context = &waiting};
    fake_store_add_pending(store, 1, ORDERS, 0);
    cr_assert_eq(store_verify(store, &progress, &found), STATUS_TIMEOUT);
    cr_assert_eq(waiting.rows, FIRST_PART);
    cr_assert_eq(waiting.rows_expected, ORDERS);
    cr_assert_eq(fake_store_calls(store, FAKE_VERIFY_PART), 1);
    cr_assert_eq(fake_store_call(store, FAKE_SNAPSHOT_END, 0).outcome, STATUS_TIMEOUT);
    cr_assert_eq(fake_store_calls(store, FAKE_DISCONNECT), 0, "the connection is good");
}

Test(store_verify, a_part_that_fails_ends_the_snapshot)
{
    static const enum fake_kind kinds[] = {FAKE_VERIFY_PART, FAKE_VERIFY_IDS};
    fake_store_add_flawed(store, 1, 1);
    for (size_t i = 0; i < 2; i++) {
        fake_store_fail(store, kinds[i], 0, 1, STATUS_CONFLICT);
        cr_assert_eq(store_verify(store, NULL, &found), STATUS_CONFLICT);
        cr_assert_eq(fake_store_calls(store, FAKE_SNAPSHOT_END), i + 1);
        cr_assert_eq(fake_store_call(store, FAKE_SNAPSHOT_END, i).outcome, STATUS_CONFLICT);
    }
}

Test(store_verify, a_snapshot_that_did_not_begin_is_not_ended)
{
    fake_store_fail(store, FAKE_SNAPSHOT_BEGIN, 0, 1, STATUS_CONFLICT);
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_CONFLICT);
    cr_assert_eq(fake_store_calls(store, FAKE_SNAPSHOT_END), 0);
}

Test(store_verify, repair_takes_the_drift_out_once)
{
    const struct order_counts drift = {.created = 3,
                                       .started = -2,
                                       .completed = 1,
                                       .duration_us = 7};
    fake_store_set_drift(store, &drift);
    verify();
    cr_assert_eq(store_repair(store, &found), STATUS_OK);
    cr_assert_eq(store_repair(store, &found), STATUS_NOT_FOUND, "it was already repaired");
    verify();
    cr_assert_not(store_has_drift(&found));
    cr_assert_eq(found.repaired.created, -3);
}

Test(store_verify, every_flaw_has_a_text)
{
    for (size_t i = 0; i < STORE_FLAWS; i++) {
        cr_assert_not_null(store_flaw_text((enum store_flaw)i), "flaw %zu", i);
        for (size_t j = 0; j < i; j++) {
            cr_assert_str_neq(store_flaw_text((enum store_flaw)i),
                              store_flaw_text((enum store_flaw)j));
        }
    }
}
