/* SPDX-License-Identifier: MIT */
/* What store.c does around every backend: connecting, backing off, migrating. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/base/clock.h"
#include "common/base/thread.h"
#include "common/store/store_backend.h"
#include "tests/support/captured_log.h"
#include "tests/unit/fake_store.h"

static struct store *store;

static void setup(void)
{
    store = fake_store_create();
}

static void teardown(void)
{
    store_destroy(store);
}

TestSuite(store, .init = setup, .fini = teardown);

/* As if the backoff were over. */
static void let_backoff_pass(void)
{
    store->retry_at_ms = 0;
}

/* One call of each operation, with valid arguments. */
static enum status call(enum fake_kind kind)
{
    static const struct order order = {.id = 500};
    struct store_insert entry = {.order = &order};
    struct store_lookup lookup = {.id = 1, .client_id = "c"};
    struct order_counts counts;
    struct store_verification found = {0};
    struct store_version version;
    order_id ids[2] = {1, 2};
    size_t count = 2;
    struct store_overdue overdue = {.max = 2, .ids = ids};
    struct store_claim_waiting waiting = {.max = 2, .ids = ids};
    switch (kind) {
    case FAKE_VERSIONS:
        return store_versions(store, &version, 1, &count);
    case FAKE_RESERVE_IDS:
        return store_reserve_ids(store, 1, ids);
    case FAKE_INSERT:
        return store_insert(store, &entry, 1);
    case FAKE_CLAIM:
        return store_claim(store, ids, &count, 0, NULL);
    case FAKE_CLAIM_WAITING:
        return store_claim_waiting(store, &waiting);
    case FAKE_COMPLETE:
        return store_complete(store, ids, &count);
    case FAKE_OVERDUE:
        return store_overdue(store, &overdue);
    case FAKE_LOOKUP:
        return store_lookup(store, &lookup, 1);
    case FAKE_COUNTS:
        return store_counts(store, &counts);
    case FAKE_SNAPSHOT_BEGIN:
        return store_verify(store, NULL, &found);
    case FAKE_REPAIR:
        return store_repair(store, &found);
    default:
        return store_ping(store);
    }
}

static const enum fake_kind operations[] = {
    FAKE_PING,   FAKE_VERSIONS,      FAKE_RESERVE_IDS,    FAKE_INSERT,
    FAKE_CLAIM,  FAKE_CLAIM_WAITING, FAKE_COMPLETE,       FAKE_OVERDUE,
    FAKE_LOOKUP, FAKE_COUNTS,        FAKE_SNAPSHOT_BEGIN, FAKE_REPAIR,
};
enum { OPERATION_COUNT = sizeof operations / sizeof *operations };

Test(store, the_first_call_connects_and_the_others_use_that)
{
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 0);
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        cr_assert_eq(call(operations[i]), STATUS_OK, "operation %zu", i);
        cr_assert_eq(fake_store_calls(store, operations[i]), 1, "operation %zu", i);
    }
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
    cr_assert_eq(fake_store_calls(store, FAKE_DISCONNECT), 0);
}

Test(store, an_operation_that_finds_the_database_away_ends_the_connection)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        let_backoff_pass();
        fake_store_fail(store, operations[i], 0, 1, STATUS_UNAVAILABLE);
        cr_assert_eq(call(operations[i]), STATUS_UNAVAILABLE, "operation %zu", i);
        cr_assert_not(store->connected, "operation %zu", i);
        cr_assert_eq(fake_store_calls(store, FAKE_DISCONNECT), i + 1, "operation %zu", i);
        let_backoff_pass();
        cr_assert_eq(call(operations[i]), STATUS_OK, "operation %zu", i);
    }
}

Test(store, an_error_of_the_data_or_a_conflict_keeps_the_connection)
{
    static const enum status faults[] = {STATUS_CONFLICT, STATUS_INVALID, STATUS_NOT_FOUND};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        fake_store_fail(store, FAKE_INSERT, 0, 1, faults[i]);
        cr_assert_eq(call(FAKE_INSERT), faults[i]);
    }
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
    cr_assert_eq(fake_store_calls(store, FAKE_DISCONNECT), 0);
}

