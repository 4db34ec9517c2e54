/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api-service/pipeline/reads.h"
#include "common/base/clock.h"
#include "tests/support/wait_until.h"
#include "tests/unit/fake_store.h"

enum {
    TICKETS_MAX = 1100,
    WAIT_MS = 10000,
    PATIENT_MS = 60000,
};

static struct store *store;
static struct reads *reads;
static struct read_ticket *tickets;
static atomic_int answers[TICKETS_MAX];
static atomic_size_t answered;

static void done(struct read_ticket *ticket)
{
    atomic_fetch_add(&answers[ticket - tickets], 1);
    atomic_fetch_add(&answered, 1);
}

static void setup(void)
{
    store = fake_store_create();
    reads = reads_start(store);
    tickets = calloc(TICKETS_MAX, sizeof *tickets);
    cr_assert_not_null(tickets);
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        tickets[i] = (struct read_ticket){.kind = READ_ORDER,
                                          .deadline_ms = PATIENT_MS,
                                          .lookup = {.id = i + 1, .client_id = ""},
                                          .status = STATUS_NOT_FOUND,
                                          .done = done};
    }
}

static void stop(void)
{
    reads_stop(reads);
    reads = NULL;
}

static void teardown(void)
{
    stop();
    store_destroy(store);
    free(tickets);
}

TestSuite(reads, .init = setup, .fini = teardown, .timeout = 60);

static void submit(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        reads_submit(reads, &tickets[i]);
    }
}

static void set_kind(size_t first, size_t count, enum read_kind kind)
{
    for (size_t i = first; i < first + count; i++) {
        tickets[i].kind = kind;
    }
}

static bool has_answered(void *arg)
{
    return atomic_load(&answered) >= *(const size_t *)arg;
}

static void wait_answers(size_t count)
{
    cr_assert(wait_until(has_answered, &count, WAIT_MS), "%zu of %zu are answered",
              atomic_load(&answered), count);
}

/* Ticket 0 stands still in the database; what is submitted next waits as one batch. */
static void submit_and_hold(void)
{
    tickets[0].kind = READ_LIVENESS;
    fake_store_hold(store, FAKE_PING);
    submit(0, 1);
    cr_assert(fake_store_wait_held(store));
}

static void release_and_wait(size_t count)
{
    fake_store_release(store, FAKE_PING);
    wait_answers(count);
}

static void check_answer(size_t ticket, enum status status)
{
    cr_assert_eq(answers[ticket], 1, "ticket %zu got %d answers", ticket, answers[ticket]);
    cr_assert_eq(tickets[ticket].status, status, "ticket %zu got status %d", ticket,
                 (int)tickets[ticket].status);
}

Test(reads, an_order_is_looked_up)
{
    fake_store_add_processing(store, 1, 1, 1000);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_OK);
    cr_assert(tickets[0].lookup.found);
    cr_assert_eq(tickets[0].lookup.status, ORDER_PROCESSING);
}

Test(reads, an_order_that_is_not_there_is_no_failure)
{
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_OK);
    cr_assert_not(tickets[0].lookup.found);
}

Test(reads, many_lookups_are_one_call)
{
    submit_and_hold();
    submit(1, 50);
    release_and_wait(51);
    cr_assert_eq(fake_store_calls(store, FAKE_LOOKUP), 1);
    cr_assert_eq(fake_store_call(store, FAKE_LOOKUP, 0).count, 50);
    cr_assert_eq(fake_store_calls(store, FAKE_COUNTS), 0, "nobody asked for the counters");
}

Test(reads, a_lookup_has_1000_orders_at_most)
{
    submit_and_hold();
    submit(1, 1001);
    release_and_wait(1002);
    cr_assert_eq(fake_store_calls(store, FAKE_LOOKUP), 2);
    cr_assert_eq(fake_store_call(store, FAKE_LOOKUP, 0).count, 1000);
    cr_assert_eq(fake_store_call(store, FAKE_LOOKUP, 1).count, 1);
}

Test(reads, each_ticket_gets_its_own_order)
{
    /* Of ids 2 to 31: 2 to 11 are Pending, 12 to 21 Processing, the others are not there. */
    fake_store_add_pending(store, 2, 10, 0);
    fake_store_add_processing(store, 12, 10, 1000);
    submit_and_hold();
    for (size_t i = 1; i <= 30; i++) {
        tickets[i].lookup.id = 2 + (i * 7) % 30;
        set_kind(i, 1, i % 4 == 0 ? READ_COUNTS : READ_ORDER);
        tickets[i].lookup.client_id = i % 5 == 0 ? "other" : "";
    }
    submit(1, 30);
    release_and_wait(31);
    for (size_t i = 1; i <= 30; i++) {
        const struct store_lookup *lookup = &tickets[i].lookup;
        check_answer(i, STATUS_OK);
        if (tickets[i].kind == READ_COUNTS) {
            cr_assert_eq(tickets[i].counts.created, 20);
            continue;
        }
        cr_assert_eq(lookup->id, 2 + (i * 7) % 30);
        cr_assert_eq(lookup->found, lookup->id < 22 && i % 5 != 0, "ticket %zu", i);
        cr_assert(!lookup->found ||
                  lookup->status == (lookup->id < 12 ? ORDER_PENDING : ORDER_PROCESSING));
    }
}

