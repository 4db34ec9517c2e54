/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_durability.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/store/mysql/store_mysql.h"

static const char flush[] = "innodb_flush_log_at_trx_commit";
static const char flush_method[] = "innodb_flush_method";
static const char doublewrite[] = "innodb_doublewrite";
static const char redo_log[] = "Innodb_redo_log_enabled";
static const char log_bin[] = "log_bin";
static const char sync_binlog[] = "sync_binlog";
static const char galera[] = "wsrep_on";
static const char group[] = "group_replication_group_name";
/* Of MySQL, and of MariaDB and MySQL 5. */
static const char semisync_source[] = "rpl_semi_sync_source_enabled";
static const char semisync_master[] = "rpl_semi_sync_master_enabled";

static const char last_second[] = "the orders of about the last second are lost";
static const char torn[] = "a page that is being written can be torn, and tables with it";

struct durability_report mysql_durability_start(void)
{
    static const char *const names[] = {flush,           flush_method,   doublewrite, redo_log,
                                        log_bin,         sync_binlog,    galera,      group,
                                        semisync_source, semisync_master};
    return durability_start(names, sizeof names / sizeof names[0]);
}

static void judge_redo_log(struct durability_report *report)
{
    durability_need(report, flush);
    if (durability_is(report, flush, "0")) {
        durability_weaken(report, DURABILITY_NONE, last_second, "innodb_flush_log_at_trx_commit=1");
    } else if (durability_is(report, flush, "2")) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH, last_second,
                          "innodb_flush_log_at_trx_commit=1");
    }
    /* Not a setting but a state of the server (ALTER INSTANCE), of MySQL only. */
    if (durability_is(report, redo_log, "OFF")) {
        durability_weaken(report, DURABILITY_NONE, "the whole database may be lost",
                          "ALTER INSTANCE ENABLE INNODB REDO_LOG");
    }
    if (durability_is(report, flush_method, "nosync") ||
        durability_is(report, flush_method, "littlesync")) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH,
                          "orders of any age, or the whole database, may be lost",
                          "innodb_flush_method=O_DIRECT");
    }
}

/* Anything but full pages, such as MySQL's DETECT_ONLY, detects a torn page but cannot repair it.
 */
static void judge_pages(struct durability_report *report)
{
    durability_need(report, doublewrite);
    if (durability_is(report, doublewrite, "OFF") ||
        durability_is(report, doublewrite, "DETECT_ONLY")) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH, torn, "innodb_doublewrite=ON");
    }
}

/*
 * With a binary log a commit is final once it is in there: a transaction that InnoDB has prepared,
 * on the disk, but that is missing in the binary log after a crash, is rolled back.
 */
static void judge_binary_log(struct durability_report *report)
{
    durability_need(report, log_bin);
    if (!durability_is(report, log_bin, "ON")) {
        return;
    }
    durability_need(report, sync_binlog);
    if (!durability_is(report, sync_binlog, "1")) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH,
                          "the latest orders may be lost, and the server and its replicas differ",
                          "sync_binlog=1");
    }
}

static const char *judge_failover(const struct durability_report *report)
{
    if (durability_is(report, galera, "ON") || durability_value(report, group)[0] != '\0') {
        return "nothing is lost while enough nodes of the cluster keep running";
    }
    if (durability_is(report, log_bin, "OFF")) {
        return "there is no replica: the server keeps no binary log";
    }
    if (durability_is(report, semisync_source, "ON") ||
        durability_is(report, semisync_master, "ON")) {
        return "nothing is lost while a replica confirms in time; after the timeout of "
               "semi-synchronous replication the server goes on without";
    }
    return "the orders that the replica has not fetched yet are lost: replication is asynchronous";
}

void mysql_durability_judge(struct durability_report *report)
{
    judge_redo_log(report);
    judge_pages(report);
    judge_binary_log(report);
    report->failover = judge_failover(report);
}

static enum status read_rows(struct mysql_session *session, struct durability_report *report)
{
    enum status status = mysql_session_query(session, "read durability");
    struct mysql_row row;
    while (status == STATUS_OK && mysql_session_next(session, &row)) {
        if (row.values[0] != NULL && row.values[1] != NULL) {
            durability_read(report, row.values[0], row.values[1]);
        }
    }
    return status;
}

/* SHOW leaves out what the server does not know, instead of failing. */
enum status mysql_durability(struct store *store, struct durability_report *report)
{
    struct mysql_session *session = mysql_session_of(store);
    struct text *text = mysql_session_text(session);
    *report = mysql_durability_start();
    text_add(text, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (''");
    for (size_t i = 0; i < report->setting_count; i++) {
        text_add(text, ", '");
        text_add(text, report->settings[i].name);
        text_add(text, "'");
    }
    text_add(text, ")");
    enum status status = read_rows(session, report);
    if (status == STATUS_OK) {
        text_add(text, "SHOW GLOBAL STATUS LIKE 'Innodb_redo_log_enabled'");
        status = read_rows(session, report);
    }
    if (status == STATUS_OK) {
        mysql_durability_judge(report);
    }
    return status;
}
