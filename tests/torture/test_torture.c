/* SPDX-License-Identifier: MIT */
/*
 * The scenarios: what the two programs do, on the database that ORDERS_TORTURE_DATABASE names. By
 * default the queue is in the process, and calls count while `act` runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait_until.h"
#include "tests/torture/torture.h"

TestSuite(torture, .fini = torture_finish);

#define SCENARIO(scenario_name, ...)                                                               \
    Test(torture, scenario_name)                                                                   \
    {                                                                                              \
        torture(&(struct scenario){.name = #scenario_name, __VA_ARGS__});                          \
    }

enum { BIG_SIZE = 70000, BROKEN_ORDERS = 5, PROCESSED_MS = 5000 };

#define NO_HEADER "X-Nothing: 1"

static void post_one(struct run *run)
{
    run_posts(run, NULL);
}

/* A condition for wait_until. */
static bool is_all_processed(void *arg)
{
    const struct run *run = arg;
    struct sql *sql = database_open_admin(&run->stage->database);
    int64_t open_count = sql_integer(sql, "SELECT count(*) FROM orders WHERE status <> 2");
    sql_close(sql);
    return open_count == 0;
}

static void process_one(struct run *run)
{
    run_posts(run, NULL);
    wait_until(is_all_processed, run, PROCESSED_MS);
}

SCENARIO(start, .target = TARGET_API, .from_start = true)
SCENARIO(start_on_an_empty_database, .target = TARGET_API, .from_start = true,
         .empty_database = true)
SCENARIO(start_with_redis, .target = TARGET_API, .redis = true, .from_start = true, .act = post_one)
SCENARIO(order, .target = TARGET_API, .act = process_one)
SCENARIO(order_with_redis, .target = TARGET_API, .redis = true, .act = process_one)

static void look_up(struct run *run)
{
    char path[64];
    if (run->acknowledged_count > 0) {
        snprintf(path, sizeof path, "/order/ORD%llu", (unsigned long long)run->acknowledged[0]);
        run_expects(run, 200, "GET", path, NO_HEADER, NULL);
    }
    run_expects(run, 404, "GET", "/order/ORD999999999", NO_HEADER, NULL);
    run_expects(run, 404, "GET", "/order/nonsense", NO_HEADER, NULL);
}

SCENARIO(lookup, .target = TARGET_API, .before = post_one, .act = look_up)

static void read_metrics(struct run *run)
{
    run_expects(run, 200, "GET", "/metrics", NO_HEADER, NULL);
    run_expects(run, 200, "GET", "/metrics", "Accept: text/plain", NULL);
    run_expects(run, 200, "GET", "/metrics", "Accept: application/openmetrics-text", NULL);
}

SCENARIO(metrics, .target = TARGET_API, .before = process_one, .act = read_metrics)

static void read_recount(struct run *run)
{
    run_expects(run, 200, "GET", "/metrics?verify=1", NO_HEADER, NULL);
}

SCENARIO(recount, .target = TARGET_API, .before = process_one, .act = read_recount)

/* The key is new in each run, and both calls must give the same order. */
static void repeat_key(struct run *run)
{
    static unsigned count;
    char key[32];
    snprintf(key, sizeof key, "key-%u", count++);
    run_posts(run, key);
    run_posts(run, key);
    run->attempted_count--;
    if (run->acknowledged_count == 2 && run->acknowledged[0] != run->acknowledged[1]) {
        run_finds(run, "one key has two orders");
    }
    run_expects(run, 400, "POST", "/order", "Idempotency-Key: not a key", EXPECT_GOOD_ORDER);
}

SCENARIO(repeated_key, .target = TARGET_API, .act = repeat_key)

static void send_bad_bodies(struct run *run)
{
    char *big = malloc(BIG_SIZE + 1);
    cr_assert_not_null(big);
    memset(big, ' ', BIG_SIZE);
    big[BIG_SIZE] = '\0';
    run_expects(run, 413, "POST", "/order", NO_HEADER, big);
    free(big);
    run_expects(run, 400, "POST", "/order", NO_HEADER, "{\"user_id\":");
    run_expects(run, 415, "POST", "/order", "Content-Type: text/plain", EXPECT_GOOD_ORDER);
    run_expects(run, 422, "POST", "/order", NO_HEADER,
                "{\"user_id\":\"\",\"item_ids\":[],\"total_amount\":250.755}");
}

SCENARIO(bad_bodies, .target = TARGET_API, .act = send_bad_bodies)

