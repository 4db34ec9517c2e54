/* SPDX-License-Identifier: MIT */
/*
 * The contract of common/store/store.h, the same for every backend: ids, inserts and lookups,
 * counters, the schema. test_store_keys.c, test_store_moves.c and test_store_ids_in_use.c have the
 * rest of it.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"

TestSuite(store, .init = start, .fini = finish, .timeout = 120);
TestSuite(store_empty, .init = start_empty, .fini = finish, .timeout = 120);

Test(store, ids_of_successive_blocks_do_not_overlap)
{
    order_id first = reserve(10);
    cr_assert_geq(first, 1);
    cr_assert_geq(reserve(1), first + 10);
}

Test(store, trying_to_store_leaves_nothing)
{
    order_id first = insert_new(1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(store_try_insert(store), STATUS_OK);
    }
    struct sql *sql = open_sql();
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM orders"), 1);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM idempotency_keys"), 0);
    sql_close(sql);
    expect_exact_counts();
    cr_assert_eq(reserve(1), first + 1, "the id it had is not lost");
}

/* As a server that took over from a lost one may have it: orders, but not the block they are of. */
Test(store, ids_stay_above_every_stored_order_when_a_block_is_forgotten)
{
    order_id first = insert_new(10);
    struct sql *sql = open_sql();
    sql_execute(sql, "UPDATE id_blocks SET next_id = 1 WHERE name = 'orders'");
    sql_close(sql);
    cr_assert_geq(reserve(5), first + 10);
    cr_assert_geq(reserve(1), first + 15);
}

enum { BLOCKS = 40, BLOCK_IDS = 7 };

static void reserve_blocks(struct worker *worker)
{
    order_id *firsts = (order_id *)worker->shared + (size_t)worker->index * BLOCKS;
    for (size_t i = 0; i < BLOCKS;) {
        enum status status = store_reserve_ids(worker->store, BLOCK_IDS, &firsts[i]);
        i += status == STATUS_OK;
        if (status != STATUS_OK && status != STATUS_CONFLICT) {
            worker->status = status;
            return;
        }
    }
}

Test(store, ids_are_never_reserved_twice_by_many_threads)
{
    static order_id firsts[THREADS * BLOCKS];
    run_workers(reserve_blocks, firsts);
    order_id_sort(firsts, THREADS * BLOCKS);
    cr_assert_geq(firsts[0], 1);
    for (size_t i = 1; i < THREADS * BLOCKS; i++) {
        cr_assert_geq(firsts[i], firsts[i - 1] + BLOCK_IDS);
    }
}

Test(store, an_inserted_order_is_found_pending)
{
    expect_status(insert_new(1), ORDER_PENDING);
}

Test(store, an_unknown_order_is_not_found)
{
    cr_assert_not(look_up(insert_new(1) + 1, "acme").found);
}

Test(store, an_order_is_visible_to_its_own_client_only)
{
    struct order order = make_order(reserve(1), "acme");
    insert_one(&order);
    static const char *const others[] = {"other", "acme ", "Acme", "acm", "acmé", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_not(look_up(order.id, others[i]).found, "visible to '%s'", others[i]);
    }
    cr_assert(look_up(order.id, "acme").found);
}

Test(store, lookups_of_one_call_are_answered_one_by_one)
{
    order_id first = insert_new(2);
    order_id started = first + 1;
    cr_assert_eq(claim(&started, 1, LONG_DELAY_MS), 1);
    struct store_lookup lookups[] = {{.id = first + 1, .client_id = "acme"},
                                     {.id = first, .client_id = "other"},
                                     {.id = first + 99, .client_id = "acme"},
                                     {.id = first + 1, .client_id = "other"},
                                     {.id = first, .client_id = "acme"},
                                     {.id = first + 1, .client_id = "acme"}};
    cr_assert_eq(store_lookup(store, lookups, 6), STATUS_OK);
    static const bool found[] = {true, false, false, false, true, true};
    for (size_t i = 0; i < 6; i++) {
        cr_assert_eq(lookups[i].found, found[i], "lookup %zu", i);
    }
    cr_assert_eq(lookups[0].status, ORDER_PROCESSING);
    cr_assert_eq(lookups[4].status, ORDER_PENDING);
    cr_assert_eq(lookups[5].status, ORDER_PROCESSING);
}

