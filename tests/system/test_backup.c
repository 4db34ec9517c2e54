/* SPDX-License-Identifier: MIT */
/* `order-api backup`: while orders come in, restored from, refused, cut off. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

enum {
    BACKUPS = 5,
    MANY = 100000, /* until they are stopped, however slow the machine */
    RATE_PER_S = 500,
    LONG_DELAY_MS = 60000,
    LIMIT_MS = 30000,
    PATIENCE_MS = 10000,
    LARGE_ORDERS = 3000, /* of 32 KiB: so large a copy can be cut off */
};

static struct temp_dir dir;
static struct service api;
static struct service command;
static struct http_client *client;
static struct load load;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    load_finish(&load);
    http_client_destroy(client);
    process_discard(&api.process);
    process_discard(&command.process);
    temp_dir_remove(&dir);
}

TestSuite(backup, .init = start, .fini = finish, .timeout = 150);

static const char *file(const char *name)
{
    return temp_dir_file(&dir, name);
}

static bool is_there(const char *name)
{
    return access(file(name), F_OK) == 0;
}

static void start_api(uint32_t delay_ms)
{
    service_start_api(&api, &(struct service_settings){.folder = dir.path, .delay_ms = delay_ms});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
}

/* `setting` NULL: orders.db in the folder. */
static int run(const char *word, const char *operand, const char *setting)
{
    const char *const arguments[] = {word, operand, NULL};
    const char *const settings[] = {setting, NULL};
    return service_run_command(&command, arguments, settings, dir.path);
}

static bool says(const char *text)
{
    return process_log_contains(&command.process, text);
}

static void back_up(const char *name)
{
    int code = run("backup", name, NULL);
    if (code != 0) {
        process_print_log(&command.process);
    }
    cr_assert_eq(code, 0);
    cr_assert(says(" bytes in "));
}

static void expect_verified(const char *setting)
{
    int code = run("verify", NULL, setting);
    if (code != 0) {
        process_print_log(&command.process);
    }
    cr_assert_eq(code, 0);
}

static int64_t ask(const char *name, const char *query)
{
    struct sql *sql = sql_open_sqlite(file(name));
    int64_t value = sql_integer(sql, query);
    sql_close(sql);
    return value;
}

static void execute(const char *statement)
{
    struct sql *sql = sql_open_sqlite(file("orders.db"));
    sql_execute(sql, statement);
    sql_close(sql);
}

static void expect_orders(const char *name, const uint64_t ids[], size_t count)
{
    char query[96];
    struct sql *sql = sql_open_sqlite(file(name));
    for (size_t i = 0; i < count; i++) {
        snprintf(query, sizeof query, "SELECT count(*) FROM orders WHERE id = %" PRIu64, ids[i]);
        cr_assert_eq(sql_integer(sql, query), 1, "%s lacks ORD%" PRIu64, name, ids[i]);
    }
    sql_close(sql);
}

static void start_load(void)
{
    load.ports[0] = api.port;
    load.port_count = 1;
    load.thread_count = 4;
    load.order_count = MANY;
    load.rate_per_s = RATE_PER_S;
    load.patience_ms = PATIENCE_MS; /* the copying disk may be slow for them */
    load_start(&load);
}

static void end_load(void)
{
    cr_assert_lt(load.accepted + load.failed, load.order_count, "the load ended too early");
    load_stop(&load);
    load_expect_no_failure(&load);
}

static bool some_are_accepted(void *arg)
{
    return load.accepted >= *(const size_t *)arg;
}

/* Returns how many orders had been acknowledged before it began. */
static size_t back_up_under_load(size_t at_least)
{
    cr_assert(wait_until(some_are_accepted, &at_least, LIMIT_MS));
    size_t accepted = load.accepted;
    back_up("copy.db");
    return accepted;
}

