/* SPDX-License-Identifier: MIT */
/*
 * The contract of common/store/store.h, the same for every backend: ids under which the database
 * has another order, as after a restore.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"

TestSuite(store_ids_in_use, .init = start, .fini = finish, .timeout = 120);

/* An order of another client is stored under the id. */
static void insert_foreign(order_id id)
{
    struct order order = make_order(id, "foreign");
    insert_one(&order);
}

static enum status insert_entry(const struct order *order, bool repeated, bool *taken)
{
    struct store_insert entry = {.order = order, .repeated = repeated};
    enum status status = store_insert(store, &entry, 1);
    *taken = entry.id_in_use;
    return status;
}

static void expect_taken(const struct order *order, bool repeated)
{
    bool taken = false;
    cr_assert_eq(insert_entry(order, repeated, &taken), STATUS_ALREADY_EXISTS);
    cr_assert(taken);
}

/* How many orders are stored; the counters say the same. */
static void expect_stored(int64_t count)
{
    cr_assert_eq(expect_exact_counts().created, count);
}

static void expect_keys(int64_t count)
{
    struct sql *sql = open_sql();
    cr_assert_eq(sql_integer(sql, "SELECT COUNT(*) FROM idempotency_keys"), count);
    sql_close(sql);
}

Test(store_ids_in_use, a_new_order_does_not_pass_for_the_one_that_has_its_id)
{
    struct order order = make_order(reserve(1), "acme");
    insert_foreign(order.id);
    expect_taken(&order, false);
    cr_assert_not(look_up(order.id, "acme").found);
    cr_assert(look_up(order.id, "foreign").found);
    expect_stored(1);
}

Test(store_ids_in_use, a_new_order_does_not_pass_for_an_equal_one_of_its_own_client)
{
    struct order order = make_order(reserve(1), "acme");
    insert_one(&order);
    expect_taken(&order, false);
    expect_stored(1);
}

Test(store_ids_in_use, what_is_taken_is_stored_under_a_new_id)
{
    struct order order = make_order(reserve(1), "acme");
    insert_foreign(order.id);
    expect_taken(&order, false);
    order.id = reserve(1);
    insert_one(&order);
    expect_status(order.id, ORDER_PENDING);
    expect_stored(2);
}

Test(store_ids_in_use, the_key_of_an_order_whose_id_is_taken_stays_free)
{
    struct order order = make_keyed(reserve(1), "acme", "key", 1);
    insert_foreign(order.id);
    expect_taken(&order, false);
    expect_taken(&order, true);
    expect_keys(0);
    order.id = reserve(1);
    cr_assert_eq(insert_one(&order).stored_id, order.id);
    expect_stored(2);
}

/* The id of the earlier order comes again, and with it the same key: after a restore, by chance. */
Test(store_ids_in_use, a_key_that_leads_to_the_taken_id_itself_leads_there_from_a_new_one_too)
{
    struct order order = make_keyed(reserve(1), "acme", "key", 1);
    order_id earlier = order.id;
    insert_one(&order);
    expect_taken(&order, false);
    order.id = reserve(1);
    cr_assert_eq(insert_one(&order).stored_id, earlier);
    expect_stored(1);
}

Test(store_ids_in_use, an_order_whose_key_leads_to_another_needs_no_id)
{
    order_id first = reserve(2);
    struct order order = make_keyed(first, "acme", "key", 1);
    struct order again = make_keyed(first + 1, "acme", "key", 1);
    insert_one(&order);
    insert_foreign(again.id);
    cr_assert_eq(insert_one(&again).stored_id, first);
    cr_assert_eq(repeat_one(&again).stored_id, first);
    expect_stored(2);
}

Test(store_ids_in_use, a_repeated_order_is_recognized_whatever_is_in_it)
{
    static const char items[] = "[\"it's\",\"\\\\\",\"\\u0000\",\"%_;--\",\"😀\",  1]";
    struct order order = make_keyed(reserve(1), "cli'ent\\ ", "key", 1);
    order.items_json = items;
    order.items_json_len = sizeof items - 1;
    order.total_cents = INT64_C(999999999999);
    strcpy(order.user_id, "o'né \\ 😀 ");
    order.user_id_len = strlen(order.user_id);
    insert_one(&order);
    cr_assert_eq(repeat_one(&order).stored_id, order.id);
    expect_stored(1);
}

Test(store_ids_in_use, a_repeated_order_is_not_confused_with_another)
{
    struct order stored = make_order(reserve(1), "acme");
    insert_one(&stored);
    struct order others[] = {stored, stored, stored, stored, stored, stored};
    strcpy(others[0].client_id, "acme ");
    strcpy(others[1].user_id, "User123");
    strcpy(others[2].user_id, "user123 ");
    others[2].user_id_len++;
    others[3].items_json = "[101,103]";
    others[4].items_json_len--;
    others[5].total_cents++;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        bool taken = false;
        cr_assert_eq(insert_entry(&others[i], true, &taken), STATUS_ALREADY_EXISTS, "order %zu", i);
        cr_assert(taken, "order %zu", i);
    }
    repeat_one(&stored);
    expect_stored(1);
}

