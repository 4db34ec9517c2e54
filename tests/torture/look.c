/* SPDX-License-Identifier: MIT */
#include "tests/torture/look.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/wait_until.h"

enum {
    COMPLETE_MS = 10000,
    RECOVER_MS = 10000,
    QUIET_MS = 5000,
    CONNECTION_DESCRIPTORS = 3, /* SQLite's */
    QUERY_SIZE = 2048,
};

void run_finds(struct run *run, const char *format, ...)
{
    if (run->finding[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(run->finding, sizeof run->finding, format, arguments);
        va_end(arguments);
    }
}

void run_loses(struct run *run, const char *format, ...)
{
    if (!run->loses) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(run->finding, sizeof run->finding, format, arguments);
        va_end(arguments);
        run->loses = true;
    }
}

bool run_is_well(const struct run *run)
{
    return run->finding[0] == '\0';
}

/* No answer, or an unexpected one, is a finding. */
static const struct http_response *call(struct run *run, int status, const char *method,
                                        const char *path, const char *header, const char *body)
{
    const char *const headers[] = {header, NULL};
    uint64_t start_ms = wait_now_ms();
    const struct http_response *response =
        http_call(run->client, method, path, headers, body, body != NULL ? strlen(body) : 0);
    if (response->status == 0 && wait_now_ms() - start_ms >= RUN_PATIENCE_MS) {
        run_finds(run, "%s %s: no answer (%s)", method, path, response->error);
    } else if (response->status != 0 && response->status != status && response->status != 503) {
        run_finds(run, "%s %s: %ld: %s", method, path, response->status, response->body);
    }
    return response;
}

void run_expects(struct run *run, int status, const char *method, const char *path,
                 const char *header, const char *body)
{
    call(run, status, method, path, header, body);
}

static bool post(struct run *run, const char *key)
{
    char header[128] = "X-Nothing: 1";
    uint64_t id = 0;
    if (key != NULL) {
        snprintf(header, sizeof header, "Idempotency-Key: %s", key);
    }
    const struct http_response *response =
        call(run, 200, "POST", "/order", header, EXPECT_GOOD_ORDER);
    run->attempted_count++;
    if (response->status != 200) {
        return false;
    }
    if (sscanf(response->body, "{\"order_id\":\"ORD%" SCNu64 "\"", &id) != 1) {
        run_finds(run, "a POST was answered with %s", response->body);
        return false;
    }
    cr_assert_lt(run->acknowledged_count, RUN_ORDERS_MAX);
    run->acknowledged[run->acknowledged_count++] = id;
    return true;
}

void run_posts(struct run *run, const char *key)
{
    post(run, key);
}

int64_t look_ask(const struct run *run, const char *query)
{
    struct sql *sql = database_open_admin(&run->stage->database);
    int64_t answer = sql_integer(sql, query);
    sql_close(sql);
    return answer;
}

void look_for_sanitizers(struct run *run)
{
    if (process_log_contains(&run->target.process, "Sanitizer") ||
        process_log_contains(&run->target.process, "runtime error:")) {
        run_finds(run, "a sanitizer has reported an error");
    }
}

static bool takes_an_order(void *arg)
{
    struct run *run = arg;
    return !run_is_well(run) || post(run, NULL);
}

/* How many of the acknowledged orders meet the condition. */
static size_t count_acknowledged(const struct run *run, const char *condition)
{
    char query[QUERY_SIZE];
    int len = snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE %s AND id IN (0",
                       condition);
    for (size_t i = 0; i < run->acknowledged_count; i++) {
        len += snprintf(query + len, sizeof query - (size_t)len, ",%" PRIu64, run->acknowledged[i]);
    }
    snprintf(query + len, sizeof query - (size_t)len, ")");
    return (size_t)look_ask(run, query);
}

/* Orders with the same key have the same id: keep it once. */
static void forget_repetitions(struct run *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->acknowledged_count; i++) {
        size_t j = 0;
        while (j < count && run->acknowledged[j] != run->acknowledged[i]) {
            j++;
        }
        run->acknowledged[j] = run->acknowledged[i];
        count += j == count;
    }
    run->acknowledged_count = count;
}

static bool all_are_completed(void *arg)
{
    const struct run *run = arg;
    return count_acknowledged(run, "status = 2") == run->acknowledged_count;
}

void look_at_rows(struct run *run)
{
    forget_repetitions(run);
    size_t stored = count_acknowledged(run, "1 = 1");
    if (stored != run->acknowledged_count) {
        run_loses(run, "of %zu acknowledged orders %zu have a row", run->acknowledged_count,
                  stored);
    }
    int64_t added = look_ask(run, "SELECT count(*) FROM orders") - run->rows_before;
    if (added > (int64_t)run->attempted_count) {
        run_loses(run, "%zu orders were sent, %" PRId64 " were stored", run->attempted_count,
                  added);
    }
}

void look_at_completion(struct run *run)
{
    if (run_is_well(run) && !wait_until(all_are_completed, run, COMPLETE_MS)) {
        run_finds(run, "%zu of %zu acknowledged orders were not completed",
                  run->acknowledged_count - count_acknowledged(run, "status = 2"),
                  run->acknowledged_count);
    }
}

void look_at_counters(struct run *run)
{
    int64_t both[8];
    struct sql *sql = database_open_admin(&run->stage->database);
    database_recount(&run->stage->database, sql, both);
    sql_close(sql);
    if (memcmp(both, both + 4, sizeof both / 2) != 0) {
        run_loses(run,
                  "the counters differ from a recount: %" PRId64 " %" PRId64 " %" PRId64
                  ", the rows say %" PRId64 " %" PRId64 " %" PRId64,
                  both[0], both[1], both[2], both[4], both[5], both[6]);
    }
}

/*
 * SQLite may not close a descriptor of the database file while another connection of the process
 * has locks on the file. It keeps the descriptor and reuses it for the next connection. The number
 * of descriptors of the write-ahead file shows how many connections there are.
 */
static bool is_spare_of_sqlite(int folder, const char *name)
{
    char target[256];
    ssize_t len = readlinkat(folder, name, target, sizeof target);
    return len > 3 && strncmp(target + len - 3, ".db", 3) == 0;
}

static size_t count_descriptors(const struct run *run)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)run->target.process.pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += is_spare_of_sqlite(dirfd(folder), entry->d_name) ? 0 : 1;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

struct quiet_wait {
    const struct run *run;
    size_t max;
};

static bool has_no_more_descriptors(void *arg)
{
    const struct quiet_wait *wait = arg;
    return count_descriptors(wait->run) <= wait->max;
}

/* While Redis is away the API's own processor runs, and opens a connection for that. */
void look_at_descriptors(struct run *run, size_t max)
{
    if (max > 0 && run->scenario->redis && run->scenario->target == TARGET_API &&
        process_log_contains(&run->target.process, "redis call failed")) {
        max += CONNECTION_DESCRIPTORS;
    }
    struct quiet_wait wait = {.run = run, .max = max};
    if (max > 0 && !wait_until(has_no_more_descriptors, &wait, QUIET_MS)) {
        run_finds(run, "it has %zu descriptors open, without a failure %zu", count_descriptors(run),
                  max);
    }
    run->descriptors = count_descriptors(run);
}

/* Everything must work again, whatever has failed. */
void look_at_recovery(struct run *run)
{
    if (run_is_well(run) && !wait_until(takes_an_order, run, RECOVER_MS)) {
        run_finds(run, "it no longer accepts orders");
    }
    if (run_is_well(run)) {
        run_expects(run, 200, "GET", "/metrics", "X-Nothing: 1", NULL);
    }
}
