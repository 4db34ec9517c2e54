/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api-service/pipeline/waiting_limit.h"
#include "common/base/clock.h"
#include "tests/support/captured_log.h"
#include "tests/support/wait_until.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/intake_fixture.h"

TestSuite(intake, .init = setup, .fini = teardown, .timeout = 60);

Test(intake, an_order_is_acknowledged_after_its_insert_and_never_before)
{
    submit_and_hold();
    cr_assert_eq(answered, 0);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 0);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(1);
    check_stored(0);
    check_hints(1);
}

Test(intake, what_waits_goes_in_one_insert)
{
    submit_and_hold();
    submit(1, 100);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(101);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 2);
    cr_assert_eq(fake_store_call(store, FAKE_INSERT, 1).count, 100);
    for (size_t i = 0; i < 101; i++) {
        check_stored(i);
        cr_assert_eq(clients[i].order.id, i + 1, "ids follow the order of arrival");
    }
    check_hints(101);
}

Test(intake, an_insert_has_1000_orders_at_most)
{
    submit_and_hold();
    submit(1, 1001);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(1002);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 3);
    cr_assert_eq(fake_store_call(store, FAKE_INSERT, 1).count, 1000);
    cr_assert_eq(fake_store_call(store, FAKE_INSERT, 2).count, 1);
    check_hints(1002);
}

static void check_same_rows(size_t calls, size_t count)
{
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), calls);
    struct fake_call first = fake_store_call(store, FAKE_INSERT, 0);
    cr_assert_eq(first.count, count);
    for (size_t i = 1; i < calls; i++) {
        struct fake_call again = fake_store_call(store, FAKE_INSERT, i);
        cr_assert_eq(again.count, first.count);
        cr_assert_eq(again.first, first.first);
        cr_assert_eq(again.last, first.last);
    }
}

Test(intake, a_commit_whose_answer_is_lost_is_repeated_with_the_same_ids)
{
    fake_store_lose_answers(store, FAKE_INSERT, 1);
    submit(0, 1);
    wait_answers(1);
    check_stored(0);
    check_same_rows(2, 1);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1, "it must be stored once");
    check_hints(1);
}

Test(intake, an_insert_that_finds_the_database_away_is_repeated)
{
    fake_store_fail(store, FAKE_INSERT, 0, 3, STATUS_UNAVAILABLE);
    submit(0, 1);
    wait_answers(1);
    check_stored(0);
    check_same_rows(4, 1);
    check_hints(1);
}

Test(intake, a_lost_race_is_repeated_on_the_same_connection)
{
    fake_store_fail(store, FAKE_INSERT, 0, 3, STATUS_CONFLICT);
    submit(0, 1);
    wait_answers(1);
    check_stored(0);
    check_same_rows(4, 1);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
}

Test(intake, past_the_deadline_the_answer_is_unavailable)
{
    static const enum status faults[] = {STATUS_UNAVAILABLE, STATUS_CONFLICT};
    for (size_t i = 0; i < 2; i++) {
        fake_store_fail(store, FAKE_INSERT, 0, 1000, faults[i]);
        fake_store_hold(store, FAKE_INSERT);
        submit(i, 1);
        cr_assert(fake_store_wait_held(store));
        make_late(i);
        fake_store_release(store, FAKE_INSERT);
        wait_answers(i + 1);
        check_answer(i, STATUS_UNAVAILABLE);
    }
    check_hints(0);
}

Test(intake, what_is_late_before_its_turn_is_not_stored)
{
    submit_and_hold();
    submit(1, 3);
    make_late(1);
    make_late(2);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(4);
    check_stored(0);
    check_answer(1, STATUS_UNAVAILABLE);
    check_answer(2, STATUS_UNAVAILABLE);
    check_stored(3);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 2);
    cr_assert_eq(fake_store_call(store, FAKE_INSERT, 1).count, 1);
    check_hints(2);
}

Test(intake, when_all_that_waits_is_late_nothing_is_asked_of_the_database)
{
    submit_and_hold();
    submit(1, 1);
    make_late(1);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(2);
    check_answer(1, STATUS_UNAVAILABLE);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 1);
    check_hints(1);
}

