/* SPDX-License-Identifier: MIT */
#include "common/store/durability.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char nothing[] = "nothing is lost";
static const char unknown[] = "unknown: the database does not say";

static const char *const names_of_levels[] = {
    [DURABILITY_NONE] = "none",
    [DURABILITY_PROCESS_CRASH] = "process-crash",
    [DURABILITY_POWER_LOSS] = "power-loss",
};

const char *durability_name(enum durability level)
{
    return names_of_levels[level];
}

bool durability_parse(const char *name, enum durability *level)
{
    for (size_t i = 0; i < sizeof names_of_levels / sizeof names_of_levels[0]; i++) {
        if (strcmp(name, names_of_levels[i]) == 0) {
            *level = (enum durability)i;
            return true;
        }
    }
    return false;
}

static void set_text(char text[DURABILITY_TEXT_SIZE], const char *to)
{
    (void)snprintf(text, DURABILITY_TEXT_SIZE, "%s", to);
}

/* What does not fit is left out whole. */
static void add_text(char text[DURABILITY_TEXT_SIZE], const char *separator, const char *part)
{
    size_t len = strlen(text);
    if (len + strlen(separator) + strlen(part) < DURABILITY_TEXT_SIZE) {
        (void)snprintf(text + len, DURABILITY_TEXT_SIZE - len, "%s%s", len > 0 ? separator : "",
                       part);
    }
}

struct durability_report durability_start(const char *const names[], size_t count)
{
    struct durability_report report = {.known = true,
                                       .level = DURABILITY_POWER_LOSS,
                                       .setting_count = count,
                                       .failover = unknown};
    assert(count <= DURABILITY_SETTINGS_MAX);
    for (size_t i = 0; i < count; i++) {
        report.settings[i].name = names[i];
    }
    set_text(report.process_crash, nothing);
    set_text(report.power_cut, nothing);
    return report;
}

void durability_read(struct durability_report *report, const char *name, const char *value)
{
    for (size_t i = 0; i < report->setting_count; i++) {
        struct durability_setting *setting = &report->settings[i];
        if (strcmp(setting->name, name) == 0) {
            (void)snprintf(setting->value, sizeof setting->value, "%s", value);
        }
    }
}

const char *durability_value(const struct durability_report *report, const char *name)
{
    size_t at = 0;
    while (at < report->setting_count && strcmp(report->settings[at].name, name) != 0) {
        at++;
    }
    assert(at < report->setting_count);
    return report->settings[at].value;
}

bool durability_is(const struct durability_report *report, const char *name, const char *value)
{
    return strcmp(durability_value(report, name), value) == 0;
}

/* Several causes may cost the same. */
static void add_loss(char text[DURABILITY_TEXT_SIZE], const char *loss)
{
    if (strcmp(text, nothing) == 0) {
        text[0] = '\0';
    }
    if (strstr(text, loss) == NULL) {
        add_text(text, "; ", loss);
    }
}

void durability_weaken(struct durability_report *report, enum durability level, const char *loss,
                       const char *change)
{
    assert(level < DURABILITY_POWER_LOSS);
    add_text(report->change, ", ", change);
    if (!report->known) {
        return;
    }
    add_loss(report->power_cut, loss);
    if (level == DURABILITY_NONE) {
        add_loss(report->process_crash, loss);
    }
    report->level = level < report->level ? level : report->level;
}

static void forget(struct durability_report *report)
{
    report->known = false;
    report->level = DURABILITY_NONE;
    set_text(report->process_crash, unknown);
    set_text(report->power_cut, unknown);
}

void durability_need(struct durability_report *report, const char *name)
{
    if (durability_is(report, name, "")) {
        forget(report);
    }
}

struct durability_report durability_unknown(void)
{
    struct durability_report report = durability_start(NULL, 0);
    forget(&report);
    return report;
}

void durability_describe_settings(const struct durability_report *report,
                                  char text[DURABILITY_TEXT_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; i < report->setting_count; i++) {
        char part[DURABILITY_VALUE_SIZE + 64];
        if (report->settings[i].value[0] != '\0') {
            (void)snprintf(part, sizeof part, "%s=%s", report->settings[i].name,
                           report->settings[i].value);
            add_text(text, " ", part);
        }
    }
}
