/* SPDX-License-Identifier: MIT */
#include "common/store/postgres/postgres_durability.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/store/postgres/store_postgres.h"

static const char fsync_setting[] = "fsync";
static const char full_pages[] = "full_page_writes";
static const char commit[] = "synchronous_commit";
static const char standbys[] = "synchronous_standby_names";

struct durability_report postgres_durability_start(void)
{
    static const char *const names[] = {fsync_setting, full_pages, commit, standbys};
    return durability_start(names, sizeof names / sizeof names[0]);
}

static const char *judge_failover(const struct durability_report *report)
{
    if (durability_value(report, standbys)[0] == '\0' || durability_is(report, commit, "local") ||
        durability_is(report, commit, "off")) {
        return "the orders that the replica has not received yet are lost: replication is "
               "asynchronous";
    }
    if (durability_is(report, commit, "remote_write")) {
        return "nothing is lost unless the replica's machine fails too: it confirms before its "
               "disk has it";
    }
    return "nothing is lost: a commit waits for a replica";
}

void postgres_durability_judge(struct durability_report *report)
{
    durability_need(report, fsync_setting);
    durability_need(report, full_pages);
    durability_need(report, commit);
    if (durability_is(report, fsync_setting, "off")) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH,
                          "orders of any age, or the whole database, may be lost", "fsync=on");
    }
    if (durability_is(report, full_pages, "off")) {
        durability_weaken(report, DURABILITY_PROCESS_CRASH,
                          "a page that is being written can be torn, and tables with it",
                          "full_page_writes=on");
    }
    /* What is to be written next is in the server's own memory until then. */
    if (durability_is(report, commit, "off")) {
        durability_weaken(report, DURABILITY_NONE, "the orders of about the last second are lost",
                          "synchronous_commit=on");
    }
    report->failover = judge_failover(report);
}

enum status postgres_durability(struct store *store, struct durability_report *report)
{
    struct postgres_session *session = postgres_session_of(store);
    /* "true": NULL instead of a failure for what the server does not know. */
    static const char sql[] =
        "SELECT current_setting('fsync', true), current_setting('full_page_writes', true), "
        "current_setting('synchronous_commit', true), "
        "current_setting('synchronous_standby_names', true)";
    enum status status = postgres_session_run(session, "read durability", sql, NULL, 0);
    *report = postgres_durability_start();
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < report->setting_count; i++) {
        durability_read(report, report->settings[i].name, postgres_session_text(session, 0, i));
    }
    postgres_durability_judge(report);
    return STATUS_OK;
}