Test(store, a_connection_that_was_idle_for_too_long_is_opened_again_before_use)
{
    store->idle_max_ms = 5000;
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        store->used_at_ms -= 4000; /* within the limit; this call uses the connection */
        cr_assert_eq(call(FAKE_PING), STATUS_OK, "operation %zu", i);
        cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), i + 1, "operation %zu", i);
        store->used_at_ms -= 6000;
        cr_assert_eq(call(operations[i]), STATUS_OK, "operation %zu", i);
        cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), i + 2, "operation %zu", i);
        cr_assert_eq(fake_store_calls(store, FAKE_DISCONNECT), i + 1, "operation %zu", i);
    }
}

Test(store, after_a_failed_connect_the_next_calls_answer_at_once)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 1, STATUS_UNAVAILABLE);
    cr_assert_eq(call(FAKE_PING), STATUS_UNAVAILABLE);
    store->retry_at_ms += 100000; /* the backoff lasts, even on a very slow machine */
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        cr_assert_eq(call(operations[i]), STATUS_UNAVAILABLE, "operation %zu", i);
        cr_assert_eq(fake_store_calls(store, operations[i]), 0, "operation %zu", i);
    }
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
    cr_assert_eq(fake_store_calls(store, FAKE_DISCONNECT), 1, "the half-open connection is closed");
}

Test(store, a_failed_connects_own_status_is_returned)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 1, STATUS_INVALID);
    cr_assert_eq(call(FAKE_PING), STATUS_INVALID);
    cr_assert_not(store->connected);
}

/* The wait set at `after_ms` or later is the backoff, give or take a quarter. */
static void check_wait(uint64_t after_ms, uint64_t backoff_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    cr_assert_geq(store->retry_at_ms, after_ms + backoff_ms - backoff_ms / 4);
    cr_assert_leq(store->retry_at_ms, now_ms + backoff_ms + backoff_ms / 4);
}

Test(store, the_backoff_doubles_up_to_a_second)
{
    static const uint64_t backoffs[] = {20, 40, 80, 160, 320, 640, 1000, 1000, 1000};
    fake_store_fail(store, FAKE_CONNECT, 0, 100, STATUS_UNAVAILABLE);
    for (size_t i = 0; i < sizeof backoffs / sizeof *backoffs; i++) {
        let_backoff_pass();
        uint64_t before_ms = clock_monotonic_ms();
        cr_assert_eq(call(FAKE_PING), STATUS_UNAVAILABLE);
        cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), i + 1);
        check_wait(before_ms, backoffs[i]);
    }
}

Test(store, the_backoff_starts_again_after_a_success)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 5, STATUS_UNAVAILABLE);
    for (int i = 0; i < 5; i++) {
        let_backoff_pass();
        cr_assert_eq(call(FAKE_PING), STATUS_UNAVAILABLE);
    }
    let_backoff_pass();
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
    fake_store_fail(store, FAKE_PING, 0, 1, STATUS_UNAVAILABLE);
    uint64_t before_ms = clock_monotonic_ms();
    cr_assert_eq(call(FAKE_PING), STATUS_UNAVAILABLE);
    check_wait(before_ms, 20);
}

Test(store, a_connection_that_broke_is_not_opened_again_too_early)
{
    fake_store_fail(store, FAKE_PING, 0, 1, STATUS_UNAVAILABLE);
    cr_assert_eq(call(FAKE_PING), STATUS_UNAVAILABLE);
    store->retry_at_ms += 100000;
    cr_assert_eq(call(FAKE_PING), STATUS_UNAVAILABLE);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
    let_backoff_pass();
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 2);
}

