/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_durability.h"

#include <linux/magic.h>
#include <sys/vfs.h>

static const char synchronous_setting[] = "synchronous";
static const char journal_setting[] = "journal_mode";
static const char file_system[] = "file_system";

/* In the order of PRAGMA synchronous. */
static const char *const synchronous_names[] = {"OFF", "NORMAL", "FULL", "EXTRA"};

enum { OFF, NORMAL, FULL, EXTRA, SYNCHRONOUS_VALUES };

/* https://www.sqlite.org/pragma.html#pragma_synchronous and #pragma_journal_mode */
static void judge_settings(struct durability_report *report, int64_t synchronous)
{
    bool deletes = durability_is(report, journal_setting, "delete");
    durability_need(report, synchronous_setting);
    durability_need(report, journal_setting);
    if (durability_is(report, journal_setting, "off") ||
        durability_is(report, journal_setting, "memory")) {
        durability_weaken(report, DURABILITY_NONE, "the whole database may be lost",
                          "journal_mode=WAL");
    }
    if (synchronous == OFF) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH,
                          "orders of any age, or the whole database, may be lost",
                          "synchronous=FULL");
    } else if (synchronous == NORMAL) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH, "the latest orders are lost",
                          "synchronous=FULL");
    } else if (synchronous == FULL && deletes) {
        /* The journal may reappear, and undo the transaction it belonged to. */
        durability_weaken(report, DURABILITY_PROCESS_CRASH, "the latest orders may be lost",
                          "journal_mode=WAL");
    }
}

struct durability_report sqlite_durability_judge(int64_t synchronous, const char *journal_mode,
                                                 bool in_memory)
{
    static const char *const names[] = {synchronous_setting, journal_setting, file_system};
    struct durability_report report = durability_start(names, sizeof names / sizeof names[0]);
    if (synchronous >= OFF && synchronous < SYNCHRONOUS_VALUES) {
        durability_read(&report, synchronous_setting, synchronous_names[synchronous]);
    }
    durability_read(&report, journal_setting, journal_mode);
    durability_read(&report, file_system, in_memory ? "memory" : "disk");
    judge_settings(&report, synchronous);
    if (in_memory) {
        durability_weaken(&report, DURABILITY_PROCESS_CRASH, "every order is lost",
                          "a file on a disk in DATABASE_URL");
    }
    report.failover = "there is no replica: the orders are on this machine only";
    return report;
}

bool sqlite_durability_is_in_memory(const char *path)
{
    struct statfs info;
    return statfs(path, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}
