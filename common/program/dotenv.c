/* SPDX-License-Identifier: MIT */
#include "common/program/dotenv.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/text.h"
#include "common/program/blanks.h"
#include "common/program/dotenv_value.h"

enum { VALUES_MAX = 16 * 1024 * 1024 }; /* bytes; variables may make them longer than the file */

static char *copy(const char *text, size_t len)
{
    char *copied = memory_allocate(len + 1, 1);
    if (len > 0) {
        memcpy(copied, text, len);
    }
    return copied;
}

/* Skips blanks of all kinds; line ends too. */
static const char *skip_blanks(const char *at)
{
    for (;;) {
        size_t wide = blanks_wide_at_start(at);
        if (wide == 0 && !isspace((unsigned char)*at)) {
            return at;
        }
        at += wide > 0 ? wide : 1;
    }
}

static size_t len_without_blanks_at_end(const char *text, size_t len)
{
    for (;;) {
        size_t wide = blanks_wide_at_end(text, len);
        if (len == 0 || (wide == 0 && !isspace((unsigned char)text[len - 1]))) {
            return len;
        }
        len -= wide > 0 ? wide : 1;
    }
}

/* The characters of names in docker compose; those of other alphabets are more than one byte. */
static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (!isalnum(byte) && byte < 0x80 && strchr("_.-[]", byte) == NULL) {
            return false;
        }
    }
    return len > 0;
}

static const char *skip_export(const char *at)
{
    bool is_export = strncmp(at, "export", 6) == 0 && (at[6] == ' ' || at[6] == '\t');
    return is_export ? at + 6 + strspn(at + 6, " \t") : at;
}

/*
 * A line that is none of NAME=value counts for the name it begins with, if it does and more
 * follows: `DATABASE_URL mysql://host/orders`, `set DATABASE_URL=...`, `"DATABASE_URL"="..."`. So
 * for a setting of ours it is an error, and is passed over else.
 */
static void note_malformed(struct dotenv *env, const char *at, int line)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    at += strncmp(at, "set ", 4) == 0 ? 4 : 0;
    at += *at == '"' || *at == '\'';
    size_t len = strspn(at, letters);
    const char *rest = at + len + strspn(at + len, " \t\r");
    if (len > 0 && *rest != '\n' && *rest != '\0') {
        env->entries[env->count++] = (struct dotenv_entry){
            .name = copy(at, len),
            .value = copy("", 0),
            .wrong = "the line is not NAME=value",
            .line = line,
        };
    }
}

/* Reads what begins at `at`, and returns where its last line ends. What is no entry, such as a
 * name alone, is passed over. */
static const char *read_entry(struct dotenv *env, const char *at, int line)
{
    const char *name = skip_export(at);
    const char *end = name + strcspn(name, "=:\n");
    size_t len = len_without_blanks_at_end(name, (size_t)(end - name));
    if (*end == '\0' || *end == '\n' || !is_name(name, len)) {
        note_malformed(env, name, line);
        return at + strcspn(at, "\n");
    }
    struct text value = {0};
    const char *wrong = NULL;
    const char *rest = dotenv_value_read(env, end + 1, &value, &wrong);
    env->value_bytes += value.len;
    if (wrong == NULL && env->value_bytes > VALUES_MAX) {
        wrong = "the values up to this one are longer than 16 MiB together";
    }
    env->entries[env->count++] = (struct dotenv_entry){
        .name = copy(name, len),
        .value = copy(value.bytes, wrong == NULL ? value.len : 0),
        .wrong = wrong,
        .line = line,
    };
    text_finish(&value);
    return rest;
}

static int count_lines(const char *from, const char *to)
{
    int lines = 0;
    for (; from < to; from++) {
        lines += *from == '\n';
    }
    return lines;
}

static void read_entries(struct dotenv *env, const char *text)
{
    int line = 1;
    env->entries =
        memory_allocate((size_t)count_lines(text, text + strlen(text)) + 1, sizeof *env->entries);
    for (const char *at = text;;) {
        const char *begin = skip_blanks(at);
        line += count_lines(at, begin);
        if (*begin == '\0') {
            return;
        }
        at = *begin == '#' ? begin + strcspn(begin, "\n") : read_entry(env, begin, line);
        line += count_lines(begin, at);
    }
}

/* NULL: `text`, of `len` bytes, can be read. */
static const char *find_fault(const char *text, size_t len)
{
    if (len > DOTENV_SIZE_MAX) {
        return "is longer than 1 MiB";
    }
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        return "is UTF-16; save it as UTF-8";
    }
    return memchr(text, '\0', len) != NULL ? "is not text" : NULL;
}

enum status dotenv_read(const char *path, struct dotenv *env, char *reason, size_t reason_size)
{
    *env = (struct dotenv){0};
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT) {
        return STATUS_NOT_FOUND;
    }
    if (file == NULL) {
        snprintf(reason, reason_size, "%s: %s", path, strerror(errno));
        return STATUS_INVALID;
    }
    char *text = memory_allocate(DOTENV_SIZE_MAX + 2, 1);
    size_t len = fread(text, 1, DOTENV_SIZE_MAX + 1, file);
    const char *fault = ferror(file) != 0 ? "cannot be read" : find_fault(text, len);
    fclose(file);
    if (fault != NULL) {
        snprintf(reason, reason_size, "%s: %s", path, fault);
    } else {
        read_entries(env, text);
    }
    free(text);
    return fault == NULL ? STATUS_OK : STATUS_INVALID;
}

void dotenv_finish(struct dotenv *env)
{
    for (size_t i = 0; i < env->count; i++) {
        free(env->entries[i].name);
        free(env->entries[i].value);
    }
    free(env->entries);
    *env = (struct dotenv){0};
}

const struct dotenv_entry *dotenv_find(const struct dotenv *env, const char *name)
{
    for (size_t i = env->count; i > 0; i--) {
        if (strcmp(env->entries[i - 1].name, name) == 0) {
            return &env->entries[i - 1];
        }
    }
    return NULL;
}
