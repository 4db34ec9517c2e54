/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>

#include "tests/chaos/faults.h"
#include "tests/support/small_disk.h"
#include "tests/support/wait_until.h"

enum { ROWS_LOCKED = 300, LOCK_LIMIT_MS = 1000 };

static struct database *database_of(struct victims *victims)
{
    return &victims->topology.database;
}

static bool is_postgres(const struct victims *victims)
{
    return victims->topology.database.postgres.port != 0;
}

static bool is_mysql(const struct victims *victims)
{
    return victims->topology.database.mariadb.port != 0;
}

static void close_sessions(struct fault *fault)
{
    for (size_t i = 0; i < FAULT_SESSIONS_MAX; i++) {
        sql_close(fault->sessions[i]);
        fault->sessions[i] = NULL;
    }
}

/* One statement as the superuser, on a session of its own. */
static void execute_as_admin(struct victims *victims, const char *statement)
{
    struct sql *admin = database_open_admin(database_of(victims));
    sql_execute(admin, statement);
    sql_close(admin);
}

/* Returns how many connections were cut. */
static int64_t cut_off(struct victims *victims)
{
    struct sql *admin = database_open_admin(database_of(victims));
    int64_t count;
    if (is_postgres(victims)) {
        count = sql_integer(admin, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                   "WHERE usename = '" POSTGRES_USER "'");
    } else {
        count = sql_integer(admin, "SELECT count(*) FROM information_schema.processlist "
                                   "WHERE user = '" MARIADB_USER "'");
        sql_execute(admin, "KILL USER " MARIADB_USER);
    }
    sql_close(admin);
    return count;
}

void fault_begin_database_kill(struct victims *victims, struct fault *fault)
{
    (void)fault;
    database_kill(database_of(victims));
}

void fault_end_database_kill(struct victims *victims, struct fault *fault)
{
    (void)fault;
    database_restart(database_of(victims));
}

static void signal_database(struct victims *victims, int signal)
{
    if (is_postgres(victims)) {
        postgres_server_signal(&database_of(victims)->postgres, signal);
    } else {
        process_signal(&database_of(victims)->mariadb.process, signal);
    }
}

void fault_begin_database_pause(struct victims *victims, struct fault *fault)
{
    (void)fault;
    signal_database(victims, SIGSTOP);
}

void fault_end_database_pause(struct victims *victims, struct fault *fault)
{
    (void)fault;
    signal_database(victims, SIGCONT);
}

void fault_begin_database_stop(struct victims *victims, struct fault *fault)
{
    (void)fault;
    if (is_postgres(victims)) {
        postgres_server_stop(&database_of(victims)->postgres);
    } else {
        mariadb_server_stop(&database_of(victims)->mariadb);
    }
}

void fault_end_database_stop(struct victims *victims, struct fault *fault)
{
    (void)fault;
    database_restart(database_of(victims));
}

void fault_begin_database_disconnect(struct victims *victims, struct fault *fault)
{
    fault->took_effect = cut_off(victims) > 0;
}

void fault_end_database_disconnect(struct victims *victims, struct fault *fault)
{
    (void)victims;
    (void)fault;
}

static void open_holder(struct victims *victims, struct fault *fault)
{
    struct sql *sql = database_open_sql(database_of(victims));
    fault->sessions[0] = sql;
    if (is_postgres(victims)) {
        sql_execute(sql, "SET lock_timeout = '1s'");
        sql_execute(sql, "BEGIN");
    } else if (is_mysql(victims)) {
        sql_execute(sql, "SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1");
        sql_execute(sql, "BEGIN");
    } else {
        sql_execute(sql, "PRAGMA busy_timeout = 1000");
    }
}

/*
 * Holds what the statement locks until its session is closed. Waits only a while for the lock: the
 * service that has it may be stopped by another fault.
 */
static void hold(struct victims *victims, struct fault *fault, const char *statement)
{
    open_holder(victims, fault);
    fault->took_effect = sql_try(fault->sessions[0], statement);
}

static void release(struct victims *victims, struct fault *fault)
{
    (void)victims;
    close_sessions(fault);
}

void fault_begin_lock_table(struct victims *victims, struct fault *fault)
{
    const char *statement = "BEGIN IMMEDIATE";
    if (is_postgres(victims)) {
        statement = "LOCK TABLE orders";
    } else if (is_mysql(victims)) {
        statement = "LOCK TABLES orders WRITE";
    }
    hold(victims, fault, statement);
}

void fault_end_lock_table(struct victims *victims, struct fault *fault)
{
    release(victims, fault);
}

