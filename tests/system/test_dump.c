/* SPDX-License-Identifier: MIT */
/*
 * The backups of servers, as worker-service/README.md has them: its own lines are run, while orders
 * come in, and what they have made is restored. On MySQL with gtid_mode=ON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/database.h"
#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/service.h"
#include "tests/support/wait_until.h"

#define ROOT_PASSWORD "root-only"

enum {
    MANY = 100000, /* until they are stopped, however slow the machine */
    SOME = 100,
    RATE_PER_S = 300,
    PATIENCE_MS = 10000,
    LIMIT_MS = 60000,
    SETTINGS = 8,
    SETTING_SIZE = 256,
};

/* How the two lines begin, as grep -E takes it. */
struct recipe {
    const char *dump;
    const char *restore;
};

static struct database database;
static struct service api;
static struct service command;
static struct process shell;
static struct http_client *client;
static struct load load;
static char settings[SETTINGS][SETTING_SIZE];

static void start(void)
{
    const char *kind = getenv("ORDERS_SYSTEM_DATABASE");
    cr_assert_not_null(kind, "ORDERS_SYSTEM_DATABASE is not set: mysql or postgres");
    if (mariadb_server_is_mysql()) {
        database.mariadb.options[0] = "--gtid-mode=ON";
        database.mariadb.options[1] = "--enforce-gtid-consistency=ON";
    }
    database_start(&database, kind);
}

static void finish(void)
{
    load_finish(&load);
    http_client_destroy(client);
    process_discard(&api.process);
    process_discard(&command.process);
    process_discard(&shell);
    database_discard(&database);
}

TestSuite(dump, .init = start, .fini = finish, .timeout = 200);

