/* SPDX-License-Identifier: MIT */
/* The database answers, and refuses to store orders. */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/intake_fixture.h"

enum { EVER = 1000, PACE_MS = 1000 };

TestSuite(intake_refused, .init = setup, .fini = teardown, .timeout = 60);

static bool is_taken_again(void *arg)
{
    (void)arg;
    return intake_refusal(intake) == NULL;
}

Test(intake_refused, it_is_said_at_once_and_not_asked_for_each_order)
{
    uint64_t start_ms = wait_now_ms();
    fake_store_fail(store, FAKE_INSERT, 0, EVER, STATUS_REFUSED);
    for (size_t i = 0; i < 100; i++) {
        submit(i, 1);
        wait_answers(i + 1);
        check_answer(i, STATUS_REFUSED);
    }
    size_t tries_max = 1 + (wait_now_ms() - start_ms) / PACE_MS;
    cr_assert_leq(fake_store_calls(store, FAKE_INSERT), tries_max);
    cr_assert_not_null(intake_refusal(intake));
    check_hints(0);
}

Test(intake_refused, when_no_ids_are_given_it_is_said_at_once)
{
    fake_store_fail(store, FAKE_RESERVE_IDS, 0, EVER, STATUS_REFUSED);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_REFUSED);
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), 1);
    check_hints(0);
}

/* Its first commit may have taken place, and then it is stored. */
Test(intake_refused, an_order_that_may_have_been_sent_is_not_said_to_be_refused)
{
    fake_store_lose_answers(store, FAKE_INSERT, 1);
    fake_store_fail(store, FAKE_INSERT, 1, EVER, STATUS_REFUSED);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_UNAVAILABLE);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
    check_hints(0);
}

Test(intake_refused, whoever_asks_makes_it_try_and_no_order_is_needed)
{
    fake_store_fail(store, FAKE_INSERT, 0, 1, STATUS_REFUSED);
    fake_store_fail(store, FAKE_TRY_INSERT, 0, 1, STATUS_REFUSED);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_REFUSED);
    cr_assert(wait_until(is_taken_again, NULL, WAIT_MS));
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 1);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 0);
    submit(1, 1);
    wait_answers(2);
    check_stored(1);
    check_hints(1);
}

/* A shop may forbid an order such as the one that is tried. */
Test(intake_refused, a_trial_that_is_bad_shows_that_others_are_stored)
{
    fake_store_fail(store, FAKE_INSERT, 0, 1, STATUS_REFUSED);
    fake_store_fail(store, FAKE_TRY_INSERT, 0, EVER, STATUS_INVALID);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_REFUSED);
    cr_assert(wait_until(is_taken_again, NULL, WAIT_MS));
    stop();
}

Test(intake_refused, one_that_a_trigger_has_no_right_for_is_bad_and_the_others_are_stored)
{
    fake_store_forbid_user(store, "bad");
    strcpy(clients[7].order.user_id, "bad");
    submit_and_hold();
    submit(1, 20);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(21);
    for (size_t i = 0; i <= 20; i++) {
        if (i != 7) {
            check_stored(i);
        }
    }
    check_answer(7, STATUS_INVALID);
    cr_assert_null(intake_refusal(intake));
    stop();
}

/* A trigger may count the row that is there already. */
Test(intake_refused, an_order_that_may_have_been_sent_is_not_said_to_be_bad)
{
    fake_store_lose_answers(store, FAKE_INSERT, 1);
    fake_store_fail(store, FAKE_INSERT, 1, EVER, STATUS_INVALID);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_UNAVAILABLE);
    stop();
}

static bool the_next_is_stored(void *arg)
{
    size_t *count = arg;
    size_t next = (*count)++;
    cr_assert_lt(next, CLIENTS_MAX);
    submit(next, 1);
    wait_answers(next + 1);
    return clients[next].ticket.status == STATUS_OK;
}

Test(intake_refused, an_order_that_is_stored_ends_it)
{
    size_t count = 0;
    size_t looks = fake_store_calls(store, FAKE_TRY_INSERT);
    fake_store_fail(store, FAKE_INSERT, 0, 1, STATUS_REFUSED);
    cr_assert(wait_until(the_next_is_stored, &count, WAIT_MS));
    cr_assert_gt(count, 1);
    cr_assert_null(intake_refusal(intake));
    cr_assert_eq(fake_store_calls(store, FAKE_TRY_INSERT), looks);
    stop();
}

Test(intake_refused, at_its_start_it_looks)
{
    stop();
    fake_store_fail(store, FAKE_TRY_INSERT, 0, 1, STATUS_REFUSED);
    intake = intake_start(store, announcer);
    cr_assert_not_null(intake_refusal(intake));
    cr_assert(wait_until(is_taken_again, NULL, WAIT_MS));
    stop();
}
