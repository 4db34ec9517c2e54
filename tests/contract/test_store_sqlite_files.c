/* SPDX-License-Identifier: MIT */
/*
 * The files of an SQLite database are renamed, removed or replaced while it is open: what is
 * written then goes on under no name, so nothing may be acknowledged.
 */
#include <stdio.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/store/store_backend.h"
#include "tests/contract/store_fixture.h"

enum { PATH_SIZE = URL_PATH_SIZE + 16 };

TestSuite(sqlite_moved, .init = start, .fini = finish, .timeout = 60);

static const char *file(const char *suffix)
{
    static char paths[2][PATH_SIZE];
    static size_t next;
    char *path = paths[next++ % 2];
    snprintf(path, PATH_SIZE, "%s%s", url.path, suffix);
    return path;
}

static enum status insert(order_id id, bool repeated)
{
    struct order order = make_order(id, "acme");
    return store_insert(store, &(struct store_insert){.order = &order, .repeated = repeated}, 1);
}

Test(sqlite_moved, a_file_that_was_renamed_is_not_written_until_it_is_back)
{
    order_id first = insert_new(1);
    cr_assert_eq(rename(file(""), file(".old")), 0, "%m");
    cr_assert_eq(insert(first + 1, false), STATUS_UNAVAILABLE);
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    cr_assert_eq(access(file(""), F_OK), -1, "an empty file was made in its place");
    cr_assert_eq(rename(file(".old"), file("")), 0, "%m");
    wait_until_back();
    cr_assert_eq(insert(first + 1, true), STATUS_OK);
    expect_created_and_started(2, 0);
}

Test(sqlite_moved, files_that_were_removed_are_an_outage)
{
    order_id first = insert_new(1);
    cr_assert(unlink(file("")) == 0 && unlink(file("-wal")) == 0 && unlink(file("-shm")) == 0,
              "%m");
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    cr_assert_eq(insert(first + 1, false), STATUS_UNAVAILABLE);
    cr_assert_eq(access(file(""), F_OK), -1, "an empty file was made in its place");
}

Test(sqlite_moved, a_removed_wal_is_noticed_before_anything_is_acknowledged)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        order_id first = insert_new(1);
        cr_assert_eq(unlink(file(suffixes[i])), 0, "%m");
        cr_assert_eq(insert(first + 1, false), STATUS_UNAVAILABLE, "%s", suffixes[i]);
        wait_until_back();
        cr_assert_eq(insert(first + 1, true), STATUS_OK, "%s", suffixes[i]);
        expect_created_and_started(2 * (int64_t)i + 2, 0);
    }
}

Test(sqlite_moved, reads_do_not_come_from_a_file_that_is_not_there)
{
    struct order_counts counts;
    struct store_lookup lookup = {.id = insert_new(1), .client_id = "acme"};
    cr_assert_eq(rename(file(""), file(".old")), 0, "%m");
    cr_assert_eq(store_lookup(store, &lookup, 1), STATUS_UNAVAILABLE);
    cr_assert_eq(rename(file(".old"), file("")), 0, "%m");
    wait_until_back();
    cr_assert_eq(rename(file(""), file(".old")), 0, "%m");
    cr_assert_eq(store_counts(store, &counts), STATUS_UNAVAILABLE);
}

static void copy_to(const char *path)
{
    struct sql *sql = open_sql();
    char statement[PATH_SIZE + 32];
    snprintf(statement, sizeof statement, "VACUUM INTO '%s'", path);
    sql_execute(sql, statement);
    sql_close(sql);
}

/* With the -wal of the one that was there it would be a mixture of both. */
Test(sqlite_moved, another_file_in_its_place_is_not_opened)
{
    order_id first = insert_new(1);
    copy_to(file(".copy"));
    insert_new(1);
    cr_assert_eq(rename(file(""), file(".old")), 0, "%m");
    cr_assert_eq(rename(file(".copy"), file("")), 0, "%m");
    cr_assert_eq(insert(first + 2, false), STATUS_UNAVAILABLE);
    store->retry_at_ms = 0;
    cr_assert_eq(insert(first + 2, true), STATUS_UNAVAILABLE);
    cr_assert_eq(rename(file(".old"), file("")), 0, "%m");
    wait_until_back();
    cr_assert_eq(insert(first + 2, true), STATUS_OK);
    expect_created_and_started(3, 0);
}

Test(sqlite_moved, a_link_that_leads_elsewhere_is_noticed)
{
    struct database_url linked = url;
    insert_new(1);
    copy_to(file(".copy"));
    cr_assert_eq(symlink(url.path, file(".link")), 0, "%m");
    snprintf(linked.path, sizeof linked.path, "%s", file(".link"));
    struct store *by_link = store_create(&linked);
    cr_assert_eq(store_ping(by_link), STATUS_OK);
    cr_assert(unlink(file(".link")) == 0 && symlink(file(".copy"), file(".link")) == 0, "%m");
    cr_assert_eq(store_ping(by_link), STATUS_UNAVAILABLE);
    store_destroy(by_link);
}

/* The one that notices must not make a new -wal while others still write to the old one. */
Test(sqlite_moved, a_removed_wal_is_made_anew_only_when_all_connections_have_let_it_go)
{
    struct store *other = store_create(&url);
    order_id first = insert_new(1);
    cr_assert_eq(store_ping(other), STATUS_OK);
    cr_assert_eq(unlink(file("-wal")), 0, "%m");
    cr_assert_eq(insert(first + 1, false), STATUS_UNAVAILABLE);
    store->retry_at_ms = 0;
    cr_assert_eq(insert(first + 1, true), STATUS_UNAVAILABLE);
    cr_assert_eq(store_ping(other), STATUS_UNAVAILABLE);
    wait_until_back();
    cr_assert_eq(insert(first + 1, true), STATUS_OK);
    expect_created_and_started(2, 0);
    store_destroy(other);
}
