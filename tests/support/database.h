/* SPDX-License-Identifier: MIT */
/*
 * A database of the test's own, of whichever kind the test is registered for: the same calls and,
 * through database_us, the same queries for all, so that one test serves every kind. Kinds are
 *
 *   sqlite, mysql (MariaDB), postgres;
 *   mysql_odd, postgres_odd: with defaults for sessions that no program should depend on;
 *   pooler: postgres_odd behind PgBouncer, which may give each transaction another connection;
 *   pooler_session: the same, where each client keeps one;
 *   galera: two MariaDB servers that are one cluster.
 *
 * Failing to start fails the test. Threads: as process.h.
 */
#ifndef TESTS_SUPPORT_DATABASE_H
#define TESTS_SUPPORT_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/galera_cluster.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/pooler.h"
#include "tests/support/postgres_server.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"

struct database_ops;

struct database {
    const struct database_ops *ops;
    const char *url;       /* DATABASE_URL for the services */
    const char *other_url; /* of the cluster's other node; elsewhere the same */
    const char *folder;    /* of its own; services may work in it */
    struct temp_dir dir;   /* SQLite's */
    char file[128];        /* SQLite's */
    char file_url[160];    /* SQLite's */
    struct mariadb_server mariadb;
    struct postgres_server postgres;
    struct pooler pooler;
    struct galera_cluster galera;
};

/* `database` is zeroed; `name`, one of the above, is usually a variable of the environment. */
void database_start(struct database *database, const char *name);

/* SIGKILL to the server, and a start on what it leaves. Only for single servers. */
void database_kill(struct database *database);
void database_restart(struct database *database);

/* For .fini: ends it and removes its folder, in whatever state it is. */
void database_discard(struct database *database);

/* The test's own eyes, with the usual defaults; a SQLite file must be there already. */
struct sql *database_open_sql(const struct database *database);

/* As the superuser, on the first node; for SQLite the same as the above. */
struct sql *database_open_admin(const struct database *database);

/* Nobody else can change orders until they are released, or the connection is closed. */
void database_hold_orders(const struct database *database, struct sql *sql);
void database_release_orders(const struct database *database, struct sql *sql);

/*
 * The SQL for the microseconds from the column `from` to the column `to` of orders, NULL if one is:
 * "sum(%s)" is an integer. Good until the fourth call from here.
 */
const char *database_us(const struct database *database, const char *from, const char *to);

/*
 * The counters and a recount of the rows: created, started, completed, duration in us, and the same
 * four again, all of one snapshot.
 */
void database_recount(const struct database *database, struct sql *sql, int64_t both[8]);

/* The same, and fails the test unless they are equal. */
void database_expect_exact_counters(const struct database *database, struct sql *sql);

#endif