Test(reads, all_who_ask_for_the_counters_share_one_call)
{
    fake_store_add_pending(store, 1, 3, 0);
    fake_store_add_processing(store, 4, 2, 1000);
    submit_and_hold();
    set_kind(1, 20, READ_COUNTS);
    submit(1, 20);
    release_and_wait(21);
    cr_assert_eq(fake_store_calls(store, FAKE_COUNTS), 1);
    cr_assert_eq(fake_store_calls(store, FAKE_LOOKUP), 0);
    for (size_t i = 1; i <= 20; i++) {
        check_answer(i, STATUS_OK);
        cr_assert_eq(tickets[i].counts.created, 5);
        cr_assert_eq(tickets[i].counts.started, 2);
        cr_assert_eq(tickets[i].counts.completed, 0);
    }
}

Test(reads, a_sign_of_life_is_asked_for_only_when_nothing_else_is)
{
    submit_and_hold();
    set_kind(1, 5, READ_LIVENESS);
    set_kind(6, 1, READ_COUNTS);
    submit(1, 7);
    release_and_wait(8);
    cr_assert_eq(fake_store_calls(store, FAKE_PING), 1, "of ticket 0 alone");
    cr_assert_eq(fake_store_calls(store, FAKE_LOOKUP), 1);
    cr_assert_eq(fake_store_calls(store, FAKE_COUNTS), 1);
    set_kind(8, 1, READ_LIVENESS);
    submit(8, 1);
    wait_answers(9);
    cr_assert_eq(fake_store_calls(store, FAKE_PING), 2);
    for (size_t i = 0; i < 9; i++) {
        check_answer(i, STATUS_OK);
    }
}

Test(reads, a_database_that_is_away_is_waited_for_until_the_deadline)
{
    static const enum read_kind kinds[] = {READ_ORDER, READ_COUNTS, READ_LIVENESS};
    fake_store_fail(store, FAKE_CONNECT, 0, 1000, STATUS_UNAVAILABLE);
    for (size_t i = 0; i < 3; i++) {
        tickets[i].kind = kinds[i];
        tickets[i].deadline_ms = 60;
        submit(i, 1);
        wait_answers(i + 1);
        check_answer(i, STATUS_UNAVAILABLE);
        uint64_t waited_ms = clock_monotonic_ms() - tickets[i].base.arrived_ms;
        cr_assert_geq(waited_ms, 60);
        cr_assert_leq(waited_ms, 5000);
    }
}

Test(reads, a_database_that_is_back_in_time_answers)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 2, STATUS_UNAVAILABLE);
    fake_store_fail(store, FAKE_LOOKUP, 0, 1, STATUS_UNAVAILABLE);
    fake_store_add_pending(store, 1, 1, 0);
    submit(0, 1);
    wait_answers(1);
    check_answer(0, STATUS_OK);
    cr_assert(tickets[0].lookup.found);
}

Test(reads, a_lost_race_is_repeated)
{
    fake_store_fail(store, FAKE_LOOKUP, 0, 2, STATUS_CONFLICT);
    fake_store_fail(store, FAKE_COUNTS, 0, 1, STATUS_CONFLICT);
    tickets[1].kind = READ_COUNTS;
    submit(0, 2);
    wait_answers(2);
    check_answer(0, STATUS_OK);
    check_answer(1, STATUS_OK);
    cr_assert_eq(fake_store_calls(store, FAKE_CONNECT), 1);
}

Test(reads, each_ticket_has_its_own_deadline)
{
    fake_store_add_pending(store, 1, 10, 0);
    submit_and_hold();
    for (size_t i = 1; i <= 6; i++) {
        tickets[i].deadline_ms = i % 2 == 0 ? 1 : PATIENT_MS;
    }
    submit(1, 6);
    fake_store_fail(store, FAKE_LOOKUP, 0, 2000, STATUS_CONFLICT);
    release_and_wait(4);
    fake_store_fail(store, FAKE_LOOKUP, 0, 0, STATUS_OK);
    wait_answers(7);
    for (size_t i = 1; i <= 6; i++) {
        check_answer(i, i % 2 == 0 ? STATUS_UNAVAILABLE : STATUS_OK);
        cr_assert_eq(tickets[i].lookup.found, i % 2 != 0);
    }
}

Test(reads, behind_one_that_waits_for_a_second_no_more_is_accepted)
{
    submit_and_hold();
    submit(1, 1);
    cr_assert(reads_accepts(reads));
    tickets[1].base.arrived_ms -= 1000;
    cr_assert_not(reads_accepts(reads));
    release_and_wait(2);
    cr_assert(reads_accepts(reads));
}

Test(reads, stopping_answers_all_that_wait)
{
    submit_and_hold();
    submit(1, 20);
    fake_store_release(store, FAKE_PING);
    stop();
    for (size_t i = 0; i <= 20; i++) {
        check_answer(i, STATUS_OK);
    }
}

Test(reads, stopping_ends_what_waits_for_a_database_that_is_away)
{
    fake_store_fail(store, FAKE_CONNECT, 0, 1000, STATUS_UNAVAILABLE);
    for (size_t i = 0; i < 10; i++) {
        tickets[i].deadline_ms = 50;
    }
    submit(0, 10);
    stop();
    for (size_t i = 0; i < 10; i++) {
        check_answer(i, STATUS_UNAVAILABLE);
    }
    reads_stop(NULL);
}

Test(reads, what_the_database_refuses_is_answered_at_once_and_not_asked_again_for_each)
{
    uint64_t start_ms = wait_now_ms();
    fake_store_fail(store, FAKE_LOOKUP, 0, TICKETS_MAX, STATUS_REFUSED);
    for (size_t i = 0; i < 100; i++) {
        submit(i, 1);
        wait_answers(i + 1);
        cr_assert_eq(tickets[i].status, STATUS_UNAVAILABLE);
    }
    cr_assert_leq(fake_store_calls(store, FAKE_LOOKUP), 1 + (wait_now_ms() - start_ms) / 1000);
    stop();
}