/* One log line for each cause: the connection is lost, then the server refuses a new one. */
static void fail_in_two_ways(void)
{
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(store_failed(store, STATUS_UNAVAILABLE, "test", 1, "gone away"),
                     STATUS_UNAVAILABLE);
        cr_assert_eq(store_failed(store, STATUS_UNAVAILABLE, "test", 2, "too many connections"),
                     STATUS_UNAVAILABLE);
    }
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
    cr_assert_eq(store_failed(store, STATUS_CONFLICT, "test", 1, "deadlock"), STATUS_CONFLICT);
    cr_assert_eq(store_failed(store, STATUS_UNAVAILABLE, "test", 1, "gone away"),
                 STATUS_UNAVAILABLE);
}

Test(store, an_outage_is_reported_once_for_each_cause_until_it_is_over)
{
    const char *log = captured_log(fail_in_two_ways);
    cr_assert_eq(captured_log_count(log, "gone away"), 1, "%s", log);
    cr_assert_eq(captured_log_count(log, "too many connections"), 1, "%s", log);
    cr_assert_eq(captured_log_count(log, "database is back"), 1, "%s", log);
    cr_assert_eq(captured_log_count(log, "deadlock"), 0, "%s", log);
}

/* The last one comes a minute after two others. */
static void fail_in_every_way(void)
{
    static const enum status statuses[] = {STATUS_CONFLICT,    STATUS_ALREADY_EXISTS,
                                           STATUS_TIMEOUT,     STATUS_INVALID,
                                           STATUS_UNAVAILABLE, STATUS_UNAVAILABLE,
                                           STATUS_UNAVAILABLE, STATUS_UNAVAILABLE};
    enum { COUNT = sizeof statuses / sizeof statuses[0] };
    for (int i = 0; i < COUNT; i++) {
        store->outage.causes[0].line_ms -= i == COUNT - 1 ? OUTAGE_LINE_MS : 0;
        cr_assert_eq(store_failed(store, statuses[i], "test", i, "cause"), statuses[i]);
    }
}

Test(store, a_failure_is_logged_as_what_it_means_with_what_was_called)
{
    static const char *const lines[] = {
        "level=warn msg=\"database call failed; it took too long and was ended\" database=fake "
        "operation=test status=timeout code=2 repeated=0 error=cause\n",
        "level=error msg=\"database call failed; it is not tried again as it is\" database=fake "
        "operation=test status=invalid code=3 repeated=0 error=cause\n",
        "database=fake operation=test status=unavailable code=4 repeated=0 error=cause\n",
        "database=fake operation=test status=unavailable code=7 repeated=2 error=cause\n"};
    const char *log = captured_log(fail_in_every_way);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_expect_eq(captured_log_count(log, lines[i]), 1, "%s: %s", lines[i], log);
    }
    cr_assert_eq(captured_log_count(log, "level=warn msg=\"database call failed; a new connection"),
                 2, "%s", log);
    cr_assert_eq(captured_log_count(log, "\n"), 4, "others are normal: %s", log);
}

static void fail_in_many_ways(void)
{
    char message[32];
    for (int i = 0; i < 100; i++) {
        snprintf(message, sizeof message, "cause %d", i);
        cr_assert_eq(store_failed(store, STATUS_UNAVAILABLE, "test", i, message),
                     STATUS_UNAVAILABLE);
    }
}

Test(store, an_outage_that_always_has_another_cause_does_not_fill_the_log)
{
    const char *log = captured_log(fail_in_many_ways);
    cr_assert_eq(captured_log_count(log, "cause "), OUTAGE_CAUSES_MAX, "%s", log);
}

Test(store, settings_that_may_not_be_read_are_unknown_and_no_outage)
{
    struct durability_report report;
    cr_assert_eq(store_durability(store, &report), STATUS_OK);
    cr_assert(report.known);
    cr_assert_eq(report.level, DURABILITY_POWER_LOSS);
    fake_store_fail(store, FAKE_DURABILITY, 0, 1, STATUS_UNAVAILABLE);
    cr_assert_eq(store_durability(store, &report), STATUS_OK);
    cr_assert_not(report.known);
    cr_assert_eq(report.level, DURABILITY_NONE);
    cr_assert(store->connected);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
}

