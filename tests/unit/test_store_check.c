/* SPDX-License-Identifier: MIT */
/* How store.c reacts to a backend that returns wrong results, and to rows changed by hand. */
#include <signal.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/captured_log.h"
#include "tests/unit/fake_store.h"

static struct store *store;
static order_id ids[4] = {1, 2, 3};

static void setup(void)
{
    store = fake_store_create();
    fake_store_add_pending(store, 1, 10, 0);
}

static void teardown(void)
{
    store_destroy(store);
}

/* The program aborts where it finds the error, before it uses the wrong result. */
TestSuite(store_lies, .init = setup, .fini = teardown);
TestSuite(store_check, .init = setup, .fini = teardown);

static enum status claim(enum fake_lie lie)
{
    size_t count = 3;
    fake_store_lie(store, lie);
    return store_claim(store, ids, &count, 0, NULL);
}

Test(store_check, honest_answers_are_accepted)
{
    cr_assert_eq(claim(FAKE_TRUTH), STATUS_OK);
}

Test(store_lies, a_claim_of_an_order_that_was_not_asked_for, .signal = SIGABRT)
{
    (void)!claim(FAKE_LIE_CLAIMED_ANOTHER);
}

Test(store_lies, a_claim_that_has_an_order_twice, .signal = SIGABRT)
{
    (void)!claim(FAKE_LIE_CLAIMED_TWICE);
}

Test(store_lies, a_claim_of_more_than_were_asked_for, .signal = SIGABRT)
{
    (void)!claim(FAKE_LIE_CLAIMED_TOO_MANY);
}

/* Here the caller is wrong, not the backend. */
Test(store_lies, a_claim_that_asks_for_an_order_twice, .signal = SIGABRT)
{
    size_t count = 3;
    ids[2] = ids[0];
    (void)!store_claim(store, ids, &count, 0, NULL);
}

static enum status claim_waiting(enum fake_lie lie)
{
    struct store_claim_waiting waiting = {.max = 3, .ids = ids};
    fake_store_lie(store, lie);
    return store_claim_waiting(store, &waiting);
}

Test(store_lies, a_claim_of_waiting_orders_that_has_one_twice, .signal = SIGABRT)
{
    (void)!claim_waiting(FAKE_LIE_WAITING_TWICE);
}

Test(store_lies, a_claim_of_more_waiting_orders_than_there_is_room_for, .signal = SIGABRT)
{
    (void)!claim_waiting(FAKE_LIE_WAITING_TOO_MANY);
}

Test(store_lies, more_completed_than_were_asked_for, .signal = SIGABRT)
{
    size_t count = 3;
    fake_store_lie(store, FAKE_LIE_COMPLETED_TOO_MANY);
    (void)!store_complete(store, ids, &count);
}

static struct order order = {.id = 500, .client_id = "c"};
static struct store_insert entry = {.order = &order};

static enum status insert(enum fake_lie lie)
{
    fake_store_lie(store, lie);
    return store_insert(store, &entry, 1);
}

Test(store_lies, an_order_without_a_key_that_is_stored_as_another, .signal = SIGABRT)
{
    (void)!insert(FAKE_LIE_STORED_AS_ANOTHER);
}

Test(store_lies, a_used_key_of_an_order_without_a_key, .signal = SIGABRT)
{
    (void)!insert(FAKE_LIE_KEY_REUSED);
}

static void insert_with_bad_key(void)
{
    strcpy(order.idempotency_key, "key");
    cr_assert_eq(insert(FAKE_LIE_KEY_OF_NO_ORDER), STATUS_OK);
    cr_assert(entry.key_reused);
    cr_assert_eq(entry.stored_id, order.id);
}

Test(store_check, a_key_that_leads_to_no_possible_order_is_refused_and_logged)
{
    const char *log = captured_log(insert_with_bad_key);
    cr_assert_not_null(strstr(log, "idempotency key leads to no possible order"), "%s", log);
}

static void look_up_two(void)
{
    fake_store_lie(store, FAKE_LIE_STATUS);
    struct store_lookup lookups[] = {{.id = 1, .client_id = ""}, {.id = 2, .client_id = ""}};
    cr_assert_eq(store_lookup(store, lookups, 2), STATUS_OK);
    cr_assert_not(lookups[0].found);
    cr_assert(lookups[1].found, "the other lookups of the batch are answered");
}

Test(store_check, an_order_with_an_impossible_status_is_not_found_and_logged)
{
    const char *log = captured_log(look_up_two);
    cr_assert_not_null(strstr(log, "a status that there is not"), "%s", log);
    cr_assert_not_null(strstr(log, "order_id=1"), "%s", log);
}

Test(store_check, ids_that_no_order_can_have_are_not_reserved)
{
    static const enum fake_lie lies[] = {FAKE_LIE_RESERVED_ZERO, FAKE_LIE_RESERVED_TOO_HIGH};
    for (size_t i = 0; i < 2; i++) {
        order_id first = 0;
        struct store *fresh = fake_store_create();
        fake_store_lie(fresh, lies[i]);
        cr_expect_eq(store_reserve_ids(fresh, 10, &first), STATUS_UNAVAILABLE, "lie %zu", i);
        store_destroy(fresh);
    }
}