Test(store, a_repeated_insert_is_counted_once)
{
    order_id first = insert_new(5);
    cr_assert_eq(insert_range(store, first, 5), STATUS_OK);
    cr_assert_eq(expect_exact_counts().created, 5);
}

Test(store, a_repeated_insert_adds_what_is_missing)
{
    order_id first = reserve(5);
    cr_assert_eq(insert_range(store, first + 1, 2), STATUS_OK);
    cr_assert_eq(insert_range(store, first, 5), STATUS_OK);
    cr_assert_eq(expect_exact_counts().created, 5);
}

Test(store, a_repeated_insert_leaves_a_moved_order_as_it_is)
{
    order_id id = insert_new(1);
    cr_assert_eq(claim(&id, 1, LONG_DELAY_MS), 1);
    cr_assert_eq(insert_range(store, id, 1), STATUS_OK);
    expect_status(id, ORDER_PROCESSING);
    expect_exact_counts();
}

Test(store, a_full_batch_is_stored_claimed_and_completed)
{
    static order_id ids[STORE_BATCH_MAX];
    order_id first = insert_new(STORE_BATCH_MAX);
    for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
        ids[i] = first + STORE_BATCH_MAX - 1 - i;
    }
    cr_assert_eq(claim(ids, STORE_BATCH_MAX, 0), STORE_BATCH_MAX);
    cr_assert_eq(complete(ids, STORE_BATCH_MAX), STORE_BATCH_MAX);
    struct order_counts now = expect_exact_counts();
    cr_assert_eq(now.created, STORE_BATCH_MAX);
    cr_assert_eq(now.completed, STORE_BATCH_MAX);
}

