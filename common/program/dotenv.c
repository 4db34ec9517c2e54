/* SPDX-License-Identifier: MIT */
#include "common/program/dotenv.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

static char *skip_blanks(char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    return text;
}

static void cut_blanks_at_end(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
}

static void cut_comment(char *value)
{
    for (char *at = value; *at != '\0'; at++) {
        if (*at == '#' && (at == value || at[-1] == ' ' || at[-1] == '\t')) {
            *at = '\0';
            return;
        }
    }
}

/* Takes the quotes off; NULL on success, else what is wrong. */
static const char *unquote(char **value)
{
    char quote = **value;
    char *end = strchr(*value + 1, quote);
    if (end == NULL) {
        return "the closing quote is missing";
    }
    char *rest = skip_blanks(end + 1);
    if (*rest != '\0' && *rest != '#') {
        return "there is text after the closing quote";
    }
    *end = '\0';
    (*value)++;
    return NULL;
}

static bool is_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_') {
        return false;
    }
    while (isalnum((unsigned char)*name) || *name == '_') {
        name++;
    }
    return *name == '\0';
}

/* Takes one line apart; NULL on success, else what is wrong. */
static const char *parse_line(struct dotenv *env, char *line)
{
    cut_blanks_at_end(line);
    char *name = skip_blanks(line);
    if (*name == '\0' || *name == '#') {
        return NULL;
    }
    if (strncmp(name, "export ", 7) == 0) {
        name = skip_blanks(name + 7);
    }
    char *equals = strchr(name, '=');
    if (equals == NULL) {
        return "there is no '='; write NAME=value";
    }
    *equals = '\0';
    cut_blanks_at_end(name);
    if (!is_name(name)) {
        return "a name is made of letters, digits and '_'";
    }
    char *value = skip_blanks(equals + 1);
    if (*value == '"' || *value == '\'') {
        const char *wrong = unquote(&value);
        if (wrong != NULL) {
            return wrong;
        }
    } else {
        cut_comment(value);
        cut_blanks_at_end(value);
    }
    if (env->count == DOTENV_ENTRIES_MAX) {
        return "there are more than 128 entries";
    }
    env->entries[env->count].name = name;
    env->entries[env->count].value = value;
    env->count++;
    return NULL;
}

static enum status parse(struct dotenv *env, const char *path, char *reason, size_t reason_size)
{
    int number = 0;
    for (char *line = env->text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        number++;
        const char *wrong = parse_line(env, line);
        if (wrong != NULL) {
            snprintf(reason, reason_size, "%s, line %d: %s", path, number, wrong);
            return STATUS_INVALID;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return STATUS_OK;
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
    env->text = memory_allocate(DOTENV_SIZE_MAX + 1, 1);
    size_t len = fread(env->text, 1, DOTENV_SIZE_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || len > DOTENV_SIZE_MAX || memchr(env->text, '\0', len) != NULL) {
        snprintf(reason, reason_size, "%s: %s", path,
                 failed ? "cannot be read" : "is longer than 64 KiB or not text");
        return STATUS_INVALID;
    }
    env->text[len] = '\0';
    return parse(env, path, reason, reason_size);
}

void dotenv_finish(struct dotenv *env)
{
    free(env->text);
    *env = (struct dotenv){0};
}

const char *dotenv_get(const struct dotenv *env, const char *name)
{
    for (size_t i = env->count; i > 0; i--) {
        if (strcmp(env->entries[i - 1].name, name) == 0) {
            return env->entries[i - 1].value;
        }
    }
    return NULL;
}