Test(store, a_database_that_is_away_shows_no_settings)
{
    struct durability_report report;
    fake_store_fail(store, FAKE_DURABILITY, 0, 1, STATUS_UNAVAILABLE);
    fake_store_fail(store, FAKE_PING, 0, 1, STATUS_UNAVAILABLE);
    cr_assert_eq(store_durability(store, &report), STATUS_UNAVAILABLE);
    cr_assert_not(store->connected);
}

Test(store, ids_reach_the_backend_sorted)
{
    order_id ids[] = {5, 3, ORDER_ID_MAX, 1, 4};
    size_t count = 5;
    cr_assert_eq(store_claim(store, ids, &count, 0, NULL), STATUS_OK);
    struct fake_call seen = fake_store_call(store, FAKE_CLAIM, 0);
    cr_assert_eq(seen.first, 1);
    cr_assert_eq(seen.last, ORDER_ID_MAX);
    order_id others[] = {9, 8, 7};
    count = 3;
    cr_assert_eq(store_complete(store, others, &count), STATUS_OK);
    seen = fake_store_call(store, FAKE_COMPLETE, 0);
    cr_assert_eq(seen.first, 7);
    cr_assert_eq(seen.last, 9);
}

Test(store, results_are_defined_even_when_the_database_is_away)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 100, STATUS_UNAVAILABLE);
    order_id ids[4];
    struct store_claim_waiting waiting = {.max = 4, .ids = ids, .count = 99};
    struct store_overdue overdue = {.max = 4, .ids = ids, .count = 99, .any_processing = true};
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_UNAVAILABLE);
    cr_assert_eq(waiting.count, 0);
    cr_assert_eq(store_overdue(store, &overdue), STATUS_UNAVAILABLE);
    cr_assert_eq(overdue.count, 0);
    cr_assert_not(overdue.any_processing);
    struct store_lookup lookup = {.id = 1, .client_id = "c", .found = true};
    cr_assert_eq(store_lookup(store, &lookup, 1), STATUS_UNAVAILABLE);
    cr_assert_not(lookup.found);
    const struct order order = {.id = 7};
    struct store_insert entry = {.order = &order,
                                 .stored_id = 99,
                                 .key_reused = true,
                                 .id_in_use = true};
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_UNAVAILABLE);
    cr_assert_eq(entry.stored_id, 7);
    cr_assert_not(entry.key_reused);
    cr_assert_not(entry.id_in_use);
}

/* The transaction found the id in use and was then lost: the id's state is unknown. */
Test(store, no_id_counts_as_taken_unless_the_answer_says_so)
{
    const struct order order = {.id = 7};
    struct store_insert entry = {.order = &order};
    fake_store_add_foreign(store, 7);
    fake_store_lose_answers(store, FAKE_INSERT, 1);
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_UNAVAILABLE);
    cr_assert_not(entry.id_in_use);
    let_backoff_pass();
    cr_assert_eq(store_insert(store, &entry, 1), STATUS_ALREADY_EXISTS);
    cr_assert(entry.id_in_use);
}

static int newest_version(void)
{
    size_t count;
    const struct schema_step *steps = schema_steps(DATABASE_SQLITE, &count);
    return steps[count - 1].version;
}

static void check_migration_ended(enum status outcome)
{
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_END), 1);
    cr_assert_eq(fake_store_call(store, FAKE_MIGRATE_END, 0).outcome, outcome);
}

Test(store, migrating_takes_every_step_that_is_missing)
{
    cr_assert_eq(store_migrate(store), STATUS_OK);
    size_t steps = (size_t)newest_version();
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_STEP), steps);
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_END), steps,
                 "each step is committed on its own");
    for (size_t i = 0; i < steps; i++) {
        cr_assert_eq(fake_store_call(store, FAKE_MIGRATE_END, i).outcome, STATUS_OK);
    }
}

Test(store, a_schema_that_is_up_to_date_is_only_read)
{
    fake_store_set_schema_version(store, newest_version());
    cr_assert_eq(store_migrate(store), STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_BEGIN), 0);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
    cr_assert(store->connected);
}

