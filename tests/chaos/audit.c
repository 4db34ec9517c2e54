/* SPDX-License-Identifier: MIT */
#include "tests/chaos/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

enum { QUERY_SIZE = 1600, MOVES_MAX = 16 };

/*
 * chaos_moves: `was` -1 means the order is stored, `became` -1 that it is deleted; `at` is the
 * statement's time in microseconds. An update that leaves the status as it is, like that of a
 * repeated INSERT, is no move.
 */
static const char *const mysql_sql[] = {
    "CREATE TABLE chaos_moves (seq BIGINT NOT NULL AUTO_INCREMENT, id BIGINT NOT NULL, "
    "was SMALLINT NOT NULL, became SMALLINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (id, seq), "
    "KEY (seq)) ENGINE = InnoDB",
    "CREATE TRIGGER chaos_stored AFTER INSERT ON orders FOR EACH ROW "
    "INSERT INTO chaos_moves (id, was, became, at) VALUES (NEW.id, -1, NEW.status, "
    "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)))",
    "CREATE TRIGGER chaos_moved AFTER UPDATE ON orders FOR EACH ROW "
    "BEGIN IF NEW.status <> OLD.status OR NEW.created_at <> OLD.created_at "
    "OR NOT NEW.started_at <=> OLD.started_at OR NEW.due_at <> OLD.due_at "
    "OR NOT NEW.completed_at <=> OLD.completed_at OR NEW.total_cents <> OLD.total_cents "
    "OR NEW.user_id <> OLD.user_id THEN "
    "INSERT INTO chaos_moves (id, was, became, at) VALUES (NEW.id, OLD.status, NEW.status, "
    "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))); END IF; END",
    "CREATE TRIGGER chaos_deleted AFTER DELETE ON orders FOR EACH ROW "
    "INSERT INTO chaos_moves (id, was, became, at) VALUES (OLD.id, OLD.status, -1, 0)",
    NULL,
};

#define POSTGRES_AT "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"

static const char *const postgres_sql[] = {
    "CREATE TABLE chaos_moves (seq bigserial, id bigint NOT NULL, was smallint NOT NULL, "
    "became smallint NOT NULL, at bigint NOT NULL)",
    "CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO chaos_moves (id, was, became, at) SELECT coalesce(NEW.id, OLD.id), "
    "coalesce(OLD.status, -1), coalesce(NEW.status, -1), " POSTGRES_AT "; RETURN NULL; END $$",
    "CREATE TRIGGER chaos_stored AFTER INSERT OR DELETE ON orders FOR EACH ROW "
    "EXECUTE FUNCTION chaos_note()",
    "CREATE TRIGGER chaos_moved AFTER UPDATE ON orders FOR EACH ROW "
    "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION chaos_note()",
    NULL,
};

/*
 * SQLite has no clock of its own: the time of a move is the one that its transaction has read,
 * once, so in a long transaction it is earlier than the trigger's.
 */
#define SQLITE_AT                                                                                  \
    "coalesce(CASE NEW.status WHEN 0 THEN NEW.created_at WHEN 1 THEN NEW.started_at "              \
    "ELSE NEW.completed_at END, 0)"

static const char *const sqlite_sql[] = {
    "CREATE TABLE chaos_moves (seq INTEGER PRIMARY KEY, id INTEGER NOT NULL, was INTEGER NOT NULL, "
    "became INTEGER NOT NULL, at INTEGER NOT NULL)",
    "CREATE TRIGGER chaos_stored AFTER INSERT ON orders BEGIN "
    "INSERT INTO chaos_moves (id, was, became, at) VALUES (NEW.id, -1, NEW.status, " SQLITE_AT
    "); END",
    "CREATE TRIGGER chaos_moved AFTER UPDATE ON orders BEGIN "
    "INSERT INTO chaos_moves (id, was, became, at) VALUES (NEW.id, OLD.status, "
    "NEW.status, " SQLITE_AT "); END",
    "CREATE TRIGGER chaos_deleted AFTER DELETE ON orders BEGIN "
    "INSERT INTO chaos_moves (id, was, became, at) VALUES (OLD.id, OLD.status, -1, 0); END",
    NULL,
};

