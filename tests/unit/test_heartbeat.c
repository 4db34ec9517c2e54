/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/heartbeat.h"
#include "tests/support/captured_log.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum {
    FRESH_MS = 60 * 1000, /* what was touched by this test is younger, however slow it runs */
    HOUR_S = 60 * 60,
    WAIT_MS = 10000,
    BEAT_MS = 1000,
};

static struct temp_dir dir;
static char path[128];
static struct heartbeat *heartbeat;

static void setup(void)
{
    temp_dir_create(&dir);
    snprintf(path, sizeof path, "%s/alive", dir.path);
}

static void teardown(void)
{
    heartbeat_close(heartbeat);
    temp_dir_remove(&dir);
}

TestSuite(heartbeat, .init = setup, .fini = teardown, .timeout = 60);

static void open_heartbeat(void)
{
    heartbeat = heartbeat_open(path);
    cr_assert_not_null(heartbeat);
}

/* Makes the file look as if it had been touched `seconds` ago. */
static void set_age(int seconds)
{
    struct timespec at = {.tv_sec = (time_t)(clock_wall_us() / 1000000) - seconds};
    const struct timespec times[2] = {at, at};
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0, "%m");
}

static uint64_t age_ms(void)
{
    uint64_t age = 0;
    cr_assert_eq(heartbeat_age(path, &age), STATUS_OK, "%m");
    return age;
}

static bool is_fresh_after_a_beat(void *arg)
{
    uint64_t age = 0;
    (void)arg;
    heartbeat_beat(heartbeat);
    return heartbeat_age(path, &age) == STATUS_OK && age < FRESH_MS;
}

Test(heartbeat, opening_is_the_first_sign_of_life)
{
    open_heartbeat();
    cr_assert_lt(age_ms(), FRESH_MS);
}

Test(heartbeat, a_file_that_a_dead_process_left_is_taken_over)
{
    temp_dir_write(&dir, "alive", "");
    set_age(HOUR_S);
    open_heartbeat();
    cr_assert_lt(age_ms(), FRESH_MS);
}

Test(heartbeat, the_age_is_the_time_since_the_last_touch)
{
    open_heartbeat();
    set_age(HOUR_S);
    cr_assert_geq(age_ms(), HOUR_S * 1000);
    cr_assert_lt(age_ms(), HOUR_S * 1000 + FRESH_MS);
}

/* Otherwise a worker that died before its clock was set back would look alive until then. */
Test(heartbeat, a_file_ahead_of_the_clock_is_old_too)
{
    open_heartbeat();
    set_age(-HOUR_S);
    cr_assert_gt(age_ms(), HOUR_S * 1000 - FRESH_MS);
    cr_assert_lt(age_ms(), HOUR_S * 1000 + FRESH_MS);
}

Test(heartbeat, without_a_file_there_is_no_age)
{
    uint64_t age = 0;
    cr_assert_eq(heartbeat_age(path, &age), STATUS_NOT_FOUND);
    cr_assert_eq(errno, ENOENT);
}

Test(heartbeat, a_beat_makes_the_file_young_again)
{
    open_heartbeat();
    set_age(HOUR_S);
    cr_assert(wait_until(is_fresh_after_a_beat, NULL, WAIT_MS));
}

Test(heartbeat, beats_within_a_second_are_one)
{
    uint64_t before_ms = clock_monotonic_ms();
    open_heartbeat();
    set_age(HOUR_S);
    cr_assert(wait_until(is_fresh_after_a_beat, NULL, WAIT_MS));
    cr_assert_geq(clock_monotonic_ms() - before_ms, BEAT_MS);
    before_ms = clock_monotonic_ms();
    set_age(HOUR_S);
    cr_assert(wait_until(is_fresh_after_a_beat, NULL, WAIT_MS));
    cr_assert_geq(clock_monotonic_ms() - before_ms, BEAT_MS / 2);
}

Test(heartbeat, a_file_that_somebody_removed_is_made_again)
{
    open_heartbeat();
    cr_assert_eq(unlink(path), 0);
    cr_assert(wait_until(is_fresh_after_a_beat, NULL, WAIT_MS));
}

static bool is_due(void *arg)
{
    return clock_monotonic_ms() >= *(const uint64_t *)arg;
}

/* A beat that comes late enough to touch the file. */
static void beat_when_due(void)
{
    uint64_t due_ms = clock_monotonic_ms() + BEAT_MS;
    cr_assert(wait_until(is_due, &due_ms, WAIT_MS));
    heartbeat_beat(heartbeat);
}

/* The link was put there by somebody else, and what it leads to is none of the process's. */
Test(heartbeat, a_link_in_the_place_of_the_file_is_not_followed)
{
    temp_dir_write(&dir, "other", "");
    open_heartbeat();
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("other", path), 0);
    set_age(HOUR_S);
    beat_when_due();
    cr_assert_geq(age_ms(), HOUR_S * 1000);
}

static void lose_the_folder_twice(void)
{
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(dir.path), 0);
    beat_when_due();
    beat_when_due();
    cr_assert_eq(mkdir(dir.path, 0700), 0);
    beat_when_due();
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(dir.path), 0);
    beat_when_due();
    cr_assert_eq(mkdir(dir.path, 0700), 0);
}

Test(heartbeat, a_failure_is_one_line_however_long_it_lasts)
{
    open_heartbeat();
    size_t lines = 0;
    const char *log = captured_log(lose_the_folder_twice);
    for (const char *at = log; (at = strstr(at, "level=warn")) != NULL; at++) {
        lines++;
    }
    cr_assert_eq(lines, 2, "%s", log);
    cr_assert_not_null(strstr(log, path), "%s", log);
    cr_assert_not_null(strstr(log, "No such file"), "%s", log);
}

Test(heartbeat, closing_removes_the_file)
{
    open_heartbeat();
    heartbeat_close(heartbeat);
    heartbeat = NULL;
    cr_assert_neq(access(path, F_OK), 0);
}

Test(heartbeat, none_may_beat_and_be_closed)
{
    heartbeat_beat(NULL);
    heartbeat_close(NULL);
    cr_assert_neq(access(path, F_OK), 0);
}

/* It would be removed at the end. */
Test(heartbeat, a_file_with_something_in_it_is_refused_and_left_alone)
{
    struct stat info;
    temp_dir_write(&dir, "alive", "precious");
    set_age(HOUR_S);
    cr_assert_null(heartbeat_open(path));
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_size, 8);
    cr_assert_geq(age_ms(), HOUR_S * 1000);
}

Test(heartbeat, what_is_no_file_is_refused)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_null(heartbeat_open(path), "a pipe");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("elsewhere", path), 0);
    cr_assert_null(heartbeat_open(path), "a link");
    cr_assert_null(heartbeat_open(dir.path), "a folder");
    cr_assert_null(heartbeat_open("/dev/null"), "a device");
}

Test(heartbeat, a_folder_that_is_not_there_is_refused)
{
    char nowhere[160];
    snprintf(nowhere, sizeof nowhere, "%s/missing/alive", dir.path);
    cr_assert_null(heartbeat_open(nowhere));
}