static void send_bad_requests(struct run *run)
{
    run_expects(run, 404, "GET", "/nowhere", NO_HEADER, NULL);
    run_expects(run, 405, "DELETE", "/order", NO_HEADER, NULL);
    run_expects(run, 200, "HEAD", "/metrics", NO_HEADER, NULL);
    run_expects(run, 401, "GET", "/metrics", "Authorization: Basic bm9ib2R5OmF0LWFsbA==", NULL);
    run_expects(run, 400, "GET", "/metrics?verify=2", NO_HEADER, NULL);
}

SCENARIO(bad_requests, .target = TARGET_API, .act = send_bad_requests)

static void ask_for_health(struct run *run)
{
    run_expects(run, 200, "GET", "/livez", NO_HEADER, NULL);
    run_expects(run, 200, "GET", "/readyz", NO_HEADER, NULL);
}

SCENARIO(probes, .target = TARGET_API, .act = ask_for_health)

/* One connection closes after half a request, and one without sending anything. */
static void hang_up(struct run *run)
{
    static const char half[] = "POST /order HTTP/1.1\r\nHost: here\r\nContent-Length: 90\r\n\r\n{";
    struct raw_http *raw = raw_http_open(run->target.port);
    raw_http_send(raw, half, sizeof half - 1);
    raw_http_close(raw);
    raw_http_close(raw_http_open(run->target.port));
    run_posts(run, NULL);
}

SCENARIO(clients_that_hang_up, .target = TARGET_API, .act = hang_up)

/* Ends every connection of the program's user. SQLite has none: there the file is locked. */
static void break_database(struct run *run)
{
    struct stage *stage = run->stage;
    const char *kind = stage->kind;
    struct sql *sql = database_open_admin(&stage->database);
    if (strcmp(kind, "mysql") == 0) {
        sql_execute(sql, "KILL USER " MARIADB_USER "@localhost");
    } else if (strcmp(kind, "postgres") == 0) {
        sql_integer(sql, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                         "WHERE usename = '" POSTGRES_USER "'");
    } else {
        database_hold_orders(&stage->database, sql);
        http_client_set_patience(run->client, 200);
        run->attempted_count++;
        http_post_order(run->client, EXPECT_GOOD_ORDER);
        http_client_set_patience(run->client, RUN_PATIENCE_MS);
        database_release_orders(&stage->database, sql);
    }
    sql_close(sql);
    process_one(run);
    read_metrics(run);
}

SCENARIO(database_breaks, .target = TARGET_API, .before = process_one, .act = break_database)
SCENARIO(database_breaks_with_redis, .target = TARGET_API, .redis = true, .before = process_one,
         .act = break_database)

static void break_redis(struct run *run)
{
    redis_server_command(&run->stage->redis, "CLIENT KILL TYPE normal");
    for (int i = 0; i < BROKEN_ORDERS; i++) {
        process_one(run); /* the API may process the first one, while it connects to Redis */
    }
}

SCENARIO(redis_breaks, .target = TARGET_API, .redis = true, .before = process_one,
         .act = break_redis)

SCENARIO(stop, .target = TARGET_API, .until_stopped = true, .act = post_one)
SCENARIO(stop_with_redis, .target = TARGET_API, .redis = true, .until_stopped = true,
         .act = post_one)

SCENARIO(worker_start, .target = TARGET_WORKER, .redis = true, .from_start = true)
SCENARIO(worker_start_on_an_empty_list, .target = TARGET_WORKER, .redis = true, .from_start = true,
         .act = process_one)
SCENARIO(worker_order, .target = TARGET_WORKER, .redis = true, .act = process_one)
SCENARIO(worker_database_breaks, .target = TARGET_WORKER, .redis = true, .before = process_one,
         .act = break_database)
SCENARIO(worker_redis_breaks, .target = TARGET_WORKER, .redis = true, .before = process_one,
         .act = break_redis)
SCENARIO(worker_stop, .target = TARGET_WORKER, .redis = true, .until_stopped = true,
         .act = post_one)

/* The list is emptied, so the order must be found by a query. */
static void lose_hints(struct run *run)
{
    redis_server_command(&run->stage->redis, "CLIENT PAUSE 30 ALL");
    run_posts(run, NULL);
    redis_server_command(&run->stage->redis, "FLUSHALL");
    wait_until(is_all_processed, run, PROCESSED_MS);
}

