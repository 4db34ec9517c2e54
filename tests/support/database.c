/* SPDX-License-Identifier: MIT */
#include "tests/support/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

enum { TEXT_SIZE = 160, TEXTS = 4, QUERY_SIZE = 640 };

struct database_ops {
    const char *name;
    const char *hold;
    const char *release;
    void (*write_us)(char *sql, const char *from, const char *to); /* at most TEXT_SIZE */
    void (*start)(struct database *database);
    struct sql *(*open_sql)(const struct database *database);
    struct sql *(*open_admin)(const struct database *database);
    void (*kill)(struct database *database); /* NULL: cannot be killed */
    void (*restart)(struct database *database);
};

static void set_urls(struct database *database, const char *url, const char *folder)
{
    database->url = url;
    database->other_url = url;
    database->folder = folder;
}

static void start_sqlite(struct database *database)
{
    temp_dir_create(&database->dir);
    snprintf(database->file, sizeof database->file, "%s/orders.db", database->dir.path);
    snprintf(database->file_url, sizeof database->file_url, "sqlite:///%s", database->file);
    set_urls(database, database->file_url, database->dir.path);
}

static struct sql *open_sqlite(const struct database *database)
{
    return sql_open_sqlite(database->file);
}

static void write_sqlite_us(char *sql, const char *from, const char *to)
{
    snprintf(sql, TEXT_SIZE, "%s - %s", to, from);
}

static void start_mariadb(struct database *database)
{
    mariadb_server_start(&database->mariadb);
    set_urls(database, database->mariadb.url, database->mariadb.dir.path);
}

#define MYSQL_ODD_SESSION                                                                          \
    "SET sql_select_limit = 1, sql_safe_updates = 1, sql_big_selects = 0, max_join_size = 1, "     \
    "max_sort_length = 64, sql_auto_is_null = 1, unique_checks = 0; "                              \
    "SET SESSION TRANSACTION READ ONLY"

static void start_odd_mariadb(struct database *database)
{
    /* Not strict; the rest changes what a text, a string and a time are, and how much is read. */
    static const char *const odd[] = {
        "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE",
        "--transaction-isolation=SERIALIZABLE",
        "--autocommit=0",
        "--default-time-zone=+05:45",
        "--character-set-server=latin1",
        "--collation-server=latin1_german2_ci",
        "--default-storage-engine=MyISAM",
        "--auto-increment-increment=7",
        "--auto-increment-offset=3",
        "--completion-type=CHAIN",
        "--innodb-lock-wait-timeout=50",
        "--loose-skip-character-set-client-handshake",
        "--init-connect=" MYSQL_ODD_SESSION,
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        database->mariadb.options[i] = odd[i];
    }
    start_mariadb(database);
}

static struct sql *open_mariadb(const struct database *database)
{
    return sql_open_mariadb(&database->mariadb);
}

static struct sql *open_mariadb_admin(const struct database *database)
{
    return sql_open_mariadb_admin(&database->mariadb);
}

static void kill_mariadb(struct database *database)
{
    mariadb_server_kill(&database->mariadb);
}

static void restart_mariadb(struct database *database)
{
    mariadb_server_restart(&database->mariadb);
}

static void write_mariadb_us(char *sql, const char *from, const char *to)
{
    snprintf(sql, TEXT_SIZE, "TIMESTAMPDIFF(MICROSECOND, %s, %s)", from, to);
}

static void start_galera(struct database *database)
{
    galera_cluster_start(&database->galera);
    const struct mariadb_server *first = &database->galera.nodes[0].server;
    set_urls(database, first->url, first->dir.path);
    database->other_url = database->galera.nodes[1].server.url;
}

static struct sql *open_galera(const struct database *database)
{
    return sql_open_mariadb(&database->galera.nodes[0].server);
}

static struct sql *open_galera_admin(const struct database *database)
{
    return sql_open_mariadb_admin(&database->galera.nodes[0].server);
}

static void start_postgres(struct database *database)
{
    postgres_server_start(&database->postgres);
    set_urls(database, database->postgres.url, database->postgres.dir.path);
}

static struct sql *open_postgres(const struct database *database)
{
    return sql_open_postgres(&database->postgres);
}

static struct sql *open_postgres_admin(const struct database *database)
{
    return sql_open_postgres_admin(&database->postgres);
}

static void start_odd_postgres(struct database *database)
{
    static const char *const odd[] = {"default_transaction_isolation = 'serializable'",
                                      "default_transaction_deferrable = on",
                                      "TimeZone = 'Asia/Kathmandu'",
                                      "DateStyle = 'SQL, DMY'",
                                      "IntervalStyle = 'iso_8601'",
                                      "bytea_output = 'escape'",
                                      "extra_float_digits = -15",
                                      "standard_conforming_strings = off",
                                      "escape_string_warning = on",
                                      "transform_null_equals = on",
                                      "client_encoding = 'LATIN1'",
                                      "plan_cache_mode = 'force_generic_plan'",
                                      "synchronous_commit = off",
                                      "enable_indexscan = off",
                                      "idle_in_transaction_session_timeout = 1"};
    char statement[TEXT_SIZE];
    start_postgres(database);
    struct sql *admin = open_postgres_admin(database);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        snprintf(statement, sizeof statement, "ALTER ROLE " POSTGRES_USER " SET %s", odd[i]);
        sql_execute(admin, statement);
    }
    sql_close(admin);
}

