/* SPDX-License-Identifier: MIT */
/* What the settings of each kind of database mean for the orders that are stored in it. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/store/durability.h"
#include "common/store/mysql/mysql_durability.h"
#include "common/store/postgres/postgres_durability.h"
#include "common/store/sqlite/sqlite_durability.h"

static const char nothing[] = "nothing is lost";

/* A setting that differs from those of a server that survives everything; NULL ends a list. */
struct difference {
    const char *name;
    const char *value;
};

enum { DIFFERENCES_MAX = 3 };

static struct durability_report judge_mysql(const struct difference differences[])
{
    struct durability_report report = mysql_durability_start();
    durability_read(&report, "innodb_flush_log_at_trx_commit", "1");
    durability_read(&report, "innodb_flush_method", "O_DIRECT");
    durability_read(&report, "innodb_doublewrite", "ON");
    durability_read(&report, "log_bin", "OFF");
    durability_read(&report, "sync_binlog", "0");
    durability_read(&report, "wsrep_on", "OFF");
    for (size_t i = 0; i < DIFFERENCES_MAX && differences[i].name != NULL; i++) {
        durability_read(&report, differences[i].name, differences[i].value);
    }
    mysql_durability_judge(&report);
    return report;
}

static struct durability_report judge_postgres(const struct difference differences[])
{
    struct durability_report report = postgres_durability_start();
    durability_read(&report, "fsync", "on");
    durability_read(&report, "full_page_writes", "on");
    durability_read(&report, "synchronous_commit", "on");
    durability_read(&report, "synchronous_standby_names", "");
    for (size_t i = 0; i < DIFFERENCES_MAX && differences[i].name != NULL; i++) {
        durability_read(&report, differences[i].name, differences[i].value);
    }
    postgres_durability_judge(&report);
    return report;
}

struct judgement {
    struct difference differences[DIFFERENCES_MAX];
    enum durability level;
    const char *change; /* what is to be changed; empty: nothing */
};

static void check(const struct durability_report *report, const struct judgement *expected,
                  size_t place)
{
    bool survives_crash = expected->level >= DURABILITY_PROCESS_CRASH;
    bool survives_power_cut = expected->level == DURABILITY_POWER_LOSS;
    cr_assert(report->known, "case %zu", place);
    cr_assert_eq(report->level, expected->level, "case %zu: %s", place,
                 durability_name(report->level));
    cr_assert_str_eq(report->change, expected->change, "case %zu", place);
    cr_assert_eq(strcmp(report->process_crash, nothing) == 0, survives_crash, "case %zu: %s", place,
                 report->process_crash);
    cr_assert_eq(strcmp(report->power_cut, nothing) == 0, survives_power_cut, "case %zu: %s", place,
                 report->power_cut);
    cr_assert_not_null(report->failover, "case %zu", place);
}

static const struct judgement mysql_judgements[] = {
    {{{NULL, NULL}}, DURABILITY_POWER_LOSS, ""},
    {{{"innodb_flush_log_at_trx_commit", "3"}}, DURABILITY_POWER_LOSS, ""},
    {{{"innodb_doublewrite", "DETECT_AND_RECOVER"}}, DURABILITY_POWER_LOSS, ""},
    {{{"log_bin", "ON"}, {"sync_binlog", "1"}}, DURABILITY_POWER_LOSS, ""},
    {{{"Innodb_redo_log_enabled", "ON"}}, DURABILITY_POWER_LOSS, ""},
    {{{"innodb_flush_log_at_trx_commit", "2"}},
     DURABILITY_PROCESS_CRASH,
     "innodb_flush_log_at_trx_commit=1"},
    {{{"innodb_flush_log_at_trx_commit", "0"}},
     DURABILITY_NONE,
     "innodb_flush_log_at_trx_commit=1"},
    {{{"innodb_flush_method", "nosync"}}, DURABILITY_PROCESS_CRASH, "innodb_flush_method=O_DIRECT"},
    {{{"innodb_doublewrite", "OFF"}}, DURABILITY_PROCESS_CRASH, "innodb_doublewrite=ON"},
    {{{"innodb_doublewrite", "DETECT_ONLY"}}, DURABILITY_PROCESS_CRASH, "innodb_doublewrite=ON"},
    {{{"log_bin", "ON"}}, DURABILITY_PROCESS_CRASH, "sync_binlog=1"},
    {{{"log_bin", "ON"}, {"sync_binlog", "100"}}, DURABILITY_PROCESS_CRASH, "sync_binlog=1"},
    {{{"Innodb_redo_log_enabled", "OFF"}},
     DURABILITY_NONE,
     "ALTER INSTANCE ENABLE INNODB REDO_LOG"},
    {{{"innodb_flush_log_at_trx_commit", "2"}, {"log_bin", "ON"}, {"innodb_doublewrite", "OFF"}},
     DURABILITY_PROCESS_CRASH,
     "innodb_flush_log_at_trx_commit=1, innodb_doublewrite=ON, sync_binlog=1"},
};

