/* SPDX-License-Identifier: MIT */
#include "common/base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/log_output.h"
#include "common/base/utf8.h"

enum {
    LINE_SIZE = 2048,
    STRUCTURE_ROOM =
        256, /* kept for names and quotes, so that a line cut short is still well-formed */
};

/* Set once at start, before there are threads. */
static enum log_level threshold = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_LOGFMT;

/* Lines that found no room since the last one that did. */
static atomic_size_t dropped;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char text[LINE_SIZE];
    size_t len;
};

/* Names, quotes and the like. Room is left for the newline. */
static void put(struct line *line, const char *text, size_t len)
{
    if (len <= LINE_SIZE - 4 - line->len) {
        memcpy(line->text + line->len, text, len);
        line->len += len;
    }
}

/* A character of a value, whole or not at all: a line that is full loses the ends of its values. */
static void put_value(struct line *line, const char *text, size_t len)
{
    if (line->len + len <= LINE_SIZE - STRUCTURE_ROOM) {
        put(line, text, len);
    }
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_character(struct line *line, const char *character, size_t len, uint32_t code_point)
{
    char escaped[8];
    if (*character == '"' || *character == '\\') {
        put_value(line, (const char[]){'\\', *character}, 2);
    } else if (utf8_is_control(code_point)) {
        put_value(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", code_point));
    } else {
        put_value(line, character, len);
    }
}

static void put_characters(struct line *line, const char *text)
{
    for (size_t len; *text != '\0'; text += len) {
        uint32_t code_point = 0;
        len = utf8_next(text, strlen(text), &code_point);
        if (len == 0) {
            put_value(line, "?", 1); /* JSON is UTF-8, whatever a library says */
            len = 1;
        } else {
            put_character(line, text, len, code_point);
        }
    }
}

static void put_quoted(struct line *line, const char *text)
{
    put(line, "\"", 1);
    put_characters(line, text);
    put(line, "\"", 1);
}

static bool needs_quotes(const char *text)
{
    if (*text == '\0') {
        return true;
    }
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte <= ' ' || byte == 0x7f || byte == '"' || byte == '=' || byte == '\\') {
            return true;
        }
    }
    return false;
}

static void put_field(struct line *line, const struct log_field *field)
{
    bool json = line_format == LOG_FORMAT_JSON;
    put_text(line, line->len > 1 ? (json ? "," : " ") : "");
    put_text(line, json ? "\"" : "");
    put_text(line, field->name);
    put_text(line, json ? "\":" : "=");
    if (field->text == NULL) {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, field->number);
        put_text(line, number);
    } else if (json || needs_quotes(field->text)) {
        put_quoted(line, field->text);
    } else {
        put_characters(line, field->text);
    }
}

static void format_time(char out[32])
{
    struct timespec now;
    struct tm utc;
    char seconds[24];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, 32, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

void log_init(enum log_level level, enum log_format format)
{
    threshold = level;
    line_format = format;
}

static void make_line(struct line *line, enum log_level level, const char *message,
                      const struct log_field fields[], size_t count)
{
    char time_text[32];
    format_time(time_text);
    put_text(line, line_format == LOG_FORMAT_JSON ? "{" : "");
    put_field(line, &(struct log_field){.name = "time", .text = time_text});
    put_field(line, &(struct log_field){.name = "level", .text = level_names[level]});
    put_field(line, &(struct log_field){.name = "msg", .text = message});
    for (size_t i = 0; i < count; i++) {
        put_field(line, &fields[i]);
    }
    assert(line->len + strlen("}\n") <= sizeof line->text);
    line->text[line->len++] = '\n';
    if (line_format == LOG_FORMAT_JSON) {
        line->text[line->len - 1] = '}';
        line->text[line->len++] = '\n';
    }
}

/* In front of the first line that finds room again. */
static void report_dropped(void)
{
    size_t lines = atomic_exchange(&dropped, 0);
    if (lines == 0) {
        return;
    }
    struct line line = {.len = 0};
    const struct log_field field = log_int("lines", (int64_t)lines);
    make_line(&line, LOG_LEVEL_WARN, "the log could not be written, so lines of it were dropped",
              &field, 1);
    if (!log_output_write(line.text, line.len)) {
        atomic_fetch_add(&dropped, lines);
    }
}

void log_write(enum log_level level, const char *message, const struct log_field fields[],
               size_t count)
{
    assert((unsigned)level < sizeof level_names / sizeof level_names[0]);
    assert(message != NULL && (fields != NULL || count == 0));
    if (level < threshold) {
        return;
    }
    struct line line = {.len = 0};
    make_line(&line, level, message, fields, count);
    report_dropped();
    if (!log_output_write(line.text, line.len)) {
        atomic_fetch_add(&dropped, 1);
    }
}
