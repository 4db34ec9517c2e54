/* SPDX-License-Identifier: MIT */
#include "common/program/startup.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/thread.h"

enum {
    DATABASE_WAIT_MS = 60 * 1000, /* the last message below names it */
    RETRY_MS = 100,
};

static const char *message_of(const struct durability_report *report)
{
    static const char *const messages[] = {
        [DURABILITY_NONE] = "stored orders do not survive a crash of the database's process",
        [DURABILITY_PROCESS_CRASH] =
            "stored orders survive a crash of the database's process, but not a power cut",
        [DURABILITY_POWER_LOSS] = "stored orders survive a power cut of the database's machine",
    };
    return report->known ? messages[report->level]
                         : "what stored orders survive is unknown: the database does not show the "
                           "settings that decide it";
}

/* False: it is less than required. One line of the log says what was found either way. */
static bool log_durability(const struct store *store, const struct durability_report *report,
                           enum durability required)
{
    char settings[DURABILITY_TEXT_SIZE];
    bool is_best = report->level == DURABILITY_POWER_LOSS;
    bool enough = report->level >= required;
    const char *level = report->known ? durability_name(report->level) : "unknown";
    durability_describe_settings(report, settings);
    if (!enough) {
        log_error(report->known ? "REQUIRE_DURABILITY: the database survives less than that, so "
                                  "this program ends; change its settings, or this one"
                                : "REQUIRE_DURABILITY: the database does not show what it "
                                  "survives, so this program ends; let its user read the "
                                  "settings, or change this one",
                  log_str("database", store_name(store)),
                  log_str("required", durability_name(required)), log_str("durability", level),
                  log_str("change", report->change), log_str("power_cut", report->power_cut),
                  log_str("settings", settings));
        return false;
    }
    LOG_EVENT(is_best ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, message_of(report),
              log_str("database", store_name(store)), log_str("durability", level),
              log_str("process_crash", report->process_crash),
              log_str("power_cut", report->power_cut), log_str("failover", report->failover),
              log_str("change", is_best ? "nothing" : report->change),
              log_str("settings", settings));
    return true;
}

enum step { STEP_DURABILITY, STEP_SCHEMA, STEP_DONE, STEP_REFUSED };

/* Does what can be done now. STATUS_INVALID: trying again would not help. */
static enum status advance(struct store *store, enum durability required, enum step *step)
{
    enum status status = STATUS_OK;
    if (*step == STEP_DURABILITY) {
        struct durability_report report;
        status = store_durability(store, &report);
        if (status == STATUS_OK) {
            *step = log_durability(store, &report, required) ? STEP_SCHEMA : STEP_REFUSED;
        }
    }
    if (*step == STEP_SCHEMA) {
        status = store_migrate(store);
        *step = status == STATUS_OK ? STEP_DONE : STEP_SCHEMA;
    }
    return *step == STEP_REFUSED ? STATUS_INVALID : status;
}

struct store *startup_open_store(const struct database_url *url, enum durability required,
                                 int *stop_signal)
{
    struct store *store = store_create(url);
    uint64_t until_ms = clock_monotonic_ms() + DATABASE_WAIT_MS;
    enum step step = STEP_DURABILITY;
    enum status status = advance(store, required, &step);
    *stop_signal = 0;
    while (status != STATUS_OK && status != STATUS_INVALID && clock_monotonic_ms() < until_ms) {
        *stop_signal = thread_wait_for_stop_signal(RETRY_MS);
        if (*stop_signal != 0) {
            log_info("stopping; the database had not answered yet",
                     log_int("signal", *stop_signal));
            store_destroy(store);
            return NULL;
        }
        status = advance(store, required, &step);
    }
    if (status == STATUS_OK) {
        return store;
    }
    if (step != STEP_REFUSED) {
        log_error(status == STATUS_INVALID
                      ? "DATABASE_URL: the database cannot be used, so this program ends; the "
                        "lines before say why"
                      : "DATABASE_URL: the database could not be used for 60 s, so this program "
                        "ends; start the database, or change the URL",
                  log_str("database", store_name(store)), log_str("status", status_name(status)));
    }
    store_destroy(store);
    return NULL;
}
