/* SPDX-License-Identifier: MIT */
/*
 * The contract of common/store/store.h, the same for every backend: a trigger of the database's
 * owner refuses one order. That is no outage, and nothing to the others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"

enum { COUNT = 5 };

TestSuite(store_refusals, .init = start, .fini = finish, .timeout = 120);

/* On MySQL under a number of the owner's own; or as if a right were missing. */
static void refuse_as(bool is_right, const char *event, const char *condition)
{
    const char *const parts[][2] = {
        [DATABASE_SQLITE] = {"WHEN ", " BEGIN SELECT RAISE(ABORT, 'not this one'); END"},
        [DATABASE_MYSQL] = {"FOR EACH ROW BEGIN IF ",
                            is_right ? " THEN SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, "
                                       "MESSAGE_TEXT = 'not this one'; END IF; END"
                                     : " THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001, "
                                       "MESSAGE_TEXT = 'not this one'; END IF; END"},
        [DATABASE_POSTGRES] = {"FOR EACH ROW WHEN (", ") EXECUTE FUNCTION refuse()"},
    };
    char text[400];
    struct sql *admin = database_open_admin(&database);
    if (url.kind == DATABASE_POSTGRES) {
        snprintf(text, sizeof text,
                 "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                 "'BEGIN RAISE EXCEPTION ''not this one''%s; END'",
                 is_right ? " USING ERRCODE = ''42501''" : "");
        sql_execute(admin, text);
    }
    snprintf(text, sizeof text, "CREATE TRIGGER refuse BEFORE %s ON orders %s%s%s", event,
             parts[url.kind][0], condition, parts[url.kind][1]);
    sql_execute(admin, text);
    sql_close(admin);
}

static void refuse(const char *event, const char *condition)
{
    refuse_as(false, event, condition);
}

static void refuse_update_of(order_id id)
{
    char condition[64];
    snprintf(condition, sizeof condition, "NEW.id = %" PRIu64, id);
    refuse("UPDATE", condition);
}

Test(store_refusals, an_order_that_a_trigger_refuses_is_bad_data)
{
    struct order orders[2] = {make_order(reserve(1), "acme"), make_order(reserve(1), "acme")};
    refuse("INSERT", "NEW.user_id = 'refused'");
    orders[1].user_id_len = strlen(strcpy(orders[1].user_id, "refused"));
    struct store_insert both[] = {{.order = &orders[0]}, {.order = &orders[1]}};
    cr_assert_eq(store_insert(store, both, 2), STATUS_INVALID);
    cr_assert_eq(store_insert(store, &both[1], 1), STATUS_INVALID);
    cr_assert_not_null(strstr(store_last_failure(store), "not this one"));
    cr_assert_eq(store_insert(store, &both[0], 1), STATUS_OK);
    expect_created_and_started(1, 0);
}

Test(store_refusals, an_order_that_cannot_be_claimed_does_not_hold_up_others_with_hints)
{
    order_id ids[COUNT];
    order_id first = insert_new(COUNT);
    refuse_update_of(first + 2);
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = first + i;
    }
    size_t count = claim(ids, COUNT, LONG_DELAY_MS);
    expect_ids(ids, count, (const order_id[]){first, first + 1, first + 3, first + 4}, COUNT - 1);
    expect_status(first + 2, ORDER_PENDING);
    expect_created_and_started(COUNT, COUNT - 1);
}

/* It is the oldest, and will be so each time. */
Test(store_refusals, an_order_that_cannot_be_claimed_does_not_hold_up_others_without_hints)
{
    order_id ids[COUNT];
    order_id first = insert_new(1);
    insert_new(COUNT - 1);
    refuse_update_of(first);
    struct store_claim_waiting waiting = {.delay_ms = LONG_DELAY_MS, .max = COUNT, .ids = ids};
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_eq(waiting.count, COUNT - 1);
    expect_status(first, ORDER_PENDING);
    expect_created_and_started(COUNT, COUNT - 1);
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_eq(waiting.count, 0);
}

Test(store_refusals, an_order_that_cannot_be_completed_does_not_hold_up_others)
{
    order_id ids[COUNT];
    order_id first = insert_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = first + i;
    }
    cr_assert_eq(claim(ids, COUNT, 0), COUNT);
    refuse_update_of(first);
    cr_assert_eq(complete(ids, COUNT), COUNT - 1);
    expect_status(first, ORDER_PROCESSING);
    cr_assert_eq(expect_exact_counts().completed, COUNT - 1);
}

/* A right that is missing for one order, in what a trigger does with it. */
Test(store_refusals, an_order_that_a_trigger_has_no_right_for_does_not_hold_up_others)
{
    order_id ids[COUNT];
    char condition[64];
    order_id first = insert_new(COUNT);
    snprintf(condition, sizeof condition, "NEW.id = %" PRIu64, first + 1);
    refuse_as(true, "UPDATE", condition);
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = first + i;
    }
    cr_assert_eq(claim(ids, COUNT, 0), COUNT - 1);
    expect_status(first + 1, ORDER_PENDING);
    cr_assert_null(store_refusal(store));
}

Test(store_refusals, an_order_that_an_index_of_the_owner_refuses_is_bad_data)
{
    struct order orders[3];
    struct store_insert entries[3];
    struct sql *admin = database_open_admin(&database);
    sql_execute(admin, "CREATE UNIQUE INDEX one_each ON orders (user_id)");
    sql_close(admin);
    for (size_t i = 0; i < 3; i++) {
        orders[i] = make_order(reserve(1), "acme");
        orders[i].user_id_len = strlen(strcpy(orders[i].user_id, i == 1 ? "other" : "same"));
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, 1), STATUS_OK);
    cr_assert_eq(store_insert(store, entries + 1, 2), STATUS_INVALID);
    cr_assert_not(entries[1].id_in_use || entries[2].id_in_use);
    cr_assert_eq(store_insert(store, entries + 1, 1), STATUS_OK);
    expect_created_and_started(2, 0);
}
