/* SPDX-License-Identifier: MIT */
/*
 * Structured logs on standard error: one event, one line, one write. logfmt for people
 * (`time=... level=info msg=ready port=8000`), JSON for machines. Values are escaped; secrets are
 * never given to it. Any thread may log; a line is never interleaved with another.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
    const char *name;
    const char *text; /* NULL: the field is `number` */
    int64_t number;
};

static inline struct log_field log_str(const char *name, const char *text)
{
    return (struct log_field){.name = name, .text = text != NULL ? text : ""};
}

static inline struct log_field log_int(const char *name, int64_t number)
{
    return (struct log_field){.name = name, .number = number};
}

/* Before any thread is started. Until then: info, logfmt. */
void log_init(enum log_level level, enum log_format format);

void log_write(enum log_level level, const char *message, const struct log_field fields[],
               size_t count);

/* log_info("order-api stopped", log_int("signal", 15)); the message is a constant without values.
 */
#define LOG_EVENT(level, message, ...)                                                             \
    log_write((level), (message), (const struct log_field[]){__VA_ARGS__},                         \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_debug(message, ...) LOG_EVENT(LOG_LEVEL_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...) LOG_EVENT(LOG_LEVEL_INFO, message, __VA_ARGS__)
#define log_warn(message, ...) LOG_EVENT(LOG_LEVEL_WARN, message, __VA_ARGS__)
#define log_error(message, ...) LOG_EVENT(LOG_LEVEL_ERROR, message, __VA_ARGS__)

#endif