/* The test's own eyes look past it. A transaction that has failed has lost its settings before it
 * is rolled back, so the limit that it gets then is not an odd one. */
static void start_pooled(struct database *database, const char *mode)
{
    start_odd_postgres(database);
    struct sql *admin = open_postgres_admin(database);
    sql_execute(admin, "ALTER ROLE " POSTGRES_USER " RESET idle_in_transaction_session_timeout");
    sql_close(admin);
    pooler_start(&database->pooler, &database->postgres, mode);
    set_urls(database, database->pooler.url, database->postgres.dir.path);
}

static void start_pooler(struct database *database)
{
    start_pooled(database, "transaction");
}

static void start_pooler_session(struct database *database)
{
    start_pooled(database, "session");
}

static void kill_postgres(struct database *database)
{
    postgres_server_kill(&database->postgres);
}

static void restart_postgres(struct database *database)
{
    postgres_server_restart(&database->postgres);
}

static void write_postgres_us(char *sql, const char *from, const char *to)
{
    snprintf(sql, TEXT_SIZE, "(extract(epoch FROM %s - %s) * 1000000)::bigint", to, from);
}

#define MARIADB_LOCKS "LOCK TABLES orders WRITE", "UNLOCK TABLES"
#define POSTGRES_LOCKS "BEGIN; LOCK TABLE orders", "ROLLBACK"

static const struct database_ops kinds[] = {
    {"sqlite", "BEGIN IMMEDIATE", "ROLLBACK", write_sqlite_us, start_sqlite, open_sqlite,
     open_sqlite, NULL, NULL},
    {"mysql", MARIADB_LOCKS, write_mariadb_us, start_mariadb, open_mariadb, open_mariadb_admin,
     kill_mariadb, restart_mariadb},
    {"mysql_odd", MARIADB_LOCKS, write_mariadb_us, start_odd_mariadb, open_mariadb,
     open_mariadb_admin, kill_mariadb, restart_mariadb},
    {"galera", MARIADB_LOCKS, write_mariadb_us, start_galera, open_galera, open_galera_admin, NULL,
     NULL},
    {"postgres", POSTGRES_LOCKS, write_postgres_us, start_postgres, open_postgres,
     open_postgres_admin, kill_postgres, restart_postgres},
    {"postgres_odd", POSTGRES_LOCKS, write_postgres_us, start_odd_postgres, open_postgres,
     open_postgres_admin, kill_postgres, restart_postgres},
    {"pooler", POSTGRES_LOCKS, write_postgres_us, start_pooler, open_postgres, open_postgres_admin,
     kill_postgres, restart_postgres},
    {"pooler_session", POSTGRES_LOCKS, write_postgres_us, start_pooler_session, open_postgres,
     open_postgres_admin, kill_postgres, restart_postgres},
};

void database_start(struct database *database, const char *name)
{
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    cr_assert_not_null(name, "the environment does not say which database this is for");
    size_t i = 0;
    while (i < KINDS && strcmp(kinds[i].name, name) != 0) {
        i++;
    }
    cr_assert_lt(i, KINDS, "no kind of database is called %s", name);
    database->ops = &kinds[i];
    kinds[i].start(database);
}

void database_kill(struct database *database)
{
    cr_assert_not_null(database->ops->kill);
    database->ops->kill(database);
}

void database_restart(struct database *database)
{
    database->ops->restart(database);
}

void database_discard(struct database *database)
{
    mariadb_server_discard(&database->mariadb);
    pooler_discard(&database->pooler);
    postgres_server_discard(&database->postgres);
    galera_cluster_discard(&database->galera);
    temp_dir_remove(&database->dir);
}

struct sql *database_open_sql(const struct database *database)
{
    return database->ops->open_sql(database);
}

void database_hold_orders(const struct database *database, struct sql *sql)
{
    sql_execute(sql, database->ops->hold);
}

void database_release_orders(const struct database *database, struct sql *sql)
{
    sql_execute(sql, database->ops->release);
}

struct sql *database_open_admin(const struct database *database)
{
    return database->ops->open_admin(database);
}

const char *database_us(const struct database *database, const char *from, const char *to)
{
    static char texts[TEXTS][TEXT_SIZE];
    static size_t next;
    char *text = texts[next++ % TEXTS];
    database->ops->write_us(text, from, to);
    return text;
}

void database_recount(const struct database *database, struct sql *sql, int64_t both[8])
{
    char query[QUERY_SIZE];
    snprintf(query, sizeof query,
             "SELECT * FROM (SELECT sum(created) AS a, sum(started) AS b, sum(completed) AS c, "
             "sum(duration_us) AS d FROM counters) counted, (SELECT count(*) AS e, "
             "sum(CASE WHEN status >= 1 THEN 1 ELSE 0 END) AS f, "
             "sum(CASE WHEN status = 2 THEN 1 ELSE 0 END) AS g, "
             "sum(CASE WHEN status = 2 THEN %s END) AS h FROM orders) rows_of",
             database_us(database, "created_at", "completed_at"));
    sql_row(sql, query, both, 8);
}

void database_expect_exact_counters(const struct database *database, struct sql *sql)
{
    static const char *const names[] = {"created", "started", "completed", "duration_us"};
    int64_t both[8];
    database_recount(database, sql, both);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(both[i], both[i + 4], "%s is %" PRId64 ", the rows say %" PRId64, names[i],
                     both[i], both[i + 4]);
    }
}