Test(intake, one_bad_row_of_100_fails_alone)
{
    enum { BAD = 57, COUNT = 100 };
    fake_store_refuse_user(store, "bad");
    strcpy(clients[BAD].order.user_id, "bad");
    submit_and_hold();
    submit(1, COUNT);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(COUNT + 1);
    for (size_t i = 0; i <= COUNT; i++) {
        if (i == BAD) {
            check_answer(i, STATUS_INVALID);
            cr_assert_not(clients[i].stored_before);
        } else {
            check_stored(i);
        }
    }
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), COUNT);
    cr_assert_leq(fake_store_calls(store, FAKE_INSERT), 16, "halving finds one of 100 in 14");
    check_hints(COUNT);
}

Test(intake, several_bad_rows_fail_and_no_others)
{
    fake_store_refuse_user(store, "bad");
    submit_and_hold();
    for (size_t i = 1; i <= 32; i += 3) {
        strcpy(clients[i].order.user_id, "bad");
    }
    submit(1, 32);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(33);
    for (size_t i = 1; i <= 32; i++) {
        check_answer(i, i % 3 == 1 ? STATUS_INVALID : STATUS_OK);
    }
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 22);
    check_hints(22);
}

/* The two together, and then the first by itself. */
Test(intake, an_order_larger_than_the_database_takes_fails_alone)
{
    fake_store_fail(store, FAKE_INSERT, 1, 2, STATUS_TOO_LARGE);
    submit_and_hold();
    submit(1, 2);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(3);
    check_answer(1, STATUS_TOO_LARGE);
    check_stored(2);
    check_hints(2);
}

Test(intake, a_bad_row_alone_is_invalid)
{
    fake_store_refuse_user(store, "user");
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_INVALID);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 1);
    check_hints(0);
}

/* Refusing them is work of the database's too: 200 that take a quarter of a second. */
Test(intake, what_is_refused_slowly_lets_fewer_wait)
{
    enum { COUNT = 200, LOST_RACES = 7 };
    size_t waiting = 0;
    fake_store_refuse_user(store, "bad");
    for (size_t i = 1; i <= COUNT; i++) {
        strcpy(clients[i].order.user_id, "bad");
    }
    submit_and_hold();
    submit(1, COUNT);
    fake_store_fail(store, FAKE_INSERT, 1, LOST_RACES, STATUS_CONFLICT);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(COUNT + 1);
    check_answer(COUNT, STATUS_INVALID);
    fake_store_hold(store, FAKE_INSERT);
    submit(COUNT + 1, 1);
    cr_assert(fake_store_wait_held(store));
    for (; COUNT + 2 + waiting < CLIENTS_MAX && intake_accepts(intake, 1); waiting++) {
        submit(COUNT + 2 + waiting, 1);
    }
    cr_assert_eq(waiting, WAITING_LIMIT_FIRST / 2);
    fake_store_release(store, FAKE_INSERT);
    stop();
}

Test(intake, ids_that_cannot_be_reserved_yet_are_waited_for)
{
    fake_store_fail(store, FAKE_RESERVE_IDS, 0, 2, STATUS_CONFLICT);
    submit(0, 1);
    wait_answers(1);
    check_stored(0);
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), 3);
}

Test(intake, without_ids_by_the_deadline_nothing_is_stored)
{
    fake_store_fail(store, FAKE_RESERVE_IDS, 0, 1000, STATUS_UNAVAILABLE);
    fake_store_hold(store, FAKE_RESERVE_IDS);
    submit(0, 1);
    cr_assert(fake_store_wait_held(store));
    make_late(0);
    fake_store_release(store, FAKE_RESERVE_IDS);
    wait_answers(1);
    check_answer(0, STATUS_UNAVAILABLE);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 0);
}

Test(intake, ids_that_will_never_be_there_are_not_waited_for)
{
    fake_store_fail(store, FAKE_RESERVE_IDS, 0, 1000, STATUS_INVALID);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_UNAVAILABLE);
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), 1);
}

static void set_key(size_t client, const char *key, unsigned char fingerprint)
{
    strcpy(clients[client].order.idempotency_key, key);
    memset(clients[client].order.fingerprint, fingerprint, ORDER_FINGERPRINT_SIZE);
}

