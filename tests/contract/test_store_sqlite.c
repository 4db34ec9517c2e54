/* SPDX-License-Identifier: MIT */
/* What is special about SQLite: a file, and its file system. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include <linux/magic.h>

#include <criterion/criterion.h>

#include "common/store/store_backend.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

static struct temp_dir dir;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    temp_dir_remove(&dir);
}

TestSuite(sqlite_file, .init = start, .fini = finish, .timeout = 60);

/* As the services open it, or as the commands do: only what is there already. */
static struct durability_report read_report(bool open_existing)
{
    struct durability_report report;
    struct database_url url = {.kind = DATABASE_SQLITE};
    snprintf(url.path, sizeof url.path, "%s/orders.db", dir.path);
    struct store *store = store_create(&url);
    store->open_existing = open_existing;
    cr_assert_eq(store_durability(store, &report), STATUS_OK);
    store_destroy(store);
    cr_assert(report.known);
    return report;
}

/* On some machines the tests' folder is in memory, and the store must notice that. */
Test(sqlite_file, a_file_on_a_disk_survives_a_power_cut)
{
    char settings[DURABILITY_TEXT_SIZE];
    struct statfs info;
    cr_assert_eq(statfs(dir.path, &info), 0, "%m");
    bool in_memory = info.f_type == TMPFS_MAGIC;
    struct durability_report report = read_report(false);
    durability_describe_settings(&report, settings);
    cr_assert_eq(report.level, in_memory ? DURABILITY_PROCESS_CRASH : DURABILITY_POWER_LOSS);
    cr_assert_str_eq(settings, in_memory ? "synchronous=FULL journal_mode=wal file_system=memory"
                                         : "synchronous=FULL journal_mode=wal file_system=disk");
}

/* archive and verify --repair commit too. */
Test(sqlite_file, a_commit_of_a_command_is_as_safe_as_one_of_the_services)
{
    char settings[DURABILITY_TEXT_SIZE];
    read_report(false);
    struct durability_report report = read_report(true);
    durability_describe_settings(&report, settings);
    cr_assert_eq(strncmp(settings, "synchronous=FULL journal_mode=wal", 33), 0, "%s", settings);
}

Test(sqlite_file, a_file_in_memory_does_not_survive_a_power_cut)
{
    temp_dir_remove(&dir);
    strcpy(dir.path, "/dev/shm/orders-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir.path), "%s: %m", dir.path);
    struct durability_report report = read_report(false);
    cr_assert_eq(report.level, DURABILITY_PROCESS_CRASH);
    cr_assert_str_eq(report.power_cut, "every order is lost");
    cr_assert_str_eq(report.process_crash, "nothing is lost");
}

enum { WAITERS = 8, LIMIT_MS = 10 * 1000 };

static void *reserve_ids(void *arg)
{
    order_id first;
    return (void *)(uintptr_t)store_reserve_ids(arg, 1, &first);
}

/* Another process holds the file. Those of this one queue for their turn, but each only for as long
 * as one alone would wait. */
Test(sqlite_file, those_that_wait_for_a_held_file_do_not_wait_for_each_other_too)
{
    struct database_url url = {.kind = DATABASE_SQLITE};
    struct store *stores[WAITERS];
    pthread_t threads[WAITERS];
    sqlite3 *holder;
    snprintf(url.path, sizeof url.path, "%s/orders.db", dir.path);
    for (size_t i = 0; i < WAITERS; i++) {
        stores[i] = store_create(&url);
        cr_assert_eq(store_migrate(stores[i]), STATUS_OK);
    }
    cr_assert_eq(sqlite3_open(url.path, &holder), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    uint64_t start_ms = wait_now_ms();
    for (size_t i = 0; i < WAITERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, reserve_ids, stores[i]), 0);
    }
    for (size_t i = 0; i < WAITERS; i++) {
        void *status;
        pthread_join(threads[i], &status);
        cr_assert_eq((enum status)(uintptr_t)status, STATUS_CONFLICT);
        store_destroy(stores[i]);
    }
    cr_assert_lt(wait_now_ms() - start_ms, LIMIT_MS);
    sqlite3_close(holder);
}