Test(durability, of_mysql_hangs_on_the_redo_log_the_pages_and_the_binary_log)
{
    for (size_t i = 0; i < sizeof mysql_judgements / sizeof mysql_judgements[0]; i++) {
        struct durability_report report = judge_mysql(mysql_judgements[i].differences);
        check(&report, &mysql_judgements[i], i);
    }
}

Test(durability, of_mysql_is_unknown_unless_every_setting_that_decides_was_read)
{
    static const struct difference missing[][DIFFERENCES_MAX] = {
        {{"innodb_flush_log_at_trx_commit", ""}},
        {{"innodb_doublewrite", ""}},
        {{"log_bin", ""}},
        {{"log_bin", "ON"}, {"sync_binlog", ""}},
        {{"log_bin", ""}, {"innodb_doublewrite", "OFF"}},
    };
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        struct durability_report report = judge_mysql(missing[i]);
        cr_assert_not(report.known, "case %zu", i);
        cr_assert_eq(report.level, DURABILITY_NONE, "case %zu", i);
        cr_assert_str_eq(report.power_cut, "unknown: the database does not say", "case %zu", i);
    }
}

static void expect_failover(const struct durability_report *report, const char *words)
{
    cr_assert_not_null(strstr(report->failover, words), "%s: %s", words, report->failover);
}

Test(durability, of_mysql_names_the_cost_of_a_failover)
{
    struct durability_report report = judge_mysql((struct difference[DIFFERENCES_MAX]){{0}});
    expect_failover(&report, "no replica");
    report = judge_mysql((struct difference[]){{"log_bin", "ON"}, {NULL, NULL}});
    expect_failover(&report, "asynchronous");
    report = judge_mysql((struct difference[]){{"log_bin", "ON"},
                                               {"rpl_semi_sync_master_enabled", "ON"},
                                               {NULL, NULL}});
    expect_failover(&report, "semi-synchronous");
    report = judge_mysql((struct difference[]){{"log_bin", "ON"},
                                               {"rpl_semi_sync_source_enabled", "ON"},
                                               {NULL, NULL}});
    expect_failover(&report, "semi-synchronous");
    report = judge_mysql((struct difference[]){{"wsrep_on", "ON"}, {NULL, NULL}});
    expect_failover(&report, "nodes of the cluster");
    report = judge_mysql((struct difference[]){{"log_bin", "ON"},
                                               {"group_replication_group_name", "aaaa"},
                                               {NULL, NULL}});
    expect_failover(&report, "nodes of the cluster");
}

static const struct judgement postgres_judgements[] = {
    {{{NULL, NULL}}, DURABILITY_POWER_LOSS, ""},
    {{{"synchronous_commit", "local"}}, DURABILITY_POWER_LOSS, ""},
    {{{"synchronous_commit", "remote_write"}}, DURABILITY_POWER_LOSS, ""},
    {{{"fsync", "off"}}, DURABILITY_PROCESS_CRASH, "fsync=on"},
    {{{"full_page_writes", "off"}}, DURABILITY_PROCESS_CRASH, "full_page_writes=on"},
    {{{"synchronous_commit", "off"}}, DURABILITY_NONE, "synchronous_commit=on"},
    {{{"fsync", "off"}, {"full_page_writes", "off"}, {"synchronous_commit", "off"}},
     DURABILITY_NONE,
     "fsync=on, full_page_writes=on, synchronous_commit=on"},
};

Test(durability, of_postgresql_hangs_on_fsync_full_pages_and_the_commit)
{
    for (size_t i = 0; i < sizeof postgres_judgements / sizeof postgres_judgements[0]; i++) {
        struct durability_report report = judge_postgres(postgres_judgements[i].differences);
        check(&report, &postgres_judgements[i], i);
    }
}

