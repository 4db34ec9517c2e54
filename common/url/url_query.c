/* SPDX-License-Identifier: MIT */
#include "common/url/url_query.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/url/url_parts.h"

enum {
    PARAMETERS_MAX = 24,
    PARAMETER_SHOWN_MAX = 32, /* bytes of a parameter's name that a reason repeats */
};

/* A name that cannot be a piece of a password that was not encoded. */
static bool is_plain_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len > 0 && len <= PARAMETER_SHOWN_MAX && name[len] == '\0';
}

bool url_is_spelling(const char *value, const char *word)
{
    for (;; value++, word++) {
        value += strspn(value, "-_");
        word += strspn(word, "-_");
        if (tolower((unsigned char)*value) != tolower((unsigned char)*word)) {
            return false;
        }
        if (*value == '\0') {
            return true;
        }
    }
}

enum status url_copy_parameter(const char *name, const char *value, char *out, size_t size,
                               char reason[URL_REASON_SIZE])
{
    size_t len = strlen(value);
    if (len >= size) {
        (void)snprintf(reason, URL_REASON_SIZE, "the query parameter %s is longer than %zu bytes",
                       name, size - 1);
        return STATUS_INVALID;
    }
    memcpy(out, value, len + 1);
    return STATUS_OK;
}

void url_pass_over(char passed_over[URL_NOTES_SIZE], const char *what)
{
    size_t len = strlen(passed_over);
    (void)snprintf(passed_over + len, URL_NOTES_SIZE - len, "%s%s", len > 0 ? ", " : "", what);
}

enum status url_refuse_misplaced(const char *name, const char *value, void *to,
                                 char reason[URL_REASON_SIZE])
{
    (void)value;
    (void)to;
    (void)snprintf(reason, URL_REASON_SIZE,
                   "%s is no query parameter here: write user:password@host:port in front of the "
                   "database",
                   name);
    return STATUS_INVALID;
}

static enum status refuse_unknown(const char *name, const struct url_query *query,
                                  char reason[URL_REASON_SIZE])
{
    bool shown = is_plain_name(name);
    const char *before = ": there is ";
    int len = snprintf(reason, URL_REASON_SIZE, "unknown query parameter%s%s", shown ? " " : "",
                       shown ? name : "");
    for (size_t i = 0; i < query->known_count; i++) {
        if (!query->known[i].hidden) {
            len += snprintf(reason + len, (size_t)(URL_REASON_SIZE - len), "%s%s", before,
                            query->known[i].name);
            assert(len < URL_REASON_SIZE);
            before = ", ";
        }
    }
    if (before[0] == ':') {
        (void)snprintf(reason + len, (size_t)(URL_REASON_SIZE - len),
                       ": there is none for this kind of URL");
    }
    return STATUS_INVALID;
}

typedef bool is_same(const char *name, const char *known);

static bool is_exactly(const char *name, const char *known)
{
    return strcmp(name, known) == 0;
}

enum place { PLACE_NONE, PLACE_KNOWN, PLACE_OTHER };

static enum place look_up(const struct url_query *query, const char *name, is_same *same,
                          size_t *at)
{
    for (*at = 0; *at < query->known_count; (*at)++) {
        if (same(name, query->known[*at].name)) {
            return PLACE_KNOWN;
        }
    }
    for (*at = 0; *at < query->other_count; (*at)++) {
        if (same(name, query->others[*at])) {
            return PLACE_OTHER;
        }
    }
    return PLACE_NONE;
}

static enum status note_seen(const struct url_query *query, size_t at, bool seen[PARAMETERS_MAX],
                             char reason[URL_REASON_SIZE])
{
    const struct url_parameter *known = query->known;
    for (size_t i = 0; i < query->known_count; i++) {
        if (seen[i] && known[i].read == known[at].read) {
            (void)snprintf(reason, URL_REASON_SIZE, "the query parameter %s is there twice%s%s",
                           known[at].name, i != at ? ", once as " : "",
                           i != at ? known[i].name : "");
            return STATUS_INVALID;
        }
    }
    seen[at] = true;
    return STATUS_OK;
}

static enum status take_parameter(const struct url_query *query, const UriQueryListA *entry,
                                  bool seen[PARAMETERS_MAX], char reason[URL_REASON_SIZE])
{
    size_t at;
    enum place place = look_up(query, entry->key, is_exactly, &at);
    if (place == PLACE_NONE) {
        place = look_up(query, entry->key, url_is_spelling, &at);
    }
    if (place == PLACE_NONE) {
        return refuse_unknown(entry->key, query, reason);
    }
    if (place == PLACE_OTHER) {
        url_pass_over(query->passed_over, query->others[at]);
        return STATUS_OK;
    }
    const struct url_parameter *known = &query->known[at];
    enum status status = note_seen(query, at, seen, reason);
    if (status == STATUS_OK && (entry->value == NULL || *entry->value == '\0')) {
        (void)snprintf(reason, URL_REASON_SIZE, "the query parameter %s is empty", known->name);
        return STATUS_INVALID;
    }
    return status == STATUS_OK ? known->read(known->name, entry->value, query->to, reason) : status;
}

enum status url_take_query(const UriUriA *uri, const struct url_query *query,
                           char reason[URL_REASON_SIZE])
{
    bool seen[PARAMETERS_MAX] = {false};
    size_t len = uri->query.first != NULL ? (size_t)(uri->query.afterLast - uri->query.first) : 0;
    assert(query->known_count <= PARAMETERS_MAX);
    if (len == 0) {
        return STATUS_OK;
    }
    if (memmem(uri->query.first, len, "%00", 3) != NULL) {
        return url_refuse(reason, "the query must not contain %00");
    }
    UriQueryListA *parameters = NULL;
    int entries = 0;
    /* A plus sign is a plus sign: these are file names, not the fields of a form. */
    if (uriDissectQueryMallocExA(&parameters, &entries, uri->query.first, uri->query.afterLast,
                                 URI_FALSE, URI_BR_DONT_TOUCH) != URI_SUCCESS) {
        return url_refuse(reason, "there is no memory to read the query");
    }
    enum status status = STATUS_OK;
    for (const UriQueryListA *entry = parameters; entry != NULL && status == STATUS_OK;
         entry = entry->next) {
        status = take_parameter(query, entry, seen, reason);
    }
    uriFreeQueryListA(parameters);
    return status;
}