enum { MIXED = 6 };

/* Orders with keys and consecutive ids; the second half is repeated. */
static void make_mixed(struct order orders[MIXED], struct store_insert entries[MIXED])
{
    order_id first = reserve(MIXED);
    for (size_t i = 0; i < MIXED; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %zu", i);
        orders[i] = make_keyed(first + i, "acme", key, 1);
        entries[i] = (struct store_insert){.order = &orders[i], .repeated = i >= MIXED / 2};
    }
}

Test(store_ids_in_use, a_batch_of_new_and_repeated_orders_is_stored)
{
    struct order orders[MIXED];
    struct store_insert entries[MIXED];
    make_mixed(orders, entries);
    insert_one(&orders[4]);
    cr_assert_eq(store_insert(store, entries, MIXED), STATUS_OK);
    for (size_t i = 0; i < MIXED; i++) {
        cr_assert_not(entries[i].id_in_use);
        cr_assert_eq(entries[i].stored_id, orders[i].id);
    }
    expect_stored(MIXED);
    expect_keys(MIXED);
}

/* Gives new ids until nothing is taken any more; returns how many rounds that took. */
static size_t insert_with_new_ids(struct order orders[MIXED], struct store_insert entries[MIXED])
{
    size_t rounds = 0;
    while (store_insert(store, entries, MIXED) == STATUS_ALREADY_EXISTS) {
        cr_assert_lt(rounds, 3);
        rounds++;
        for (size_t i = 0; i < MIXED; i++) {
            if (entries[i].id_in_use) {
                orders[i].id = reserve(1);
                entries[i].repeated = false;
            }
        }
    }
    return rounds;
}

static void expect_all_found(const struct order orders[MIXED])
{
    for (size_t i = 0; i < MIXED; i++) {
        expect_status(orders[i].id, ORDER_PENDING);
    }
}

Test(store_ids_in_use, of_a_batch_with_a_new_order_whose_id_is_taken_nothing_is_stored)
{
    struct order orders[MIXED];
    struct store_insert entries[MIXED];
    make_mixed(orders, entries);
    insert_one(&orders[4]);
    insert_foreign(orders[1].id);
    cr_assert_eq(store_insert(store, entries, MIXED), STATUS_ALREADY_EXISTS);
    cr_assert(entries[1].id_in_use);
    for (size_t i = MIXED / 2; i < MIXED; i++) {
        cr_assert_not(entries[i].id_in_use, "a new id for entry %zu could store it twice", i);
    }
    expect_stored(2);
    expect_keys(1);
    cr_assert_eq(insert_with_new_ids(orders, entries), 1);
    expect_all_found(orders);
    expect_stored(MIXED + 1);
}

Test(store_ids_in_use, of_a_batch_with_a_repeated_order_whose_id_is_taken_nothing_is_stored)
{
    struct order orders[MIXED];
    struct store_insert entries[MIXED];
    make_mixed(orders, entries);
    insert_one(&orders[4]);
    insert_foreign(orders[5].id);
    cr_assert_eq(store_insert(store, entries, MIXED), STATUS_ALREADY_EXISTS);
    for (size_t i = 0; i < MIXED; i++) {
        cr_assert_eq(entries[i].id_in_use, i == 5, "entry %zu", i);
    }
    expect_stored(2);
    expect_keys(1);
    cr_assert_eq(insert_with_new_ids(orders, entries), 1);
    expect_all_found(orders);
    expect_stored(MIXED + 1);
}

Test(store_ids_in_use, new_and_repeated_orders_whose_ids_are_taken_all_get_stored)
{
    struct order orders[MIXED];
    struct store_insert entries[MIXED];
    make_mixed(orders, entries);
    insert_one(&orders[4]);
    insert_foreign(orders[0].id);
    insert_foreign(orders[2].id);
    insert_foreign(orders[3].id);
    cr_assert_geq(insert_with_new_ids(orders, entries), 1);
    expect_all_found(orders);
    expect_stored(MIXED + 3);
}

/* Longer than one statement may be, so all of it hangs on the transaction around them. */
Test(store_ids_in_use, of_a_batch_of_four_megabytes_nothing_is_stored_when_its_last_id_is_taken)
{
    enum { COUNT = 64 };
    static char items[ORDER_ITEMS_TEXT_MAX];
    static struct order orders[COUNT];
    struct store_insert entries[COUNT];
    memset(items, '\'', sizeof items);
    order_id first = reserve(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        orders[i] = make_order(first + i, "acme");
        orders[i].items_json = items;
        orders[i].items_json_len = sizeof items;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    insert_foreign(first + COUNT - 1);
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_ALREADY_EXISTS);
    cr_assert(entries[COUNT - 1].id_in_use);
    expect_stored(1);
    orders[COUNT - 1].id = reserve(1);
    for (int repeat = 0; repeat < 2; repeat++) {
        cr_assert_eq(store_insert(store, entries, COUNT), STATUS_OK);
        expect_stored(COUNT + 1);
        for (size_t i = 0; i < COUNT; i++) {
            entries[i].repeated = true;
        }
    }
}