SCENARIO(worker_lost_hints, .target = TARGET_WORKER, .redis = true, .act = lose_hints)

static void put_garbage(struct run *run)
{
    redis_server_command(&run->stage->redis, "LPUSH orders:pending nonsense ORD1 ORD999999999");
    process_one(run);
}

SCENARIO(worker_garbage, .target = TARGET_WORKER, .redis = true, .act = put_garbage)

static const char *const migrate[] = {"migrate", NULL};
static const char *const migrate_status[] = {"migrate", "--status", NULL};
static const char *const migrate_dry_run[] = {"migrate", "--dry-run", NULL};
static const char *const verify[] = {"verify", NULL};
static const char *const verify_repair[] = {"verify", "--repair", NULL};
static const char *const health[] = {"health", NULL};
static const char *const backup[] = {"backup", "copy.db", NULL};

static void start_command_on(struct run *run, const char *const arguments[], const char *url)
{
    struct service plain = {.port = 0};
    char setting[256];
    snprintf(setting, sizeof setting, "DATABASE_URL=%s", url);
    int code = service_run_command(&plain, arguments, (const char *const[]){setting, NULL},
                                   run->stage->database.folder);
    if (code != 0) {
        process_print_log(&plain.process);
        run_finds(run, "%s without a failure ends with %d", arguments[0], code);
    }
    process_discard(&plain.process);
}

static void start_commands(struct run *run, const char *const arguments[])
{
    start_command_on(run, arguments, run->stage->database.url);
}

/* What the command reports as done is there, and a failed command can be repeated. */
static void look_at_schema(struct run *run)
{
    if (!run->refused) {
        start_commands(run, migrate_status);
    }
    start_commands(run, migrate);
    start_commands(run, verify);
}

static void make_schema(struct run *run)
{
    start_commands(run, migrate);
}

static void make_drift(struct run *run)
{
    make_schema(run);
    struct sql *sql = database_open_admin(&run->stage->database);
    sql_execute(sql, "UPDATE counters SET created = created + 1");
    sql_close(sql);
}

static void look_at_repair(struct run *run)
{
    if (run->refused) {
        start_commands(run, verify_repair);
    }
    start_commands(run, verify);
}

static bool has_file(const struct run *run, const char *name)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", run->stage->database.folder, name);
    return access(path, F_OK) == 0;
}

static void make_orders_without_backup(struct run *run)
{
    char path[192];
    make_schema(run);
    snprintf(path, sizeof path, "%s/copy.db", run->stage->database.folder);
    unlink(path);
}

/* A backup is whole as soon as it has its name; what a failure leaves is in nobody's way. */
static void look_at_backup(struct run *run)
{
    static const char url[] = "sqlite:///./copy.db";
    if (!run->refused || has_file(run, "copy.db")) {
        start_command_on(run, verify, url);
    }
    start_commands(run, backup);
    start_command_on(run, verify, url);
    if (has_file(run, "copy.db.part")) {
        run_finds(run, "copy.db.part is left behind");
    }
}

static void start_helper(struct run *run)
{
    if (run->stage->helper.process.pid == 0) {
        service_start_api(&run->stage->helper,
                          &(struct service_settings){.folder = run->stage->database.folder,
                                                     .database_url = run->stage->database.url});
    }
}

SCENARIO(command_migrate, .target = TARGET_COMMAND, .arguments = migrate, .empty_database = true,
         .act = look_at_schema)
SCENARIO(command_migrate_status, .target = TARGET_COMMAND, .arguments = migrate_status,
         .before = make_schema)
SCENARIO(command_migrate_dry_run, .target = TARGET_COMMAND, .arguments = migrate_dry_run,
         .empty_database = true)
SCENARIO(command_verify, .target = TARGET_COMMAND, .arguments = verify, .before = make_schema)
SCENARIO(command_verify_repair, .target = TARGET_COMMAND, .arguments = verify_repair,
         .before = make_drift, .act = look_at_repair)
SCENARIO(command_health, .target = TARGET_COMMAND, .arguments = health, .before = start_helper)

Test(torture, command_backup) /* which is there for SQLite only */
{
    const char *kind = getenv("ORDERS_TORTURE_DATABASE");
    if (kind != NULL && strcmp(kind, "sqlite") == 0) {
        torture(&(struct scenario){.name = "command_backup",
                                   .target = TARGET_COMMAND,
                                   .arguments = backup,
                                   .before = make_orders_without_backup,
                                   .act = look_at_backup});
    }
}
