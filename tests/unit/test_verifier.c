/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "api-service/pipeline/verifier.h"
#include "tests/support/wait_until.h"
#include "tests/unit/fake_store.h"

enum { WAIT_MS = 15000 };

static struct store *store;
static struct verifier *verifier;
static atomic_bool stopping;
static atomic_int answers;
static enum status status;
static struct store_verification found;

static void done(struct verify_ticket *ticket, enum status outcome,
                 const struct store_verification *result)
{
    (void)ticket;
    status = outcome;
    found = *result;
    atomic_fetch_add(&answers, 1);
}

static struct verify_ticket ticket = {.done = done};

static void setup(void)
{
    store = fake_store_create();
    verifier = verifier_start(store, &stopping);
}

static void stop(void)
{
    verifier_stop(verifier);
    verifier = NULL;
}

static void teardown(void)
{
    stop();
    store_destroy(store);
}

TestSuite(verifier, .init = setup, .fini = teardown, .timeout = 60);

static void submit(void)
{
    cr_assert(verifier_reserve(verifier));
    verifier_submit(verifier, &ticket);
}

static bool has_answered(void *arg)
{
    return atomic_load(&answers) == *(const int *)arg;
}

static void wait_answers(int count)
{
    cr_assert(wait_until(has_answered, &count, WAIT_MS));
}

Test(verifier, the_result_is_returned)
{
    fake_store_add_pending(store, 1, 3, 0);
    fake_store_set_drift(store, &(struct order_counts){.created = 1});
    submit();
    wait_answers(1);
    cr_assert_eq(status, STATUS_OK);
    cr_assert_eq(found.counted.created, 4);
    cr_assert_eq(found.recounted.created, 3);
}

Test(verifier, of_two_at_once_the_second_is_refused_until_the_first_is_answered)
{
    fake_store_hold(store, FAKE_VERIFY_PART);
    submit();
    cr_assert(fake_store_wait_held(store));
    cr_assert_not(verifier_reserve(verifier));
    fake_store_release(store, FAKE_VERIFY_PART);
    wait_answers(1);
    submit();
    wait_answers(2);
    cr_assert_eq(fake_store_calls(store, FAKE_SNAPSHOT_BEGIN), 2);
}

Test(verifier, the_first_to_reserve_has_it)
{
    cr_assert(verifier_reserve(verifier));
    cr_assert_not(verifier_reserve(verifier));
    verifier_submit(verifier, &ticket);
    wait_answers(1);
}

Test(verifier, a_broken_connection_is_made_anew)
{
    submit();
    wait_answers(1);
    fake_store_fail(store, FAKE_SNAPSHOT_BEGIN, 0, 1, STATUS_UNAVAILABLE);
    submit();
    wait_answers(2);
    cr_assert_eq(status, STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 2);
}

Test(verifier, a_database_that_stays_away_is_reported_after_some_seconds)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 2000, STATUS_UNAVAILABLE);
    uint64_t before_ms = wait_now_ms();
    submit();
    wait_answers(1);
    cr_assert_eq(status, STATUS_UNAVAILABLE);
    cr_assert_geq(wait_now_ms() - before_ms, 4000);
    cr_assert_leq(wait_now_ms() - before_ms, 10000);
}

Test(verifier, a_service_that_stops_does_not_wait_for_a_recount)
{
    fake_store_add_pending(store, 1, 15000, 0);
    fake_store_hold(store, FAKE_VERIFY_PART);
    submit();
    cr_assert(fake_store_wait_held(store));
    atomic_store(&stopping, true);
    fake_store_release(store, FAKE_VERIFY_PART);
    stop();
    cr_assert_eq(answers, 1);
    cr_assert_eq(status, STATUS_TIMEOUT);
    cr_assert_eq(fake_store_calls(store, FAKE_VERIFY_PART), 1);
}

Test(verifier, what_was_submitted_is_answered_before_the_stop)
{
    submit();
    stop();
    cr_assert_eq(answers, 1);
}

Test(verifier, stopping_none_is_allowed)
{
    verifier_stop(NULL);
    cr_assert(verifier_reserve(verifier));
}