Test(backup, while_orders_come_in_each_has_all_that_were_acknowledged_before_it)
{
    char name[32], setting[64];
    size_t accepted[BACKUPS];
    struct stat made;
    start_api(1);
    start_load();
    for (size_t i = 0; i < BACKUPS; i++) {
        accepted[i] = back_up_under_load((i + 1) * 100);
        cr_assert_eq(stat(file("copy.db"), &made), 0, "%m");
        cr_expect_eq(made.st_mode & 0777, 0600);
        cr_expect(!is_there("copy.db.part") && !is_there("copy.db-wal"));
        snprintf(name, sizeof name, "copy%zu.db", i);
        cr_assert_eq(rename(file("copy.db"), file(name)), 0, "%m");
    }
    end_load();
    for (size_t i = 0; i < BACKUPS; i++) {
        snprintf(name, sizeof name, "copy%zu.db", i);
        snprintf(setting, sizeof setting, "DATABASE_URL=sqlite:///./%s", name);
        expect_verified(setting);
        expect_orders(name, load.ids, accepted[i]);
    }
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

static uint64_t post(void)
{
    return expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
}

/* The lines of the README, as somebody pastes them. Returns their exit code. */
static int restore(void)
{
    static const char script[] = "lines=$(sed -n '/^cd .* cp /,/ sync [.]$/p' \"$1\" |\n"
                                 "  sed 's|/srv/orders|.|; s|/backups/orders.db|copy.db|')\n"
                                 "[ -n \"$lines\" ] || exit 99\n"
                                 "eval \"$lines\"\n";
    const char *const argv[] = {"/bin/sh", "-c", script, "sh", README_PATH, NULL};
    process_start(&command.process, argv, NULL, dir.path);
    return process_wait_exit(&command.process, LIMIT_MS);
}

/* What is acknowledged after the backup is lost with the database, and its id may come again. */
Test(backup, restored_from_it_the_service_goes_on)
{
    char path[64];
    start_api(1);
    uint64_t first = post();
    back_up("copy.db");
    post();
    process_kill(&api.process);
    http_client_destroy(client);
    cr_assert(is_there("orders.db-wal"), "nothing was left behind that could spoil the restore");
    temp_dir_write(&dir, "orders.db-journal", "");
    cr_assert_eq(restore(), 0);
    cr_assert(is_there("copy.db") && !is_there("orders.db-wal") && !is_there("orders.db-journal"));
    start_api(1);
    snprintf(path, sizeof path, "/order/ORD%" PRIu64, first);
    cr_assert_eq(http_get(client, path)->status, 200);
    cr_assert_gt(post(), first);
    cr_assert_eq(ask("orders.db", "SELECT count(*) FROM orders"), 2);
    expect_verified(NULL);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

Test(backup, a_restore_from_one_that_is_missing_changes_nothing)
{
    start_api(1);
    post();
    process_kill(&api.process);
    cr_assert(is_there("orders.db-wal"), "there was nothing to lose");
    cr_expect_eq(restore(), 1);
    cr_expect(is_there("orders.db-wal"));
    cr_assert_eq(ask("orders.db", "SELECT count(*) FROM orders"), 1);
}

Test(backup, an_earlier_one_is_replaced_and_the_last_line_counts)
{
    char line[64];
    start_api(LONG_DELAY_MS);
    post();
    back_up("copy.db");
    cr_assert(says("copy.db: 1 orders, "));
    post();
    back_up("copy.db");
    snprintf(line, sizeof line, "copy.db: 2 orders, %" PRId64 " bytes in ",
             ask("copy.db", "SELECT page_count * page_size FROM pragma_page_count, "
                            "pragma_page_size"));
    back_up("copy.db");
    cr_assert(says(line), "%s", line);
    cr_assert_eq(ask("copy.db", "SELECT count(*) FROM orders"), 2);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

/* Which is when one wants it: before an upgrade. */
Test(backup, a_database_with_an_older_schema_is_copied_too)
{
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    execute("DELETE FROM schema_versions WHERE version > 1");
    back_up("copy.db");
    cr_assert_eq(ask("copy.db", "SELECT max(version) FROM schema_versions"), 1);
}

Test(backup, a_name_may_have_any_bytes_that_a_name_can_have)
{
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    back_up("a ?b#c%41&=\xc3\xa4.db");
    cr_assert(is_there("a ?b#c%41&=\xc3\xa4.db"));
    back_up(file("whole path.db"));
    cr_assert(is_there("whole path.db"));
}

/* NULL: no operand. */
static void expect_refused(int code, const char *operand, const char *setting, const char *reason)
{
    cr_expect_eq(run("backup", operand, setting), code, "%s", reason);
    cr_expect(says(reason), "%s", reason);
    cr_expect(says("order-api backup: "), "%s", reason);
    cr_expect(!is_there("copy.db") && !is_there("copy.db.part"), "%s", reason);
}

static void expect_text(const char *name, const char *text)
{
    char found[8] = "";
    FILE *there = fopen(file(name), "r");
    cr_assert(there != NULL && fgets(found, sizeof found, there) != NULL);
    fclose(there);
    cr_expect_str_eq(found, text);
}

Test(backup, what_cannot_become_one_is_refused_and_left_as_it_is)
{
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    temp_dir_write(&dir, "notes", "mine");
    temp_dir_write(&dir, "used.db-wal", "");
    cr_assert_eq(symlink("copy.db", file("link.db")), 0, "%m");
    expect_refused(2, NULL, NULL, "FILE is missing");
    expect_refused(2, "", NULL, "FILE is empty");
    expect_refused(2, "orders.db", NULL, "is the database itself");
    expect_refused(2, ".", NULL, "is a folder");
    expect_refused(2, "link.db", NULL, "is not a regular file");
    expect_refused(2, "notes", NULL, "is no database of orders that can be read");
    expect_refused(2, "used.db", NULL, "there is a -wal or -journal file beside it");
    expect_refused(2, "orders.db-wal", NULL, "SQLite's own");
    expect_refused(1, "away/copy.db", NULL, "No such file or directory");
    expect_text("notes", "mine");
    expect_verified(NULL);
}

static void make_foreign(const char *name)
{
    temp_dir_write(&dir, name, "");
    struct sql *sql = sql_open_sqlite(file(name));
    sql_execute(sql, "CREATE TABLE orders (mine INTEGER)");
    sql_execute(sql, "INSERT INTO orders VALUES (17)");
    sql_close(sql);
}

Test(backup, the_database_of_another_program_is_not_replaced_but_an_empty_file_is)
{
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    make_foreign("shop.db");
    expect_refused(2, "shop.db", NULL, "is no database of orders that can be read");
    cr_expect_eq(ask("shop.db", "SELECT mine FROM orders"), 17);
    temp_dir_write(&dir, "empty.db", "");
    back_up("empty.db");
}

Test(backup, a_database_with_the_name_of_the_part_is_not_emptied)
{
    static const char setting[] = "DATABASE_URL=sqlite:///./orders.part";
    cr_assert_eq(run("migrate", NULL, setting), 0);
    expect_refused(1, "orders", setting, "orders.part: is the database itself");
    cr_assert(is_there("orders.part") && !is_there("orders"));
    expect_verified(setting);
}

static void expect_part_refused(const char *reason)
{
    cr_expect_eq(run("backup", "copy.db", NULL), 1, "%s", reason);
    cr_expect(says("copy.db.part: ") && says(reason), "%s", reason);
    cr_expect_not(is_there("copy.db"), "%s", reason);
    cr_assert_eq(unlink(file("copy.db.part")), 0, "%m");
}

/* In a folder where others write too, such a name may be there already. */
Test(backup, a_part_that_no_backup_has_left_is_not_taken_over)
{
    static const char reason[] = "was not left by a backup of this user";
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    temp_dir_write(&dir, "notes", "mine");
    cr_assert_eq(rename(file("notes"), file("copy.db.part")), 0, "%m");
    cr_assert_eq(run("backup", "copy.db", NULL), 1);
    expect_text("copy.db.part", "mine");
    expect_part_refused(reason);
    make_foreign("shop.db");
    cr_assert_eq(symlink("shop.db", file("copy.db.part")), 0, "%m");
    expect_part_refused(reason);
    cr_assert_eq(link(file("shop.db"), file("copy.db.part")), 0, "%m");
    expect_part_refused(reason);
    cr_expect_eq(ask("shop.db", "SELECT mine FROM orders"), 17);
    cr_assert_eq(mkfifo(file("copy.db.part"), 0600), 0, "%m");
    expect_part_refused(reason);
    temp_dir_write(&dir, "copy.db.part", "");
    temp_dir_write(&dir, "copy.db.part-wal", "");
    expect_part_refused("there is a -wal or -journal file beside it");
    cr_assert_eq(unlink(file("copy.db.part-wal")), 0, "%m");
    if (geteuid() == 0) { /* who alone can make one of another user */
        temp_dir_write(&dir, "copy.db.part", "");
        cr_assert_eq(chown(file("copy.db.part"), 1, 1), 0, "%m");
        expect_part_refused(reason);
    }
}

Test(backup, a_database_that_is_none_of_orders_or_of_a_server_is_refused)
{
    temp_dir_write(&dir, "empty.db", "");
    expect_refused(1, "copy.db", "DATABASE_URL=sqlite:///./empty.db", "is no database of orders");
    expect_refused(1, "copy.db", "DATABASE_URL=sqlite:///./away.db", "there is no database");
    expect_refused(2, "copy.db", "DATABASE_URL=mysql://u:p@127.0.0.1:1/o", "mysqldump");
    expect_refused(2, "copy.db", "DATABASE_URL=postgresql://u:p@127.0.0.1:1/o", "pg_dump");
}

static void make_large(void)
{
    char statement[512];
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    snprintf(statement, sizeof statement,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
             "created_at, due_at) SELECT i, 'c', 'u', hex(zeroblob(16384)), 1, 0, 1, 1 FROM n",
             LARGE_ORDERS);
    execute(statement);
    snprintf(statement, sizeof statement, "UPDATE counters SET created = %d WHERE slot = 0",
             LARGE_ORDERS);
    execute(statement);
    execute("UPDATE id_blocks SET next_id = 1000000");
}

/* Orders come in between any two pages of it. */
Test(backup, a_large_one_is_of_one_instant_and_ends_while_orders_come_in)
{
    char line[64];
    make_large();
    start_api(LONG_DELAY_MS);
    start_load();
    size_t accepted = back_up_under_load(100);
    snprintf(line, sizeof line, "copy.db: %" PRId64 " orders, ",
             ask("copy.db", "SELECT count(*) FROM orders"));
    cr_assert(says(line), "%s", line);
    end_load();
    expect_orders("copy.db", load.ids, accepted);
    expect_verified("DATABASE_URL=sqlite:///./copy.db");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
}

static bool part_has_grown(void *arg)
{
    struct stat found;
    (void)arg;
    return stat(file("copy.db.part"), &found) == 0 && found.st_size > 0;
}

/* An earlier backup is there, and stays. */
static int cut_off(int signal_number)
{
    static const char *const arguments[] = {"backup", "copy.db", NULL};
    service_launch_command(&command, arguments, NULL, dir.path);
    cr_assert(wait_until(part_has_grown, NULL, LIMIT_MS));
    process_signal(&command.process, signal_number);
    int code = process_wait_exit(&command.process, LIMIT_MS);
    cr_assert_eq(code, 128 + signal_number, "it was too fast to be cut off: %d", code);
    cr_assert_eq(ask("copy.db", "SELECT count(*) FROM orders"), 0);
    return code;
}

Test(backup, cut_off_it_leaves_the_earlier_one_and_the_next_clears_up)
{
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    back_up("copy.db");
    cr_assert_eq(unlink(file("orders.db")), 0, "%m");
    make_large();
    cut_off(SIGTERM);
    cr_assert_not(is_there("copy.db.part"));
    cut_off(SIGINT);
    cr_assert_not(is_there("copy.db.part"));
    cut_off(SIGKILL);
    cr_assert(is_there("copy.db.part"));
    back_up("copy.db");
    cr_assert_not(is_there("copy.db.part"));
    cr_assert_eq(ask("copy.db", "SELECT count(*) FROM orders"), LARGE_ORDERS);
    expect_verified("DATABASE_URL=sqlite:///./copy.db");
}

Test(backup, one_that_another_is_writing_is_left_to_it)
{
    cr_assert_eq(run("migrate", NULL, NULL), 0);
    int other = open(file("copy.db.part"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(other >= 0 && flock(other, LOCK_EX) == 0, "%m");
    cr_assert_eq(run("backup", "copy.db", NULL), 1);
    cr_expect(says("copy.db.part: another backup is writing it"));
    cr_expect(is_there("copy.db.part") && !is_there("copy.db"));
    close(other);
    back_up("copy.db");
}

/* All of a page in the middle of a table. */
static void damage(const char *name)
{
    static const char garbage[4096] = "garbage";
    int fd = open(file(name), O_RDWR | O_CLOEXEC);
    cr_assert(fd >= 0 && pwrite(fd, garbage, sizeof garbage, 4096L * 1000) == sizeof garbage, "%m");
    close(fd);
}

Test(backup, a_damaged_database_does_not_replace_a_good_backup)
{
    make_large();
    back_up("copy.db");
    damage("orders.db");
    cr_assert_eq(run("backup", "copy.db", NULL), 1);
    cr_expect(says("copy.db: the copy is damaged, so the database is"));
    cr_expect_not(is_there("copy.db.part"));
    expect_verified("DATABASE_URL=sqlite:///./copy.db");
}

/* As on a full disk: the limit on the size of a file is met in the middle. */
Test(backup, what_cannot_be_written_to_the_end_leaves_nothing)
{
    static const char script[] = "ulimit -f 20000; exec \"$0\" backup copy.db";
    make_large();
    service_launch_from_shell(&command, script, NULL, dir.path);
    cr_assert_eq(process_wait_exit(&command.process, LIMIT_MS), 1);
    cr_expect(says("copy.db: the copy failed: "));
    cr_expect(says("File too large"));
    cr_expect(!is_there("copy.db") && !is_there("copy.db.part"));
}
