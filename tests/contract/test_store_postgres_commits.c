/* SPDX-License-Identifier: MIT */
/*
 * Transactions that PostgreSQL gives up only at their commit, as it does where constraints are
 * checked late, and as servers do that speak its protocol over a storage they share: nothing is
 * stored, and it is a conflict.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "tests/contract/store_fixture.h"

enum { LARGE_COUNT = 40 };

/*
 * The next two commits that count something fail, the first for a serialization, the second for a
 * deadlock. A sequence forgets nothing in a rollback.
 */
static void fail_two_commits(void)
{
    struct sql *sql = open_sql();
    sql_execute(sql, "CREATE SEQUENCE commits; "
                     "CREATE FUNCTION fail_commit() RETURNS trigger LANGUAGE plpgsql AS $$ "
                     "DECLARE n bigint := nextval('commits'); BEGIN "
                     "IF n = 1 THEN RAISE EXCEPTION 'first' USING ERRCODE = '40001'; END IF; "
                     "IF n = 2 THEN RAISE EXCEPTION 'second' USING ERRCODE = '40P01'; END IF; "
                     "RETURN NULL; END $$; "
                     "CREATE CONSTRAINT TRIGGER fail_commit AFTER INSERT OR UPDATE ON counters "
                     "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_commit()");
    sql_close(sql);
}

static void fail_two_more(void)
{
    struct sql *sql = open_sql();
    sql_execute(sql, "ALTER SEQUENCE commits RESTART");
    sql_close(sql);
}

static void expect_counts(int64_t created, int64_t started)
{
    struct order_counts now = expect_exact_counts();
    cr_assert_eq(now.created, created);
    cr_assert_eq(now.started, started);
}

/* insert_range would try again. */
static enum status insert(order_id id)
{
    struct order order = make_order(id, "acme");
    return store_insert(store, &(struct store_insert){.order = &order}, 1);
}

TestSuite(store_commits, .init = start, .fini = finish, .timeout = 120);

Test(store_commits, an_insert_whose_commit_fails_in_a_conflict_stores_nothing)
{
    fail_two_commits();
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(insert(1), STATUS_CONFLICT);
        expect_counts(0, 0);
    }
    cr_assert_eq(insert(1), STATUS_OK);
    expect_counts(1, 0);
}

/* More than one statement, so here COMMIT is one of its own. */
Test(store_commits, a_batch_sent_in_parts_whose_commit_fails_in_a_conflict_is_not_stored)
{
    static char items[ORDER_ITEMS_TEXT_MAX];
    static struct order orders[LARGE_COUNT];
    struct store_insert entries[LARGE_COUNT];
    memset(items, '\'', sizeof items);
    for (size_t i = 0; i < LARGE_COUNT; i++) {
        orders[i] = make_order(i + 1, "acme");
        orders[i].items_json = items;
        orders[i].items_json_len = sizeof items;
        entries[i] = (struct store_insert){.order = &orders[i]};
    }
    fail_two_commits();
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(store_insert(store, entries, LARGE_COUNT), STATUS_CONFLICT);
        expect_counts(0, 0);
    }
    cr_assert_eq(store_insert(store, entries, LARGE_COUNT), STATUS_OK);
    expect_counts(LARGE_COUNT, 0);
}

Test(store_commits, moves_whose_commit_fails_in_a_conflict_move_nothing)
{
    order_id id = insert_new(1);
    size_t count = 1;
    struct store_claim_waiting waiting = {.max = 1, .ids = &id};
    fail_two_commits();
    cr_assert_eq(store_claim(store, &id, &count, 0, NULL), STATUS_CONFLICT);
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_CONFLICT);
    expect_counts(1, 0);
    cr_assert_eq(store_claim_waiting(store, &waiting), STATUS_OK);
    cr_assert_eq(waiting.count, 1);
    fail_two_more();
    for (int i = 0; i < 2; i++) {
        count = 1;
        cr_assert_eq(store_complete(store, &id, &count), STATUS_CONFLICT);
        expect_counts(1, 1);
    }
    cr_assert_eq(complete(&id, 1), 1);
    expect_status(id, ORDER_COMPLETED);
}
