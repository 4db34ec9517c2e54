/* SPDX-License-Identifier: MIT */
#include "common/program/dotenv_value.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NESTED_MAX = 8 }; /* ${A:-${B:-${C}}} */

static const char not_set[] = "a $ stands in front of the name of a variable that is not set: for "
                              "a dollar sign write $$, or put single quotes around the value";
static const char not_closed[] = "what follows ${ is no name, or its } is missing: for a dollar "
                                 "sign write $$, or put single quotes around the value";
static const char too_long[] = "the value is longer than 1 MiB";

/* What is being put into the place of `$` and a name. */
struct expansion {
    const struct dotenv *env;
    struct text *out;
    const char *wrong;
    int depth;
};

/* A reference taken apart: ${name:-word} has ':', '-' and the word. */
struct reference {
    char name[128];
    bool empty_counts_as_unset;
    char operator; /* '-', '+', '?'; NUL: none */
    const char *word;
    size_t word_len;
};

static size_t name_len(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_') {
        len++;
    }
    return isdigit((unsigned char)text[0]) ? 0 : len;
}

/* The environment wins, as it does for the entries themselves. */
static const char *look_up(struct expansion *to, const char *name)
{
    const char *value = getenv(name);
    if (value != NULL) {
        return value;
    }
    const struct dotenv_entry *entry = dotenv_find(to->env, name);
    if (entry != NULL && entry->wrong != NULL) {
        to->wrong = entry->wrong;
    }
    return entry != NULL ? entry->value : NULL;
}

static void expand(struct expansion *to, const char *text, size_t len);

static void put_reference(struct expansion *to, const struct reference *reference)
{
    const char *value = look_up(to, reference->name);
    bool is_set = value != NULL && (*value != '\0' || !reference->empty_counts_as_unset);
    bool takes_word = reference->operator== '+' ? is_set : !is_set && reference->operator== '-';
    if (takes_word) {
        to->depth++;
        expand(to, reference->word, reference->word_len);
        to->depth--;
    } else if (is_set && reference->operator!= '+') {
        text_add(to->out, value);
    } else if (reference->operator== '\0' || reference->operator== '?') {
        to->wrong = not_set;
    }
}

/* The } that belongs to the { before `text`; NULL if there is none in `len` bytes. */
static const char *find_close(const char *text, size_t len)
{
    int open = 1;
    for (size_t i = 0; i < len; i++) {
        open += text[i] == '{' && i > 0 && text[i - 1] == '$';
        open -= text[i] == '}';
        if (open == 0) {
            return text + i;
        }
    }
    return NULL;
}

/* `text` stands between { and }. False: it is no reference. */
static bool take_apart(const char *text, size_t len, struct reference *reference)
{
    size_t at = name_len(text);
    if (at == 0 || at >= sizeof reference->name) {
        return false;
    }
    memcpy(reference->name, text, at);
    reference->name[at] = '\0';
    if (at == len) {
        return true;
    }
    reference->empty_counts_as_unset = text[at] == ':';
    at += text[at] == ':';
    if (at == len || strchr("-+?", text[at]) == NULL) {
        return false;
    }
    reference->operator= text[at];
    reference->word = text + at + 1;
    reference->word_len = len - at - 1;
    return true;
}

/* What begins with `$` at `text`. Returns how many bytes it took. */
static size_t expand_dollar(struct expansion *to, const char *text, size_t len)
{
    struct reference reference = {0};
    size_t name = len > 1 ? name_len(text + 1) : 0;
    if (len > 1 && text[1] == '$') {
        text_add(to->out, "$");
        return 2;
    }
    if (name > 0 && name < sizeof reference.name && name < len) {
        memcpy(reference.name, text + 1, name);
        put_reference(to, &reference);
        return 1 + name;
    }
    if (len < 2 || text[1] != '{') {
        text_add(to->out, "$");
        return 1;
    }
    const char *close = find_close(text + 2, len - 2);
    if (close == NULL || !take_apart(text + 2, (size_t)(close - text) - 2, &reference)) {
        to->wrong = not_closed;
        return len;
    }
    put_reference(to, &reference);
    return (size_t)(close - text) + 1;
}