Test(intake, a_repeated_key_gets_the_earlier_id_and_is_not_announced)
{
    set_key(0, "key", 1);
    set_key(1, "key", 1);
    submit(0, 1);
    wait_answers(1);
    submit(1, 1);
    wait_answers(2);
    check_stored(0);
    check_answer(1, STATUS_OK);
    cr_assert_eq(clients[1].ticket.stored_id, clients[0].order.id);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
    check_hints(1);
}

Test(intake, a_key_used_for_another_request_is_a_conflict)
{
    set_key(0, "key", 1);
    set_key(1, "key", 2);
    submit(0, 1);
    wait_answers(1);
    submit(1, 1);
    wait_answers(2);
    check_answer(1, STATUS_CONFLICT);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
    check_hints(1);
}

Test(intake, an_order_with_a_key_survives_a_lost_answer)
{
    set_key(0, "key", 1);
    fake_store_lose_answers(store, FAKE_INSERT, 2);
    submit(0, 1);
    wait_answers(1);
    check_stored(0);
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 1);
    check_hints(1);
}

Test(intake, of_one_batch_only_what_was_stored_is_announced)
{
    set_key(0, "old", 1);
    set_key(1, "old", 1);
    set_key(2, "old", 2);
    submit_and_hold();
    submit(1, 3);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(4);
    check_answer(1, STATUS_OK);
    check_answer(2, STATUS_CONFLICT);
    check_stored(3);
    check_hints(2);
}

Test(intake, behind_an_order_that_waits_for_a_second_no_more_is_accepted)
{
    submit_and_hold();
    submit(1, 1);
    cr_assert(intake_accepts(intake, 1));
    clients[1].ticket.base.arrived_ms -= 1000;
    cr_assert_not(intake_accepts(intake, 1));
    fake_store_release(store, FAKE_INSERT);
    wait_answers(2);
    cr_assert(intake_accepts(intake, 1));
}

Test(intake, more_than_32_mib_do_not_wait)
{
    enum { HALF = 16 * 1024 * 1024 };
    submit_and_hold();
    clients[1].ticket.base.bytes = HALF;
    submit(1, 1);
    cr_assert(intake_accepts(intake, HALF));
    cr_assert_not(intake_accepts(intake, HALF + 1));
    fake_store_release(store, FAKE_INSERT);
    wait_answers(2);
    cr_assert(intake_accepts(intake, 2 * HALF));
}

Test(intake, stopping_answers_all_that_wait)
{
    submit_and_hold();
    submit(1, 20);
    fake_store_release(store, FAKE_INSERT);
    stop();
    for (size_t i = 0; i <= 20; i++) {
        check_stored(i);
    }
    intake_stop(NULL);
}

/* Another server may answer after an outage, one where the rest of the block is somebody else's. */
Test(intake, after_an_outage_new_orders_get_ids_from_a_new_block)
{
    submit(0, 1);
    wait_answers(1);
    size_t reserved = fake_store_calls(store, FAKE_RESERVE_IDS);
    fake_store_fail(store, FAKE_INSERT, 0, 1, STATUS_UNAVAILABLE);
    submit(1, 1);
    wait_answers(2);
    submit(2, 1);
    wait_answers(3);
    stop();
    check_stored(1);
    check_stored(2);
    cr_assert_eq(clients[1].order.id, clients[0].order.id + 1, "what was sent is sent again");
    cr_assert_eq(fake_store_calls(store, FAKE_RESERVE_IDS), reserved + 1);
    cr_assert_gt(clients[2].order.id, clients[1].order.id + 1);
}

/* The first ids of the first two blocks. */
enum { FIRST_ID = 1, SECOND_BLOCK_ID = 11 };

/* As a restored database has it: the block was reserved, and the order was made before that. */
Test(intake, an_order_whose_id_is_another_ones_gets_a_new_one_from_a_new_block)
{
    struct fake_order row;
    fake_store_add_foreign(store, FIRST_ID);
    submit(0, 1);
    wait_answers(1);
    submit(1, 1);
    wait_answers(2);
    check_stored(0);
    check_stored(1);
    cr_assert_eq(clients[0].order.id, SECOND_BLOCK_ID);
    cr_assert_eq(clients[1].order.id, SECOND_BLOCK_ID + 1);
    cr_assert(fake_store_find(store, FIRST_ID, &row));
    cr_assert_str_eq(row.client_id, "somebody else");
    check_hints(2);
}