static void start_api(void)
{
    service_start_api(&api, &(struct service_settings){.folder = database.folder,
                                                       .database_url = database.url,
                                                       .delay_ms = 1});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

static void stop_api(void)
{
    http_client_destroy(client);
    client = NULL;
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* The README's lines say nothing of where the server is: here as their users would have set it. */
static void configure_mysql(void)
{
    char text[512];
    struct sql *admin = sql_open_mariadb_admin(&database.mariadb);
    sql_execute(admin, "ALTER USER root@localhost IDENTIFIED BY '" ROOT_PASSWORD "'");
    sql_close(admin);
    snprintf(text, sizeof text, "[client]\nsocket=%s/socket\nuser=root\npassword=%s\n",
             database.folder, ROOT_PASSWORD);
    temp_dir_write(&database.mariadb.dir, ".my.cnf", text);
}

static void make_settings(void)
{
    const char *mysql = getenv("MYSQL9_SERVER");
    snprintf(settings[0], SETTING_SIZE, "HOME=%s", database.folder);
    snprintf(settings[1], SETTING_SIZE, "MYSQL_ROOT_PASSWORD=" ROOT_PASSWORD);
    snprintf(settings[2], SETTING_SIZE, "CLIENTS=%s", mysql != NULL ? mysql : "");
    snprintf(settings[3], SETTING_SIZE, "PGHOST=127.0.0.1");
    snprintf(settings[4], SETTING_SIZE, "PGPORT=%u", (unsigned)database.postgres.port);
    snprintf(settings[5], SETTING_SIZE, "PGPASSWORD=" POSTGRES_PASSWORD);
}

/*
 * Runs the README's one line that begins like this, as somebody pastes it. Within a container is
 * here, and so is localhost's usual port. Returns its exit code.
 */
static int try_line(const char *beginning)
{
    static const char script[] = "PATH=$CLIENTS:$PATH\n"
                                 "docker() { shift 4; \"$@\"; }\n"
                                 "line=$(grep -E \"^$1\" \"$2\" |\n"
                                 "  sed \"s/@localhost:5432/@127.0.0.1:$PGPORT/\")\n"
                                 "echo \"$line\"\n"
                                 "[ \"$(echo \"$line\" | wc -l)\" -eq 1 ] || exit 99\n"
                                 "[ -n \"$line\" ] || exit 99\n"
                                 "eval \"$line\"\n";
    const char *const argv[] = {"/bin/sh", "-c", script, "sh", beginning, README_PATH, NULL};
    const char *list[SETTINGS + 1] = {NULL};
    for (size_t i = 0; settings[i][0] != '\0'; i++) {
        list[i] = settings[i];
    }
    process_start(&shell, argv, list, database.folder);
    int code = process_wait_exit(&shell, LIMIT_MS);
    cr_assert_neq(code, 99, "the README has not one line with %s", beginning);
    return code;
}

static void run_line(const char *beginning)
{
    int code = try_line(beginning);
    if (code != 0) {
        process_print_log(&shell);
    }
    cr_assert_eq(code, 0, "%s", beginning);
}

static bool some_more_are_accepted(void *arg)
{
    return load.accepted >= *(const size_t *)arg + SOME;
}

static void wait_for_orders(size_t since)
{
    cr_assert(wait_until(some_more_are_accepted, &since, LIMIT_MS), "%s", load.failure);
}

/* Returns how many of the load's orders were acknowledged before it began. More came after it. */
static size_t dump_under_load(const char *beginning)
{
    load = (struct load){.ports = {api.port},
                         .port_count = 1,
                         .thread_count = 4,
                         .order_count = MANY,
                         .rate_per_s = RATE_PER_S,
                         .patience_ms = PATIENCE_MS};
    load_start(&load);
    wait_for_orders(0);
    size_t accepted = load.accepted;
    run_line(beginning);
    wait_for_orders(load.accepted);
    load_stop(&load);
    load_expect_no_failure(&load);
    return accepted;
}

static void expect_orders(size_t count)
{
    char query[96];
    struct sql *sql = database_open_sql(&database);
    for (size_t i = 0; i < count; i++) {
        snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE id = %" PRIu64,
                 load.ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "ORD%" PRIu64 " is lost", load.ids[i]);
    }
    cr_assert_lt(sql_integer(sql, "SELECT count(*) FROM orders"), (int64_t)load.accepted,
                 "it was not replaced");
    sql_close(sql);
}

static void execute(const char *statement)
{
    struct sql *sql = database_open_sql(&database);
    sql_execute(sql, statement);
    sql_close(sql);
}

static int64_t ask(const char *query)
{
    struct sql *sql = database_open_sql(&database);
    int64_t value = sql_integer(sql, query);
    sql_close(sql);
    return value;
}

static void write_dump(const char *text)
{
    struct temp_dir *dir =
        database.postgres.port != 0 ? &database.postgres.dir : &database.mariadb.dir;
    temp_dir_write(dir, "orders.sql", text);
}

static void expect_verified(void)
{
    char setting[192];
    const char *const arguments[] = {"verify", NULL};
    const char *const list[] = {setting, NULL};
    snprintf(setting, sizeof setting, "DATABASE_URL=%s", database.url);
    int code = service_run_command(&command, arguments, list, database.folder);
    if (code != 0) {
        process_print_log(&command.process);
    }
    cr_assert_eq(code, 0);
}

/* So that what the next recipe counts is of its own load. */
static void empty_tables(void)
{
    execute("DELETE FROM orders");
    execute("DELETE FROM idempotency_keys");
    execute("UPDATE counters SET created = 0, started = 0, completed = 0, duration_us = 0");
}

/* As after an upgrade: the schema has become newer since the dump. */
static void restore_over_a_newer_schema(const struct recipe *recipe)
{
    execute("CREATE TABLE newer (id INTEGER)");
    run_line(recipe->restore);
    cr_assert_eq(ask("SELECT count(*) FROM information_schema.tables WHERE table_name = 'newer'"),
                 0, "%s", recipe->restore);
}

/* On MariaDB and MySQL a dump that ends too early leaves a part, and it has to be run again. */
static void expect_restore_to_fail_without_loss(const struct recipe *recipe)
{
    char path[192];
    int64_t count = ask("SELECT count(*) FROM orders");
    if (database.postgres.port != 0) {
        write_dump("CREATE TABLE public.orders (id INTEGER);\nnonsense;\n");
        cr_expect_neq(try_line(recipe->restore), 0, "%s", recipe->restore);
        cr_assert_eq(ask("SELECT count(*) FROM orders"), count, "%s", recipe->restore);
    }
    snprintf(path, sizeof path, "%s/orders.sql", database.folder);
    cr_assert_eq(unlink(path), 0, "%m");
    cr_expect_neq(try_line(recipe->restore), 0, "%s", recipe->restore);
    cr_assert_eq(ask("SELECT count(*) FROM orders"), count, "%s", recipe->restore);
}

static void check(const struct recipe *recipe)
{
    start_api();
    size_t accepted = dump_under_load(recipe->dump);
    stop_api();
    restore_over_a_newer_schema(recipe);
    expect_orders(accepted);
    load_finish(&load);
    load = (struct load){0};
    start_api();
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    expect_verified();
    stop_api();
    expect_restore_to_fail_without_loss(recipe);
    empty_tables();
}

/* The database is down. */
static void expect_dump_to_keep_the_earlier(const struct recipe *recipe)
{
    char path[192], text[16] = "";
    write_dump("earlier");
    cr_expect_neq(try_line(recipe->dump), 0, "%s", recipe->dump);
    snprintf(path, sizeof path, "%s/orders.sql", database.folder);
    FILE *dump = fopen(path, "r");
    cr_assert_not_null(dump);
    cr_expect(fgets(text, sizeof text, dump) != NULL, "%s", recipe->dump);
    fclose(dump);
    cr_expect_str_eq(text, "earlier", "%s", recipe->dump);
}

Test(dump, the_readme_s_lines_back_up_and_restore_while_orders_come_in)
{
    static const struct recipe mariadb[] = {{"mariadb-dump ", "[(]mariadb "}, {0}};
    static const struct recipe mysql[] = {{"mysqldump ", "[(]mysql "},
                                          {"docker .*mysqldump ", "docker .*'mysql .*< orders.sql"},
                                          {0}};
    /* The one for the container makes the schema `public` anew; the other has to take that. */
    static const struct recipe postgres[] = {{"pg_dump ", "psql -v"},
                                             {"docker .*pg_dump ", "docker .*psql .*< orders.sql"},
                                             {"pg_dump ", "psql -v"},
                                             {0}};
    bool on_postgres = database.postgres.port != 0;
    const struct recipe *recipes = on_postgres                 ? postgres
                                   : mariadb_server_is_mysql() ? mysql
                                                               : mariadb;
    if (!on_postgres) {
        configure_mysql();
    }
    make_settings();
    for (size_t i = 0; recipes[i].dump != NULL; i++) {
        check(&recipes[i]);
    }
    database_kill(&database);
    for (size_t i = 0; recipes[i].dump != NULL; i++) {
        expect_dump_to_keep_the_earlier(&recipes[i]);
    }
}