static void expand(struct expansion *to, const char *text, size_t len)
{
    if (to->depth > NESTED_MAX) {
        to->wrong = not_closed;
        return;
    }
    for (size_t at = 0; at < len;) {
        if (to->out->len > DOTENV_SIZE_MAX) {
            to->wrong = too_long;
            return;
        }
        if (text[at] == '$') {
            at += expand_dollar(to, text + at, len - at);
        } else {
            text_add_bytes(to->out, text + at, 1);
            at++;
        }
    }
}

static const char *expand_text(const struct dotenv *env, struct text *raw, struct text *value)
{
    struct expansion to = {.env = env, .out = value};
    const char *text = text_string(raw);
    if (text != NULL) {
        expand(&to, text, raw->len);
    }
    if (to.wrong == NULL && value->len > DOTENV_SIZE_MAX) {
        to.wrong = too_long;
    }
    return to.wrong;
}

/* A backslash in double quotes, and what follows it. A dollar sign is left for expand_text. */
static void add_escaped(struct text *value, char escaped)
{
    static const char letters[] = "abfnrtv\"\\";
    static const char meanings[] = "\a\b\f\n\r\t\v\"\\";
    const char *letter = strchr(letters, escaped);
    if (letter != NULL) {
        text_add_bytes(value, &meanings[letter - letters], 1);
        return;
    }
    text_add(value, escaped == '$' ? "$" : "\\");
    text_add_bytes(value, &escaped, 1);
}

/* What stands between quotes, of which the first is before `at`. NULL: the last is missing. */
static const char *read_quoted(const char *at, char quote, struct text *value)
{
    for (; *at != quote; at++) {
        if (*at == '\0' || (*at == '\\' && at[1] == '\0')) {
            return NULL;
        }
        if (*at != '\\') {
            text_add_bytes(value, at, 1);
        } else if (quote == '"') {
            add_escaped(value, *++at);
        } else {
            at++;
            text_add_bytes(value, *at == '\'' ? at : at - 1, *at == '\'' ? 1 : 2);
        }
    }
    return at + 1;
}

static const char *read_plain(const char *at, struct text *value)
{
    const char *end = at + strcspn(at, "\n");
    const char *comment = memmem(at, (size_t)(end - at), " #", 2);
    size_t len = (size_t)((comment != NULL ? comment : end) - at);
    while (len > 0 && isspace((unsigned char)at[len - 1])) {
        len--;
    }
    text_add_bytes(value, at, len);
    return end;
}

/* `*wrong` if only a comment may follow the value, and something else does. */
static void check_rest(const char *at, const char **wrong)
{
    const char *rest = at + strspn(at, " \t\r");
    if (*rest != '\0' && *rest != '\n' && *rest != '#') {
        *wrong = "there is text after the closing quote: remove it, or write a quote inside the "
                 "value with a \\ in front of it";
    }
}

const char *dotenv_value_read(const struct dotenv *env, const char *at, struct text *value,
                              const char **wrong)
{
    struct text raw = {0};
    const char *begin = at + strspn(at, " \t\r");
    bool is_quoted = *begin == '"' || *begin == '\'';
    const char *end = is_quoted ? read_quoted(begin + 1, *begin, &raw) : read_plain(begin, &raw);
    *wrong = NULL;
    if (end == NULL) {
        *wrong = "the closing quote is missing";
        end = begin + strcspn(begin, "\n");
    } else if (*begin == '\'') {
        text_add_bytes(value, raw.bytes, raw.len);
    } else {
        *wrong = expand_text(env, &raw, value);
    }
    if (*begin == '#' && (begin > at || begin[1] == ' ')) {
        *wrong = "a comment stands where the value belongs, and docker compose takes it as the "
                 "value: write it into a line of its own";
    }
    if (!text_is_whole(&raw) || !text_is_whole(value)) {
        *wrong = "there is no memory to read the value";
    }
    text_finish(&raw);
    if (is_quoted && *wrong == NULL) {
        check_rest(end, wrong);
        /* A quote that is not closed where it should be: the entries in between are read. */
        end = *wrong == NULL ? end : begin;
    }
    return end + strcspn(end, "\n");
}