static bool rows_are_locked(void *arg)
{
    const struct fault *fault = arg;
    char query[160];
    int64_t ids[ROWS_LOCKED];
    /* MariaDB also locks the gaps where it finds nothing, and then no order could ever come there.
     */
    sql_execute(fault->sessions[0], "ROLLBACK");
    sql_execute(fault->sessions[0], "BEGIN");
    snprintf(query, sizeof query,
             "SELECT id FROM orders WHERE status = %u ORDER BY due_at LIMIT %d FOR UPDATE "
             "SKIP LOCKED",
             (unsigned)(fault->dice % 2), (int)ROWS_LOCKED);
    return sql_rows(fault->sessions[0], query, ids, 1, ROWS_LOCKED) > 0;
}

/* Locks orders that are not locked yet. At some moments there are none, mostly no Pending ones. */
void fault_begin_lock_rows(struct victims *victims, struct fault *fault)
{
    open_holder(victims, fault);
    fault->took_effect = wait_until(rows_are_locked, fault, LOCK_LIMIT_MS);
}

void fault_end_lock_rows(struct victims *victims, struct fault *fault)
{
    release(victims, fault);
}

void fault_begin_lock_counters(struct victims *victims, struct fault *fault)
{
    hold(victims, fault, "SELECT slot FROM counters FOR UPDATE");
}

void fault_end_lock_counters(struct victims *victims, struct fault *fault)
{
    release(victims, fault);
}

void fault_begin_lock_ids(struct victims *victims, struct fault *fault)
{
    hold(victims, fault, "SELECT name FROM id_blocks FOR UPDATE");
}

void fault_end_lock_ids(struct victims *victims, struct fault *fault)
{
    release(victims, fault);
}

void fault_begin_few_connections(struct victims *victims, struct fault *fault)
{
    (void)fault;
    execute_as_admin(victims, is_postgres(victims) ? "ALTER DATABASE " POSTGRES_DATABASE
                                                     " CONNECTION LIMIT 3"
                                                   : "ALTER USER '" MARIADB_USER
                                                     "'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 3");
    cut_off(victims);
}

void fault_end_few_connections(struct victims *victims, struct fault *fault)
{
    (void)fault;
    execute_as_admin(victims, is_postgres(victims) ? "ALTER DATABASE " POSTGRES_DATABASE
                                                     " CONNECTION LIMIT -1"
                                                   : "ALTER USER '" MARIADB_USER
                                                     "'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0");
}

/* MariaDB takes no less than ten; the test itself uses most of them. */
void fault_begin_no_connections(struct victims *victims, struct fault *fault)
{
    for (size_t i = 0; i < FAULT_SESSIONS_MAX; i++) {
        fault->sessions[i] = database_open_admin(database_of(victims));
    }
    sql_execute(fault->sessions[0], "SET GLOBAL max_connections = 10");
    sql_execute(fault->sessions[0], "KILL USER " MARIADB_USER);
}

void fault_end_no_connections(struct victims *victims, struct fault *fault)
{
    (void)victims;
    sql_execute(fault->sessions[0], "SET GLOBAL max_connections = 151");
    close_sessions(fault);
}

/* False: nothing was changed, since others held locks for longer than a second. */
static bool set_read_only(struct victims *victims, bool on)
{
    struct sql *admin = database_open_admin(database_of(victims));
    bool done = true;
    if (is_postgres(victims)) {
        sql_execute(admin, on ? "ALTER SYSTEM SET default_transaction_read_only = on"
                              : "ALTER SYSTEM RESET default_transaction_read_only");
        sql_execute(admin, "SELECT pg_reload_conf()");
    } else {
        sql_execute(admin, "SET SESSION lock_wait_timeout = 1");
        done = sql_try(admin, on ? "SET GLOBAL read_only = 1" : "SET GLOBAL read_only = 0");
        if (!done && !on) {
            sql_execute(admin, "SET GLOBAL read_only = 0");
        }
    }
    sql_close(admin);
    return done;
}

void fault_begin_read_only(struct victims *victims, struct fault *fault)
{
    fault->took_effect = set_read_only(victims, true);
}

void fault_end_read_only(struct victims *victims, struct fault *fault)
{
    (void)fault;
    set_read_only(victims, false);
}

void fault_begin_disk_full(struct victims *victims, struct fault *fault)
{
    (void)victims;
    (void)fault;
    small_disk_fill();
}

void fault_end_disk_full(struct victims *victims, struct fault *fault)
{
    (void)fault;
    small_disk_free();
    topology_revive_database(&victims->topology);
}