Test(durability, of_postgresql_is_unknown_unless_every_setting_that_decides_was_read)
{
    static const char *const names[] = {"fsync", "full_page_writes", "synchronous_commit"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct durability_report report =
            judge_postgres((struct difference[]){{names[i], ""}, {NULL, NULL}});
        cr_assert_not(report.known, "%s", names[i]);
        cr_assert_eq(report.level, DURABILITY_NONE, "%s", names[i]);
    }
}

Test(durability, of_postgresql_names_the_cost_of_a_failover)
{
    struct durability_report report = judge_postgres((struct difference[DIFFERENCES_MAX]){{0}});
    expect_failover(&report, "asynchronous");
    report =
        judge_postgres((struct difference[]){{"synchronous_standby_names", "*"}, {NULL, NULL}});
    expect_failover(&report, "a commit waits for a replica");
    report = judge_postgres((struct difference[]){{"synchronous_standby_names", "*"},
                                                  {"synchronous_commit", "local"},
                                                  {NULL, NULL}});
    expect_failover(&report, "asynchronous");
    report = judge_postgres((struct difference[]){{"synchronous_standby_names", "*"},
                                                  {"synchronous_commit", "remote_write"},
                                                  {NULL, NULL}});
    expect_failover(&report, "replica's machine");
}

Test(durability, of_sqlite_hangs_on_two_pragmas_and_the_file_system)
{
    static const struct {
        int64_t synchronous;
        const char *journal_mode;
        bool in_memory;
        struct judgement expected;
    } cases[] = {
        {2, "wal", false, {.level = DURABILITY_POWER_LOSS, .change = ""}},
        {3, "wal", false, {.level = DURABILITY_POWER_LOSS, .change = ""}},
        {3, "delete", false, {.level = DURABILITY_POWER_LOSS, .change = ""}},
        {2, "truncate", false, {.level = DURABILITY_POWER_LOSS, .change = ""}},
        {2, "delete", false, {.level = DURABILITY_PROCESS_CRASH, .change = "journal_mode=WAL"}},
        {1, "wal", false, {.level = DURABILITY_PROCESS_CRASH, .change = "synchronous=FULL"}},
        {0, "wal", false, {.level = DURABILITY_PROCESS_CRASH, .change = "synchronous=FULL"}},
        {2, "memory", false, {.level = DURABILITY_NONE, .change = "journal_mode=WAL"}},
        {2, "off", false, {.level = DURABILITY_NONE, .change = "journal_mode=WAL"}},
        {2,
         "wal",
         true,
         {.level = DURABILITY_PROCESS_CRASH, .change = "a file on a disk in DATABASE_URL"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct durability_report report =
            sqlite_durability_judge(cases[i].synchronous, cases[i].journal_mode,
                                    cases[i].in_memory);
        check(&report, &cases[i].expected, i);
        expect_failover(&report, "no replica");
    }
    cr_assert_not(sqlite_durability_judge(-1, "wal", false).known);
    cr_assert_not(sqlite_durability_judge(2, "", false).known);
}

Test(durability, levels_have_names)
{
    enum durability level = DURABILITY_NONE;
    cr_assert(durability_parse("power-loss", &level));
    cr_assert_eq(level, DURABILITY_POWER_LOSS);
    cr_assert(durability_parse("process-crash", &level));
    cr_assert_eq(level, DURABILITY_PROCESS_CRASH);
    cr_assert(durability_parse("none", &level));
    cr_assert_eq(level, DURABILITY_NONE);
    cr_assert_not(durability_parse("", &level));
    cr_assert_not(durability_parse("full", &level));
    cr_assert_str_eq(durability_name(DURABILITY_POWER_LOSS), "power-loss");
}

Test(durability, the_settings_are_reported_as_they_were_read)
{
    char text[DURABILITY_TEXT_SIZE];
    struct durability_report report = judge_postgres(
        (struct difference[]){{"fsync", "off"}, {"full_page_writes", ""}, {NULL, NULL}});
    durability_describe_settings(&report, text);
    cr_assert_str_eq(text, "fsync=off synchronous_commit=on");
}

Test(durability, a_long_value_is_cut_and_a_foreign_name_is_nothing)
{
    char text[DURABILITY_TEXT_SIZE];
    struct durability_report report = postgres_durability_start();
    durability_read(&report, "synchronous_standby_names",
                    "0123456789012345678901234567890123456789 and more");
    durability_read(&report, "work_mem", "4MB");
    durability_describe_settings(&report, text);
    cr_assert_str_eq(text, "synchronous_standby_names=012345678901234567890123456789012345678");
}
