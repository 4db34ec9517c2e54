/* SPDX-License-Identifier: MIT */
/* The contract of common/store/store.h, the same for every backend: idempotency keys. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"

TestSuite(store_keys, .init = start, .fini = finish, .timeout = 120);

Test(store_keys, a_repeated_key_gives_the_first_order)
{
    order_id first = reserve(2);
    struct order order = make_keyed(first, "acme", "k'1", 1);
    struct order again = make_keyed(first + 1, "acme", "k'1", 1);
    cr_assert_eq(insert_one(&order).stored_id, first);
    struct store_insert entry = insert_one(&again);
    cr_assert_eq(entry.stored_id, first);
    cr_assert_not(entry.key_reused);
    cr_assert_not(look_up(first + 1, "acme").found);
    cr_assert_eq(expect_exact_counts().created, 1);
}

Test(store_keys, a_key_with_another_fingerprint_is_reported_and_not_stored)
{
    order_id first = reserve(2);
    struct order order = make_keyed(first, "acme", "key", 1);
    struct order other = make_keyed(first + 1, "acme", "key", 2);
    cr_assert_not(insert_one(&order).key_reused);
    cr_assert(insert_one(&other).key_reused);
    cr_assert_not(look_up(first + 1, "acme").found);
    cr_assert_eq(expect_exact_counts().created, 1);
}

Test(store_keys, the_same_insert_with_a_key_is_stored_once)
{
    struct order order = make_keyed(reserve(1), "acme", "key", 1);
    for (int i = 0; i < 3; i++) {
        struct store_insert entry = i == 0 ? insert_one(&order) : repeat_one(&order);
        cr_assert_eq(entry.stored_id, order.id);
        cr_assert_not(entry.key_reused);
    }
    cr_assert_eq(expect_exact_counts().created, 1);
}

Test(store_keys, keys_differ_by_client_and_by_every_byte)
{
    static const char *const clients[] = {"acme", "acme ", "b", "b", "b", "b"};
    static const char *const keys[] = {"key", "key", "key", "Key", "key ", "kéy"};
    order_id first = reserve(6);
    struct order orders[6];
    struct store_insert entries[6];
    for (size_t i = 0; i < 6; i++) {
        orders[i] = make_keyed(first + i, clients[i], keys[i], 1);
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    for (int repeat = 0; repeat < 2; repeat++) {
        cr_assert_eq(store_insert(store, entries, 6), STATUS_OK);
        for (size_t i = 0; i < 6; i++) {
            cr_assert_eq(entries[i].stored_id, first + i, "'%s' of '%s'", keys[i], clients[i]);
            entries[i].repeated = true;
        }
    }
    cr_assert_eq(expect_exact_counts().created, 6);
}

Test(store_keys, of_one_key_in_one_batch_the_first_wins)
{
    order_id first = reserve(5);
    struct order orders[] = {make_order(first, "acme"), make_keyed(first + 1, "acme", "key", 1),
                             make_keyed(first + 2, "acme", "another", 1),
                             make_keyed(first + 3, "acme", "key", 1),
                             make_keyed(first + 4, "acme", "key", 2)};
    struct store_insert entries[5];
    for (size_t i = 0; i < 5; i++) {
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, 5), STATUS_OK);
    cr_assert_eq(entries[1].stored_id, first + 1);
    cr_assert_eq(entries[2].stored_id, first + 2);
    cr_assert_eq(entries[3].stored_id, first + 1);
    cr_assert_not(entries[3].key_reused);
    cr_assert(entries[4].key_reused);
    cr_assert_eq(expect_exact_counts().created, 3);
}

Test(store_keys, a_batch_mixes_known_and_new_keys)
{
    order_id first = reserve(4);
    struct order known = make_keyed(first, "b", "known", 1);
    insert_one(&known);
    struct order orders[] = {make_keyed(first + 1, "c", "new", 1),
                             make_keyed(first + 2, "b", "known", 1),
                             make_keyed(first + 3, "b", "known", 9)};
    struct store_insert entries[3];
    for (size_t i = 0; i < 3; i++) {
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, 3), STATUS_OK);
    cr_assert_eq(entries[0].stored_id, first + 1);
    cr_assert_eq(entries[1].stored_id, first);
    cr_assert_not(entries[1].key_reused);
    cr_assert(entries[2].key_reused);
    cr_assert_eq(expect_exact_counts().created, 2);
}

enum { KEYS = 25 };

struct key_race {
    order_id first;
    order_id stored[THREADS][KEYS];
};

/* Every thread sends all keys in one batch, each in another order. */
static void insert_keys(struct worker *worker)
{
    struct key_race *race = worker->shared;
    struct order orders[KEYS];
    struct store_insert entries[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %zu", (i + 3 * worker->index) % KEYS);
        orders[i] = make_keyed(race->first + worker->index * KEYS + i, "acme", key, 1);
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    do {
        worker->status = store_insert(worker->store, entries, KEYS);
    } while (worker->status == STATUS_CONFLICT);
    for (size_t i = 0; i < KEYS; i++) {
        race->stored[worker->index][(i + 3 * worker->index) % KEYS] = entries[i].stored_id;
    }
}

Test(store_keys, one_key_sent_on_many_connections_at_once_is_one_order)
{
    static struct key_race race;
    race.first = reserve(THREADS * KEYS);
    run_workers(insert_keys, &race);
    for (size_t key = 0; key < KEYS; key++) {
        for (size_t thread = 0; thread < THREADS; thread++) {
            cr_assert_eq(race.stored[thread][key], race.stored[0][key], "key %zu", key);
        }
        expect_status(race.stored[0][key], ORDER_PENDING);
    }
    cr_assert_eq(expect_exact_counts().created, KEYS);
}