enum { BATCH = 100, TAKEN = 57 };

static void submit_one_whose_id_is_taken(void)
{
    submit_and_hold();
    submit(1, BATCH);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(BATCH + 1);
}

Test(intake, only_the_orders_whose_ids_are_taken_get_new_ones)
{
    fake_store_add_foreign(store, TAKEN + 1);
    const char *log = captured_log(submit_one_whose_id_is_taken);
    cr_assert_eq(captured_log_count(log, "level=error "), 1, "%s", log);
    cr_assert_eq(captured_log_count(log, "they get new ids\" count=1\n"), 1, "%s", log);
    for (size_t i = 0; i <= BATCH; i++) {
        check_stored(i);
        cr_assert(i == TAKEN || clients[i].order.id == i + 1);
    }
    cr_assert_gt(clients[TAKEN].order.id, BATCH + 1);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 3);
    check_hints(BATCH + 1);
}

Test(intake, an_order_is_repeated_only_after_an_answer_that_may_be_lost)
{
    static const struct {
        enum status fault;
        bool repeated;
    } cases[] = {{STATUS_CONFLICT, false},
                 {STATUS_ALREADY_EXISTS, false},
                 {STATUS_UNAVAILABLE, true}};
    for (size_t i = 0; i < 3; i++) {
        fake_store_fail(store, FAKE_INSERT, 0, 1, cases[i].fault);
        submit(i, 1);
        wait_answers(i + 1);
        check_stored(i);
        cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 2 * i + 2);
        cr_assert_not(fake_store_call(store, FAKE_INSERT, 2 * i).repeated);
        cr_assert_eq(fake_store_call(store, FAKE_INSERT, 2 * i + 1).repeated, cases[i].repeated);
    }
}

Test(intake, a_repeated_order_whose_id_is_taken_becomes_a_new_one)
{
    fake_store_add_foreign(store, FIRST_ID);
    fake_store_lose_answers(store, FAKE_INSERT, 1);
    submit(0, 1);
    wait_answers(1);
    check_stored(0);
    cr_assert_eq(clients[0].order.id, SECOND_BLOCK_ID);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 3);
    cr_assert(fake_store_call(store, FAKE_INSERT, 1).repeated);
    cr_assert_not(fake_store_call(store, FAKE_INSERT, 2).repeated);
    check_hints(1);
}

Test(intake, the_halves_of_a_repeated_batch_are_repeated)
{
    fake_store_refuse_user(store, "bad"); /* of the order that makes the others wait */
    strcpy(clients[0].order.user_id, "bad");
    submit_and_hold();
    submit(1, 8);
    fake_store_lose_answers(store, FAKE_INSERT, 1);
    fake_store_fail(store, FAKE_INSERT, 2, 1, STATUS_INVALID);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(9);
    for (size_t i = 1; i < 9; i++) {
        check_stored(i);
        cr_assert_eq(clients[i].order.id, i + 1);
    }
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 5);
    for (size_t nth = 1; nth < 5; nth++) {
        cr_assert_eq(fake_store_call(store, FAKE_INSERT, nth).repeated, nth > 1);
    }
    cr_assert_eq(fake_store_count(store, ORDER_PENDING), 8);
    check_hints(8);
}

Test(intake, ids_that_are_always_taken_are_not_tried_past_the_deadline)
{
    fake_store_fail(store, FAKE_INSERT, 0, 1000, STATUS_ALREADY_EXISTS);
    fake_store_hold(store, FAKE_INSERT);
    submit(0, 1);
    cr_assert(fake_store_wait_held(store));
    make_late(0);
    fake_store_release(store, FAKE_INSERT);
    wait_answers(1);
    check_answer(0, STATUS_UNAVAILABLE);
    cr_assert_eq(fake_store_calls(store, FAKE_INSERT), 1);
    check_hints(0);
}
