/* SPDX-License-Identifier: MIT */
#include "common/program/startup.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/thread.h"

enum {
    DATABASE_WAIT_MS = 60 * 1000, /* the last message below names it */
    RETRY_MS = 100,
    LINE_MS = 10 * 1000, /* between two lines that it still waits */
    PLACE_SIZE = 3 * URL_PATH_SIZE,
    TIME_SIZE = 32,
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

struct attempt {
    const struct config *config;
    enum durability required;
    struct store *store;
    enum step step;
    int stop_signal; /* 0: none came */
};

/* Does what can be done now. STATUS_INVALID: trying again would not help. */
static enum status advance(struct attempt *attempt)
{
    enum status status = STATUS_OK;
    if (attempt->step == STEP_DURABILITY) {
        struct durability_report report;
        status = store_durability(attempt->store, &report);
        if (status == STATUS_OK) {
            bool enough = log_durability(attempt->store, &report, attempt->required);
            attempt->step = enough ? STEP_SCHEMA : STEP_REFUSED;
        }
    }
    if (attempt->step == STEP_SCHEMA) {
        status = store_migrate(attempt->store);
        attempt->step = status == STATUS_OK ? STEP_DONE : STEP_SCHEMA;
    }
    bool is_final = attempt->step == STEP_REFUSED || store_is_too_old(attempt->store);
    return is_final ? STATUS_INVALID : status;
}

/* Where the database is, as the URL says it, without the password. */
static void describe_place(const struct database_url *url, char text[PLACE_SIZE])
{
    char folder[URL_PATH_SIZE];
    if (url->kind == DATABASE_SQLITE) {
        bool is_relative = url->path[0] != '/' && getcwd(folder, sizeof folder) != NULL;
        snprintf(text, PLACE_SIZE, "file %s%s%s", is_relative ? folder : "", is_relative ? "/" : "",
                 url->path);
    } else if (url->path[0] != '\0') {
        snprintf(text, PLACE_SIZE, "socket %s, user %s, database %s", url->path, url->user,
                 url->database);
    } else {
        snprintf(text, PLACE_SIZE, "host %s, port %u, user %s, database %s", url->host, url->port,
                 url->user, url->database);
    }
}

/* `rest`: what else there is to say. */
static void log_failure(enum log_level level, const char *message, const struct attempt *attempt,
                        struct log_field rest)
{
    const struct config *config = attempt->config;
    char place[PLACE_SIZE];
    describe_place(&config->database, place);
    LOG_EVENT(level, message, log_str("setting", config->database_origin.variable),
              log_str("from", config->database_origin.source), log_str("where", place),
              log_str("error", store_last_failure(attempt->store)), rest);
}

static void log_wait(const struct attempt *attempt, uint64_t left_ms)
{
    char until[TIME_SIZE];
    time_t seconds = (time_t)((clock_wall_us() / 1000 + (int64_t)left_ms) / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &utc);
    log_failure(LOG_LEVEL_WARN,
                "the database cannot be used yet; it is tried again for 60 s in all, then this "
                "program ends; start it, or change the setting",
                attempt, log_str("until", until));
}

/* Until it works, or trying again would not help, or the time is over, or a signal came. */
static enum status try_for_a_while(struct attempt *attempt)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t until_ms = now_ms + DATABASE_WAIT_MS;
    uint64_t line_ms = now_ms;
    enum status status = advance(attempt);
    while (status != STATUS_OK && status != STATUS_INVALID &&
           (now_ms = clock_monotonic_ms()) < until_ms) {
        if (now_ms >= line_ms) {
            line_ms = now_ms + LINE_MS;
            log_wait(attempt, until_ms - now_ms);
        }
        attempt->stop_signal = thread_wait_for_stop_signal(RETRY_MS);
        if (attempt->stop_signal != 0) {
            return status;
        }
        status = advance(attempt);
    }
    return status;
}

static void log_end(const struct attempt *attempt, enum status status)
{
    if (attempt->stop_signal != 0) {
        log_info("stopping; the database had not answered yet",
                 log_int("signal", attempt->stop_signal));
    } else if (attempt->step != STEP_REFUSED) {
        log_failure(LOG_LEVEL_ERROR,
                    status == STATUS_INVALID
                        ? "the database cannot be used, so this program ends; the lines before say "
                          "why"
                        : "the database could not be used for 60 s, so this program ends; start "
                          "it, or change the setting",
                    attempt, log_str("status", status_name(status)));
    }
}

struct store *startup_open_store(const struct config *config, enum durability required,
                                 int *stop_signal)
{
    struct attempt attempt = {.config = config,
                              .required = required,
                              .store = store_create(&config->database)};
    if (config->database.passed_over[0] != '\0') {
        log_info(
            "DATABASE_URL: these parameters are for other programs, or mean something else here",
            log_str("parameters", config->database.passed_over));
    }
    enum status status = try_for_a_while(&attempt);
    *stop_signal = attempt.stop_signal;
    if (status == STATUS_OK) {
        return attempt.store;
    }
    log_end(&attempt, status);
    store_destroy(attempt.store);
    return NULL;
}