void audit_install(struct sql *sql, const char *kind)
{
    const char *const *statements = sqlite_sql;
    if (strcmp(kind, "mysql") == 0) {
        statements = mysql_sql;
    } else if (strcmp(kind, "postgres") == 0) {
        statements = postgres_sql;
    }
    for (; *statements != NULL; statements++) {
        sql_execute(sql, *statements);
    }
}

#define IS(was, became) "CASE WHEN was = " #was " AND became = " #became " THEN "

static const char paths_sql[] = "SELECT id, count(*) AS moves, sum(" IS(
    -1, 0) "1 ELSE 0 END) AS stored, "
           "sum(" IS(0, 1) "1 ELSE 0 END) AS started, sum(" IS(
               1, 2) "1 ELSE 0 END) AS completed, "
                     "min(" IS(-1, 0) "at END) AS stored_at, min(" IS(
                         0, 1) "at END) AS started_at, "
                               "max(" IS(1,
                                         2) "at END) AS completed_at FROM chaos_moves GROUP BY id";

static void describe_moves(struct sql *sql, int64_t id, char *text, size_t size)
{
    char query[QUERY_SIZE];
    int64_t moves[MOVES_MAX][3];
    snprintf(query, sizeof query,
             "SELECT was, became, at FROM chaos_moves WHERE id = %" PRId64 " ORDER BY seq", id);
    size_t count = sql_rows(sql, query, &moves[0][0], 3, MOVES_MAX);
    size_t len = 0;
    for (size_t i = 0; i < count && len < size; i++) {
        len +=
            (size_t)snprintf(text + len, size - len, "%" PRId64 ">%" PRId64 " (+%" PRId64 " us) ",
                             moves[i][0], moves[i][1], moves[i][2] - moves[0][2]);
    }
}

void audit_read(struct sql *sql, uint32_t delay_ms, struct audit_report *report)
{
    char query[QUERY_SIZE];
    int64_t sums[2];
    enum { IDS = sizeof report->odd_ids / sizeof report->odd_ids[0] };
    memset(report, 0, sizeof *report);
    snprintf(query, sizeof query,
             "SELECT count(*), min(completed_at - started_at) FROM (%s) AS paths", paths_sql);
    sql_row(sql, query, sums, 2);
    report->orders = sums[0];
    report->shortest_us = sums[1];
    snprintf(query, sizeof query,
             "SELECT id FROM (%s) AS paths WHERE moves <> 3 OR stored <> 1 OR started <> 1 OR "
             "completed <> 1 OR started_at < stored_at OR completed_at - started_at < %" PRIu32
             " ORDER BY id",
             paths_sql, delay_ms * 1000);
    char count_query[QUERY_SIZE + 64];
    snprintf(count_query, sizeof count_query, "SELECT count(*) FROM (%s) AS odd", query);
    report->odd = sql_integer(sql, count_query);
    if (report->odd > 0) {
        sql_rows(sql, query, report->odd_ids, 1, IDS);
        describe_moves(sql, report->odd_ids[0], report->odd_moves, sizeof report->odd_moves);
    }
}

int64_t audit_slowest_us(struct sql *sql, size_t count)
{
    char query[QUERY_SIZE];
    snprintf(query, sizeof query,
             "SELECT max(took) FROM (SELECT max(" IS(1, 2) "at END) - min(" IS(
                 -1, 0) "at END) AS took, min(seq) AS came FROM chaos_moves GROUP BY id "
                        "ORDER BY came DESC LIMIT %zu) AS latest",
             count);
    return sql_integer(sql, query);
}

/* Ids rise over time, but not strictly: two APIs take them from blocks of their own. */
int64_t audit_usual_wait_us(struct sql *sql, size_t count)
{
    char query[QUERY_SIZE];
    snprintf(query, sizeof query,
             "SELECT waited FROM (SELECT min(" IS(0, 1) "at END) - min(" IS(
                 -1, 0) "at END) AS waited, min(seq) AS came FROM chaos_moves GROUP BY id "
                        "ORDER BY came DESC LIMIT %zu) AS latest ORDER BY waited LIMIT 1 "
                        "OFFSET %zu",
             count, count / 2);
    return sql_integer(sql, query);
}