Test(store, a_batch_of_four_megabytes_is_stored)
{
    enum { COUNT = 64 };
    static char items[ORDER_ITEMS_TEXT_MAX];
    static struct order orders[COUNT];
    struct store_insert entries[COUNT];
    memset(items, '\'', sizeof items); /* every byte needs escaping, wherever quotes do */
    order_id first = reserve(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        orders[i] = make_order(first + i, "acme");
        orders[i].items_json = items;
        orders[i].items_json_len = sizeof items;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    cr_assert_eq(store_insert(store, entries, COUNT), STATUS_OK);
    cr_assert_eq(expect_exact_counts().created, COUNT);
    struct sql *sql = open_sql();
    cr_assert_eq(sql_integer(sql, "SELECT SUM(LENGTH(item_ids)) FROM orders"),
                 COUNT * (int64_t)sizeof items);
    sql_close(sql);
}

static void to_hex(const char *text, size_t len, char hex[])
{
    for (size_t i = 0; i < len; i++) {
        snprintf(hex + 2 * i, 3, "%02X", (unsigned int)(unsigned char)text[i]);
    }
}

Test(store, contents_are_kept_byte_for_byte)
{
    static const char items[] = "[\"it's\",\"\\\"q\\\"\",\"\\\\\",\"\\u0000\",\"%_;--\",\"😀\",  1]";
    static const char user[] = "o'né \\ 😀😀 ";
    char items_hex[2 * sizeof items], user_hex[2 * sizeof user], query[512];
    struct order order = make_order(reserve(1), "cli'ent\\ ");
    order.items_json = items;
    order.items_json_len = sizeof items - 1;
    strcpy(order.user_id, user);
    order.user_id_len = sizeof user - 1;
    order.total_cents = INT64_C(999999999999);
    insert_one(&order);
    to_hex(items, sizeof items - 1, items_hex);
    to_hex(user, sizeof user - 1, user_hex);
    snprintf(query, sizeof query,
             "SELECT COUNT(*) FROM orders WHERE HEX(item_ids) = '%s' AND HEX(user_id) = '%s' "
             "AND HEX(client_id) = '636C6927656E745C20' AND total_cents = 999999999999",
             items_hex, user_hex);
    struct sql *sql = open_sql();
    cr_assert_eq(sql_integer(sql, query), 1);
    sql_close(sql);
    cr_assert(look_up(order.id, "cli'ent\\ ").found);
}

/* The first and the last characters of each length in UTF-8, marks that combine, noncharacters. */
Test(store, every_kind_of_character_is_kept)
{
    static const char text[] = " ~\u00a0\u07ff\u0800\ud7ff\ue000\ufdd0\ufffe\uffff"
                               "\U00010000\U0010ffffe\u0301\u00e9\u200d\ufeff'\"$1%; ";
    char hex[2 * sizeof text], query[512];
    struct order order = make_keyed(reserve(1), "\U0010ffff' ", "!~'\"$1", 1);
    strcpy(order.user_id, text);
    order.user_id_len = sizeof text - 1;
    order.items_json = text;
    order.items_json_len = sizeof text - 1;
    insert_one(&order);
    to_hex(text, sizeof text - 1, hex);
    snprintf(query, sizeof query,
             "SELECT COUNT(*) FROM orders WHERE HEX(item_ids) = '%s' AND HEX(user_id) = '%s'", hex,
             hex);
    struct sql *sql = open_sql();
    cr_assert_eq(sql_integer(sql, query), 1);
    sql_close(sql);
    cr_assert(look_up(order.id, order.client_id).found);
    cr_assert_eq(repeat_one(&order).stored_id, order.id, "what was read is not what was sent");
}

Test(store, a_user_id_of_64_characters_of_four_bytes_is_stored)
{
    struct order order = make_order(reserve(1), "acme");
    for (size_t i = 0; i < ORDER_USER_ID_CHARS_MAX; i++) {
        memcpy(order.user_id + 4 * i, "😀", 4);
    }
    order.user_id_len = 4 * ORDER_USER_ID_CHARS_MAX;
    insert_one(&order);
    expect_status(order.id, ORDER_PENDING);
}

/* What validation never lets through and the database refuses; each kind has its own limits. */
static void spoil(struct order *order)
{
    if (url.kind != DATABASE_SQLITE) {
        memset(order->user_id, 'x', ORDER_USER_ID_CHARS_MAX + 1);
        order->user_id_len = ORDER_USER_ID_CHARS_MAX + 1;
    } else {
        order->items_json = NULL; /* SQLite limits no lengths, but takes this for NULL */
        order->items_json_len = 0;
    }
}

Test(store, a_batch_with_a_row_the_database_refuses_is_not_stored_at_all)
{
    order_id first = reserve(3);
    struct order orders[3];
    struct store_insert entries[3];
    for (size_t i = 0; i < 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %zu", i);
        orders[i] = make_keyed(first + i, "acme", key, 1);
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    spoil(&orders[1]);
    cr_assert_eq(store_insert(store, entries, 3), STATUS_INVALID);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_not(look_up(first + i, "acme").found);
    }
    cr_assert_eq(expect_exact_counts().created, 0);
    struct order good = make_keyed(reserve(1), "acme", "key 0", 1);
    cr_assert_eq(insert_one(&good).stored_id, good.id, "the key was kept");
}

static struct order_counts counts(void)
{
    struct order_counts now;
    cr_assert_eq(store_counts(store, &now), STATUS_OK);
    return now;
}

Test(store, a_new_database_counts_nothing)
{
    struct order_counts now = counts();
    cr_assert_eq(now.created, 0);
    cr_assert_eq(now.started, 0);
    cr_assert_eq(now.completed, 0);
    cr_assert_eq(now.duration_us, 0);
    expect_exact_counts();
}

enum { MIX_ROUNDS = 30, MIX_ORDERS = 600 };

struct mix {
    order_id first; /* orders are drawn from here on, known or not */
    atomic_uint running;
};

static size_t draw_ids(struct mix *mix, unsigned int *seed, order_id ids[])
{
    order_id start = (order_id)rand_r(seed) % MIX_ORDERS;
    size_t count = 1 + (size_t)rand_r(seed) % 40;
    for (size_t i = 0; i < count; i++) {
        ids[i] = mix->first + (start + i * 7) % MIX_ORDERS;
    }
    return count;
}

static enum status do_something(struct worker *worker, unsigned int *seed)
{
    struct mix *mix = worker->shared;
    order_id ids[40] = {0};
    size_t count = draw_ids(mix, seed, ids);
    struct store_claim_waiting waiting = {.max = 10, .ids = ids};
    switch (rand_r(seed) % 4) {
    case 0:
        return insert_range(worker->store, ids[0], count);
    case 1:
        return store_claim(worker->store, ids, &count, (uint32_t)rand_r(seed) % 5, NULL);
    case 2:
        return store_claim_waiting(worker->store, &waiting);
    default:
        return store_complete(worker->store, ids, &count);
    }
}

static void do_a_mix(struct worker *worker)
{
    struct mix *mix = worker->shared;
    unsigned int seed = 20 + worker->index;
    for (int i = 0; i < MIX_ROUNDS && worker->status == STATUS_OK; i++) {
        enum status status = do_something(worker, &seed);
        worker->status = status == STATUS_CONFLICT ? STATUS_OK : status;
    }
    mix->running--;
}

Test(store, counts_equal_the_rows_at_every_instant_of_a_mix_of_operations)
{
    static struct mix mix = {.running = THREADS};
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    mix.first = reserve(MIX_ORDERS + 40);
    start_workers(workers, threads, do_a_mix, &mix);
    while (mix.running > 0) {
        expect_exact_counts();
    }
    join_workers(workers, threads);
    struct order_counts now = expect_exact_counts();
    struct order_counts served = counts();
    cr_assert_eq(memcmp(&now, &served, sizeof now), 0);
    cr_assert_gt(now.created, 0);
    cr_assert_gt(now.started, 0);
    cr_assert_gt(now.completed, 0);
}

Test(store_empty, ten_processes_may_migrate_an_empty_database_at_once)
{
    enum { PROCESSES = 10 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            enum status status = STATUS_CONFLICT;
            struct store *own = store_create(i % 2 == 0 ? &url : &other_url);
            while (status == STATUS_CONFLICT) {
                status = store_migrate(own);
            }
            _exit((int)status);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int ended = -1;
        cr_assert_eq(waitpid(children[i], &ended, 0), children[i]);
        cr_expect(WIFEXITED(ended) && WEXITSTATUS(ended) == STATUS_OK, "process %d: %x", i, ended);
    }
    expect_status(insert_new(3), ORDER_PENDING);
    cr_assert_eq(expect_exact_counts().created, 3);
}

Test(store, migrating_again_changes_nothing)
{
    order_id id = insert_new(1);
    cr_assert_eq(store_migrate(store), STATUS_OK);
    expect_status(id, ORDER_PENDING);
    cr_assert_gt(reserve(1), id);
    cr_assert_eq(expect_exact_counts().created, 1);
}

Test(store, a_schema_newer_than_the_program_is_refused)
{
    struct sql *sql = open_sql();
    sql_execute(sql, "INSERT INTO schema_versions SELECT 99, 'future', applied_at "
                     "FROM schema_versions WHERE version = 1");
    cr_assert_eq(store_migrate(store), STATUS_INVALID);
    sql_execute(sql, "DELETE FROM schema_versions WHERE version = 99");
    sql_close(sql);
    struct store *other = store_create(&url);
    cr_assert_eq(store_migrate(other), STATUS_OK, "the lock was kept");
    store_destroy(other);
}
