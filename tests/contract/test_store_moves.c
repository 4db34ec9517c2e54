/* SPDX-License-Identifier: MIT */
/* The contract of common/store/store.h, the same for every backend: claiming and completing. */
#include <stdatomic.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

TestSuite(store_moves, .init = start, .fini = finish, .timeout = 120);

Test(store_moves, a_claim_moves_the_pending_orders_and_reports_exactly_those)
{
    order_id first = insert_new(6);
    order_id processing[] = {first + 1, first + 3};
    cr_assert_eq(claim(processing, 2, LONG_DELAY_MS), 2);
    order_id completed[] = {first + 4};
    cr_assert_eq(claim(completed, 1, 0), 1);
    cr_assert_eq(complete(completed, 1), 1);

    order_id ids[] = {first + 99, first + 5, first + 4, first + 3, first + 2, first + 1, first};
    size_t count = claim(ids, 7, LONG_DELAY_MS);
    expect_ids(ids, count, (const order_id[]){first, first + 2, first + 5}, 3);
    expect_status(first + 2, ORDER_PROCESSING);
    expect_status(first + 4, ORDER_COMPLETED);
    cr_assert_eq(expect_exact_counts().started, 6);
}

Test(store_moves, a_claim_without_pending_orders_moves_none)
{
    order_id first = insert_new(2);
    order_id ids[] = {first, first + 1};
    cr_assert_eq(claim(ids, 2, LONG_DELAY_MS), 2);
    uint64_t age_ms = 99;
    order_id again[] = {first, first + 1, first + 2};
    size_t count = 3;
    cr_assert_eq(store_claim(store, again, &count, LONG_DELAY_MS, &age_ms), STATUS_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(age_ms, 0);
    cr_assert_eq(expect_exact_counts().started, 2);
}

static bool is_past(void *arg)
{
    return wait_now_ms() > *(const uint64_t *)arg;
}

Test(store_moves, a_claim_returns_the_age_of_the_first_order)
{
    uint64_t before_ms = wait_now_ms();
    order_id id = insert_new(1);
    uint64_t after_ms = wait_now_ms();
    uint64_t later_ms = after_ms + DELAY_MS;
    cr_assert(wait_until(is_past, &later_ms, LIMIT_MS));
    uint64_t age_ms = 0;
    size_t count = 1;
    cr_assert_eq(store_claim(store, &id, &count, 0, &age_ms), STATUS_OK);
    cr_assert_eq(count, 1);
    cr_assert_geq(age_ms, DELAY_MS);
    cr_assert_leq(age_ms, wait_now_ms() - before_ms + 1);
}

enum { RACE_ORDERS = 400 };

struct claim_race {
    order_id first;
    atomic_uint times[RACE_ORDERS]; /* how often each order was moved */
    atomic_uint moved;
};

static void note_moved(struct claim_race *race, const order_id ids[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        race->times[ids[i] - race->first]++;
    }
    race->moved += (unsigned int)count;
}

/* Each thread asks for batches of 100 that overlap with all the others'. */
static void claim_overlapping(struct worker *worker)
{
    struct claim_race *race = worker->shared;
    for (size_t start = 0; start < RACE_ORDERS && worker->status == STATUS_OK; start += 50) {
        order_id ids[100];
        size_t count = 0;
        do {
            for (count = 0; count < 100; count++) {
                ids[count] = race->first + (start + 37 * worker->index + count) % RACE_ORDERS;
            }
            worker->status = store_claim(worker->store, ids, &count, 0, NULL);
        } while (worker->status == STATUS_CONFLICT);
        if (worker->status == STATUS_OK) {
            note_moved(race, ids, count);
        }
    }
}

static void expect_each_once(const struct claim_race *race)
{
    for (size_t i = 0; i < RACE_ORDERS; i++) {
        cr_assert_eq(race->times[i], 1, "order %zu was moved %u times", i,
                     (unsigned int)race->times[i]);
    }
}

Test(store_moves, overlapping_claims_of_many_threads_move_each_order_once)
{
    static struct claim_race race;
    race.first = insert_new(RACE_ORDERS);
    run_workers(claim_overlapping, &race);
    expect_each_once(&race);
    cr_assert_eq(expect_exact_counts().started, RACE_ORDERS);
}

enum { BATCH = 8, BATCHES = 1000 };

struct batch_race {
    order_id first;
    atomic_uint times[BATCHES]; /* how often each batch was moved, as a whole */
};

/* All threads ask for the same batches in the same order. */
static void claim_batches(struct worker *worker)
{
    struct batch_race *race = worker->shared;
    for (size_t i = 0; i < BATCHES && worker->status == STATUS_OK; i++) {
        size_t count = 0;
        do {
            order_id ids[BATCH];
            for (count = 0; count < BATCH; count++) {
                ids[count] = race->first + i * BATCH + count;
            }
            worker->status = store_claim(worker->store, ids, &count, 0, NULL);
        } while (worker->status == STATUS_CONFLICT);
        race->times[i] += count == BATCH;
        cr_assert(count == BATCH || count == 0);
    }
}

/*
 * On a cluster one of two nodes loses nearly each time, and when it does between two statements of
 * its transaction it must not go on with the second.
 */
Test(store_moves, the_same_batches_of_many_threads_are_claimed_once)
{
    static struct batch_race race;
    race.first = reserve(BATCHES * BATCH);
    for (order_id i = 0; i < BATCHES * BATCH; i += RACE_ORDERS) {
        cr_assert_eq(insert_range(store, race.first + i, RACE_ORDERS), STATUS_OK);
    }
    run_workers(claim_batches, &race);
    for (size_t i = 0; i < BATCHES; i++) {
        cr_assert_eq(race.times[i], 1, "batch %zu was claimed %u times", i, race.times[i]);
    }
    cr_assert_eq(expect_exact_counts().started, BATCHES * BATCH);
}

/* Its own share of the orders, one by one; through the other node where there is one. */
static void insert_and_claim_elsewhere(struct worker *worker)
{
    enum { SHARE = RACE_ORDERS / THREADS };
    struct claim_race *race = worker->shared;
    struct store *elsewhere = store_create(worker->index % 2 == 0 ? &other_url : &url);
    for (size_t i = 0; i < SHARE && worker->status == STATUS_OK; i++) {
        order_id id = race->first + worker->index * SHARE + i;
        size_t count = 0;
        worker->status = insert_range(worker->store, id, 1);
        enum status claimed = STATUS_CONFLICT;
        while (worker->status == STATUS_OK && claimed == STATUS_CONFLICT) {
            count = 1;
            claimed = store_claim(elsewhere, &id, &count, 0, NULL);
        }
        if (claimed == STATUS_OK) {
            note_moved(race, &id, count);
        } else {
            worker->status = claimed;
        }
    }
    store_destroy(elsewhere);
}

/* A hint that comes before its order would be dropped, and the order wait for a sweep. */
Test(store_moves, what_many_threads_have_inserted_can_be_claimed_through_others_at_once)
{
    static struct claim_race race;
    race.first = reserve(RACE_ORDERS);
    run_workers(insert_and_claim_elsewhere, &race);
    expect_each_once(&race);
}

static size_t claim_waiting(uint32_t min_age_ms, order_id ids[], size_t max)
{
    struct store_claim_waiting waiting = {
        .min_age_ms = min_age_ms, .delay_ms = LONG_DELAY_MS, .max = max, .ids = ids, .count = 99};
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    return waiting.count;
}

static bool some_are_waiting(void *arg)
{
    return claim_waiting(DELAY_MS, arg, 1) == 1;
}

Test(store_moves, claim_waiting_leaves_young_orders_alone)
{
    order_id ids[10];
    uint64_t before_ms = wait_now_ms();
    order_id first = insert_new(1);
    cr_assert_eq(claim_waiting(LONG_DELAY_MS, ids, 10), 0);
    cr_assert(wait_until(some_are_waiting, ids, LIMIT_MS));
    cr_assert_eq(ids[0], first);
    cr_assert_geq(wait_now_ms() - before_ms, DELAY_MS);
    expect_status(first, ORDER_PROCESSING);
    expect_exact_counts();
}

Test(store_moves, claim_waiting_takes_the_oldest_first_and_no_more_than_asked)
{
    order_id ids[10];
    order_id oldest = reserve(4) + 3; /* the oldest has the highest id */
    for (order_id i = 0; i < 4; i++) {
        cr_assert_eq(insert_range(store, oldest - i, 1), STATUS_OK);
    }
    size_t count = claim_waiting(0, ids, 2);
    expect_ids(ids, count, (const order_id[]){oldest - 1, oldest}, 2);
    count = claim_waiting(0, ids, 10);
    expect_ids(ids, count, (const order_id[]){oldest - 3, oldest - 2}, 2);
    cr_assert_eq(claim_waiting(0, ids, 10), 0);
    cr_assert_eq(expect_exact_counts().started, 4);
}

Test(store_moves, claim_waiting_takes_pending_orders_only)
{
    order_id first = insert_new(3);
    order_id processing = first + 1;
    cr_assert_eq(claim(&processing, 1, 0), 1);
    order_id ids[10];
    size_t count = claim_waiting(0, ids, 10);
    expect_ids(ids, count, (const order_id[]){first, first + 2}, 2);
}

static void claim_all_waiting(struct worker *worker)
{
    struct claim_race *race = worker->shared;
    while (race->moved < RACE_ORDERS) {
        order_id ids[7];
        struct store_claim_waiting waiting = {.max = 7, .ids = ids};
        enum status status = store_claim_waiting(worker->store, &waiting);
        if (status == STATUS_OK) {
            note_moved(race, ids, waiting.count);
        } else if (status != STATUS_CONFLICT) {
            worker->status = status;
            return;
        }
    }
}

Test(store_moves, claim_waiting_gives_many_threads_different_orders)
{
    static struct claim_race race;
    race.first = insert_new(RACE_ORDERS);
    run_workers(claim_all_waiting, &race);
    expect_each_once(&race);
    cr_assert_eq(expect_exact_counts().started, RACE_ORDERS);
}

Test(store_moves, an_order_that_is_not_due_is_not_completed)
{
    order_id id = insert_new(1);
    cr_assert_eq(claim(&id, 1, LONG_DELAY_MS), 1);
    cr_assert_eq(complete(&id, 1), 0);
    expect_status(id, ORDER_PROCESSING);
    cr_assert_eq(expect_exact_counts().completed, 0);
}

Test(store_moves, a_pending_order_is_not_completed)
{
    order_id id = insert_new(1);
    cr_assert_eq(complete(&id, 1), 0);
    expect_status(id, ORDER_PENDING);
    cr_assert_eq(expect_exact_counts().completed, 0);
}

static bool completes(void *arg)
{
    return complete(arg, 1) == 1;
}

Test(store_moves, an_order_completes_once_it_is_due_and_not_before)
{
    uint64_t inserted_ms = wait_now_ms();
    order_id id = insert_new(1);
    uint64_t claimed_ms = wait_now_ms();
    cr_assert_eq(claim(&id, 1, DELAY_MS), 1);
    cr_assert(wait_until(completes, &id, LIMIT_MS));
    uint64_t completed_ms = wait_now_ms();
    cr_assert_geq(completed_ms - claimed_ms, DELAY_MS);
    expect_status(id, ORDER_COMPLETED);
    struct order_counts now = expect_exact_counts();
    cr_assert_eq(now.completed, 1);
    cr_assert_geq(now.duration_us, DELAY_MS * 1000);
    cr_assert_leq(now.duration_us, (int64_t)(completed_ms - inserted_ms + 1) * 1000);
}

Test(store_moves, completing_moves_those_that_are_due_and_leaves_the_others)
{
    order_id first = insert_new(6);
    order_id due[] = {first, first + 2};
    cr_assert_eq(claim(due, 2, 0), 2);
    order_id not_due[] = {first + 1, first + 3};
    cr_assert_eq(claim(not_due, 2, LONG_DELAY_MS), 2);
    order_id ids[] = {first + 99, first + 4, first + 3, first + 2, first + 1, first};
    cr_assert_eq(complete(ids, 6), 2);
    expect_status(first, ORDER_COMPLETED);
    expect_status(first + 1, ORDER_PROCESSING);
    expect_status(first + 2, ORDER_COMPLETED);
    expect_status(first + 4, ORDER_PENDING);
    cr_assert_eq(expect_exact_counts().completed, 2);
}

static void complete_overlapping(struct worker *worker)
{
    struct claim_race *race = worker->shared;
    for (size_t start = 0; start < RACE_ORDERS && worker->status == STATUS_OK; start += 50) {
        order_id ids[100];
        size_t count = 0;
        do {
            for (count = 0; count < 100; count++) {
                ids[count] = race->first + (start + 37 * worker->index + count) % RACE_ORDERS;
            }
            worker->status = store_complete(worker->store, ids, &count);
        } while (worker->status == STATUS_CONFLICT);
        race->moved += worker->status == STATUS_OK ? (unsigned int)count : 0;
    }
}

Test(store_moves, overlapping_completions_of_many_threads_count_each_order_once)
{
    static struct claim_race race;
    static order_id ids[RACE_ORDERS];
    race.first = insert_new(RACE_ORDERS);
    for (size_t i = 0; i < RACE_ORDERS; i++) {
        ids[i] = race.first + i;
    }
    cr_assert_eq(claim(ids, RACE_ORDERS, 0), RACE_ORDERS);
    run_workers(complete_overlapping, &race);
    cr_assert_eq(race.moved, RACE_ORDERS);
    cr_assert_eq(expect_exact_counts().completed, RACE_ORDERS);
}

static size_t overdue(uint32_t grace_ms, order_id ids[], size_t max, bool *any_processing)
{
    struct store_overdue search = {.grace_ms = grace_ms, .max = max, .ids = ids, .count = 99};
    cr_assert_eq(store_overdue(store, &search), STATUS_OK);
    *any_processing = search.any_processing;
    return search.count;
}

Test(store_moves, nothing_is_overdue_where_nothing_is_processing)
{
    order_id ids[10];
    bool any_processing = true;
    insert_new(1);
    cr_assert_eq(overdue(0, ids, 10, &any_processing), 0);
    cr_assert_not(any_processing);
}

Test(store_moves, an_order_that_is_not_due_is_processing_but_not_overdue)
{
    order_id ids[10];
    bool any_processing = false;
    order_id id = insert_new(1);
    cr_assert_eq(claim(&id, 1, LONG_DELAY_MS), 1);
    cr_assert_eq(overdue(0, ids, 10, &any_processing), 0);
    cr_assert(any_processing);
}

static bool two_are_overdue(void *arg)
{
    bool any_processing;
    return overdue(DELAY_MS, arg, 10, &any_processing) == 2;
}

Test(store_moves, overdue_orders_are_listed_after_the_grace_the_longest_first)
{
    order_id ids[10];
    bool any_processing = false;
    order_id first = insert_new(2);
    order_id later = first;
    order_id sooner = first + 1;
    uint64_t claimed_ms = wait_now_ms();
    cr_assert_eq(claim(&sooner, 1, 0), 1);
    cr_assert_eq(claim(&later, 1, DELAY_MS), 1);
    cr_assert(wait_until(two_are_overdue, ids, LIMIT_MS));
    cr_assert_geq(wait_now_ms() - claimed_ms, 2 * DELAY_MS);
    cr_assert_eq(ids[0], sooner);
    cr_assert_eq(ids[1], later);
    cr_assert_eq(overdue(DELAY_MS, ids, 1, &any_processing), 1);
    cr_assert_eq(ids[0], sooner);
    cr_assert(any_processing);
    cr_assert_eq(complete((order_id[]){sooner, later}, 2), 2);
    cr_assert_eq(overdue(0, ids, 10, &any_processing), 0);
    cr_assert_not(any_processing);
}

/* As it may be after a change by hand. */
Test(store_moves, an_order_with_an_impossible_status_is_not_found_and_not_moved)
{
    order_id first = insert_new(3);
    order_id ids[] = {first, first + 1, first + 2};
    struct sql *sql = open_sql();
    sql_execute(sql, "UPDATE orders SET status = 7");
    sql_close(sql);
    cr_assert_eq(claim(ids, 3, 0), 0);
    cr_assert_eq(complete(ids, 3), 0);
    cr_assert_not(look_up(first, "acme").found);
    cr_assert_eq(insert_new(1), first + 3);
}

/* As if the database's clock had been set back since they were created. */
static void create_in_two_hours(void)
{
    static const char *const statements[] = {
        [DATABASE_SQLITE] = "UPDATE orders SET created_at = created_at + 7200000000",
        [DATABASE_MYSQL] = "UPDATE orders SET created_at = created_at + INTERVAL 2 HOUR",
        [DATABASE_POSTGRES] = "UPDATE orders SET created_at = created_at + interval '2 hours'",
    };
    struct sql *sql = open_sql();
    sql_execute(sql, statements[url.kind]);
    sql_close(sql);
}

Test(store_moves, on_a_clock_that_was_set_back_no_order_starts_before_it_was_created)
{
    order_id ids[10];
    order_id first = insert_new(2);
    size_t count = 1;
    uint64_t age_ms = 99;
    struct store_verification found;
    create_in_two_hours();
    cr_assert_eq(store_claim(store, &first, &count, LONG_DELAY_MS, &age_ms), STATUS_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(age_ms, 0);
    cr_assert_eq(claim_waiting(0, ids, 10), 1);
    cr_assert_eq(store_verify(store, NULL, &found), STATUS_OK);
    cr_assert_eq(found.flaws[STORE_FLAW_START_BEFORE_CREATION].count, 0);
    cr_assert_eq(found.flaws[STORE_FLAW_DUE_BEFORE_START].count, 0);
    cr_assert_eq(complete((order_id[]){first, ids[0]}, 2), 0, "they would take less than nothing");
}