Test(store, a_schema_newer_than_the_program_is_refused_and_left_alone)
{
    fake_store_set_schema_version(store, newest_version() + 1);
    cr_assert_eq(store_migrate(store), STATUS_INVALID);
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_BEGIN), 0);
}

/* Another process may migrate before this one has the lock. */
static void *raise_version(void *arg)
{
    cr_assert(fake_store_wait_held(store));
    fake_store_set_schema_version(store, *(const int *)arg);
    fake_store_release(store, FAKE_MIGRATE_BEGIN);
    return NULL;
}

static enum status migrate_while_another_raises_to(int version)
{
    fake_store_hold(store, FAKE_MIGRATE_BEGIN);
    pthread_t other = thread_start("other", raise_version, &version);
    enum status status = store_migrate(store);
    pthread_join(other, NULL);
    return status;
}

Test(store, steps_another_process_has_taken_meanwhile_are_not_taken_again)
{
    cr_assert_eq(migrate_while_another_raises_to(newest_version()), STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_STEP), 0);
    check_migration_ended(STATUS_OK);
}

Test(store, a_schema_that_gets_newer_than_the_program_meanwhile_is_refused)
{
    cr_assert_eq(migrate_while_another_raises_to(newest_version() + 1), STATUS_INVALID);
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_STEP), 0);
    check_migration_ended(STATUS_INVALID);
}

Test(store, only_the_steps_themselves_have_a_connection_without_limits)
{
    cr_assert_eq(store_migrate(store), STATUS_OK);
    cr_assert_eq(store_ping(store), STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 3);
    cr_assert_not(fake_store_call(store, FAKE_CONNECT, 0).no_statement_timeout);
    cr_assert(fake_store_call(store, FAKE_CONNECT, 1).no_statement_timeout);
    cr_assert_not(fake_store_call(store, FAKE_CONNECT, 2).no_statement_timeout);
}

Test(store, after_a_step_that_failed_the_limits_are_back)
{
    fake_store_fail(store, FAKE_MIGRATE_STEP, 0, 1, STATUS_CONFLICT);
    cr_assert_eq(store_migrate(store), STATUS_CONFLICT);
    cr_assert_eq(store_ping(store), STATUS_OK);
    cr_assert_not(fake_store_call(store, FAKE_CONNECT, 2).no_statement_timeout);
}

Test(store, a_step_that_fails_is_not_kept)
{
    fake_store_fail(store, FAKE_MIGRATE_STEP, 0, 1, STATUS_CONFLICT);
    cr_assert_eq(store_migrate(store), STATUS_CONFLICT);
    check_migration_ended(STATUS_CONFLICT);
}

Test(store, a_migration_that_did_not_begin_is_not_ended)
{
    fake_store_fail(store, FAKE_MIGRATE_BEGIN, 0, 1, STATUS_CONFLICT);
    cr_assert_eq(store_migrate(store), STATUS_CONFLICT);
    cr_assert_eq(fake_store_calls(store, FAKE_MIGRATE_END), 0);
}

Test(store, a_migration_whose_end_fails_has_failed)
{
    fake_store_fail(store, FAKE_MIGRATE_END, 0, 1, STATUS_UNAVAILABLE);
    cr_assert_eq(store_migrate(store), STATUS_UNAVAILABLE);
    cr_assert_not(store->connected);
}

Test(store, destroy_takes_null)
{
    store_destroy(NULL);
    cr_assert_eq(call(FAKE_PING), STATUS_OK);
}

Test(store, each_kind_of_database_has_its_name)
{
    struct database_url url = {.kind = DATABASE_SQLITE, .path = "unused.db"};
    struct store *sqlite = store_create(&url);
    cr_assert_str_eq(store_name(sqlite), "sqlite");
    store_destroy(sqlite);
    url.kind = DATABASE_MYSQL;
    struct store *mysql = store_create(&url);
    cr_assert_str_eq(store_name(mysql), "mysql");
    store_destroy(mysql);
    url.kind = DATABASE_POSTGRES;
    struct store *postgres = store_create(&url);
    cr_assert_str_eq(store_name(postgres), "postgresql");
    store_destroy(postgres);
}
