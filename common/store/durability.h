/* SPDX-License-Identifier: MIT */
/*
 * What "stored" is worth: which failures of the database an acknowledged order survives. That is
 * decided by settings of the database, which each backend reads and judges into a report. Pure.
 */
#ifndef COMMON_STORE_DURABILITY_H
#define COMMON_STORE_DURABILITY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    DURABILITY_SETTINGS_MAX = 12,
    DURABILITY_VALUE_SIZE = 40,
    DURABILITY_TEXT_SIZE = 400,
};

/* Each includes those before it. All are about the one server that is written to. */
enum durability {
    DURABILITY_NONE,
    DURABILITY_PROCESS_CRASH, /* the database's process dies, its machine goes on */
    DURABILITY_POWER_LOSS,    /* the machine stops at once */
};

struct durability_setting {
    const char *name;
    char value[DURABILITY_VALUE_SIZE]; /* in the database's words; empty: it does not say */
};

struct durability_report {
    bool known;            /* false: a setting that decides could not be read */
    enum durability level; /* DURABILITY_NONE when it is not known */
    struct durability_setting settings[DURABILITY_SETTINGS_MAX];
    size_t setting_count;
    char process_crash[DURABILITY_TEXT_SIZE]; /* what each would cost, in words */
    char power_cut[DURABILITY_TEXT_SIZE];
    const char *failover;
    char change[DURABILITY_TEXT_SIZE]; /* what would make it survive a power cut; may be empty */
};

/* "none", "process-crash", "power-loss". */
const char *durability_name(enum durability level);

/* False: it is none of those names. */
bool durability_parse(const char *name, enum durability *level);

/* A report on settings with these names, none of them read yet, and on nothing that could be lost.
 */
struct durability_report durability_start(const char *const names[], size_t count);

/* The server has said so. Names that are not in the report are ignored, long values cut. */
void durability_read(struct durability_report *report, const char *name, const char *value);

/* Empty if it was not read. */
const char *durability_value(const struct durability_report *report, const char *name);
bool durability_is(const struct durability_report *report, const char *name, const char *value);

/*
 * Lowers the level to `level`: what it does not survive costs `loss`, "the last second". `change`
 * would be the remedy. Several causes add up.
 */
void durability_weaken(struct durability_report *report, enum durability level, const char *loss,
                       const char *change);

/* The setting `name` decides, and was not read: then nothing is known. */
void durability_need(struct durability_report *report, const char *name);

/* Nothing is known, because the settings could not be read at all. */
struct durability_report durability_unknown(void);

/* "name=value name=value" of what was read. */
void durability_describe_settings(const struct durability_report *report,
                                  char text[DURABILITY_TEXT_SIZE]);

#endif
