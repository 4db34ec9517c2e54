/* SPDX-License-Identifier: MIT */
#include "api-service/admission/accept.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct media_range {
    const char *name; /* "type/subtype" */
    size_t len;
    int quality; /* thousandths */
};

/* "0.5" is 500; anything that is not a weight of section 12.4.2 is 0. */
static int read_quality(const char *text, size_t len)
{
    int quality = 0;
    if (len == 0 || len > 5 || (text[0] != '0' && text[0] != '1') || (len > 1 && text[1] != '.')) {
        return 0;
    }
    for (size_t i = 2, weight = 100; i < len; i++, weight /= 10) {
        if (!isdigit((unsigned char)text[i])) {
            return 0;
        }
        quality += (text[i] - '0') * (int)weight;
    }
    quality += (text[0] - '0') * 1000;
    return quality <= 1000 ? quality : 0;
}

/* Trims blanks on both sides. */
static void trim(const char **text, size_t *len)
{
    while (*len > 0 && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t')) {
        (*len)--;
    }
}

/* Takes "text/plain; version=0.0.4; q=0.3" apart. */
static struct media_range read_range(const char *text, size_t len)
{
    struct media_range range = {.quality = 1000};
    const char *semicolon = memchr(text, ';', len);
    range.name = text;
    range.len = semicolon != NULL ? (size_t)(semicolon - text) : len;
    trim(&range.name, &range.len);
    while (semicolon != NULL) {
        const char *parameter = semicolon + 1;
        size_t rest = len - (size_t)(parameter - text);
        semicolon = memchr(parameter, ';', rest);
        size_t parameter_len = semicolon != NULL ? (size_t)(semicolon - parameter) : rest;
        trim(&parameter, &parameter_len);
        if (parameter_len >= 2 && strncasecmp(parameter, "q=", 2) == 0) {
            range.quality = read_quality(parameter + 2, parameter_len - 2);
        }
    }
    return range;
}

static int is_named(const struct media_range *range, const char *name)
{
    return range->len == strlen(name) && strncasecmp(range->name, name, range->len) == 0;
}

/* How closely a range names JSON, 0: it does not. The closest one counts, wherever it stands. */
static int closeness_to_json(const struct media_range *range)
{
    static const char *const names[] = {"*/*", "application/*", "application/json"};
    for (int i = 0; i < 3; i++) {
        if (is_named(range, names[i])) {
            return i + 1;
        }
    }
    return 0;
}

static int greater(int left, int right)
{
    return left > right ? left : right;
}

enum metrics_form accept_metrics_form(const char *accept)
{
    int json = 0;
    int closest = 0;
    int prometheus = 0;
    int openmetrics = 0;
    for (const char *at = accept; at != NULL;) {
        const char *comma = strchr(at, ',');
        struct media_range range =
            read_range(at, comma != NULL ? (size_t)(comma - at) : strlen(at));
        int closeness = closeness_to_json(&range);
        if (closeness > closest) {
            json = range.quality;
            closest = closeness;
        } else if (closeness > 0 && closeness == closest) {
            json = greater(json, range.quality);
        } else if (is_named(&range, "text/plain")) {
            prometheus = greater(prometheus, range.quality);
        } else if (is_named(&range, "application/openmetrics-text")) {
            openmetrics = greater(openmetrics, range.quality);
        }
        at = comma != NULL ? comma + 1 : NULL;
    }
    if (openmetrics > json && openmetrics >= prometheus) {
        return METRICS_OPENMETRICS;
    }
    return prometheus > json ? METRICS_PROMETHEUS : METRICS_JSON;
}
