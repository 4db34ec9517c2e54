/* SPDX-License-Identifier: MIT */
#include "api-service/admission/accept.h"

#include <assert.h>
#include <ctype.h>
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

static bool is_named(const struct media_range *range, const char *name)
{
    return range->len == strlen(name) && strncasecmp(range->name, name, range->len) == 0;
}

/* Whether `range` is "text/" and "*", and `type` any text. */
static bool is_wildcard_of(const struct media_range *range, const char *type)
{
    size_t len = strcspn(type, "/") + 1; /* with the slash */
    return range->len == len + 1 && strncasecmp(range->name, type, len) == 0 &&
           range->name[len] == '*';
}

/* How closely a range names an offer; 0: it does not. */
static int closeness(const struct media_range *range, const struct media_offer *offer)
{
    if (is_named(range, offer->type)) {
        return 3;
    }
    if (offer->only_by_name) {
        return 0;
    }
    return is_wildcard_of(range, offer->type) ? 2 : is_named(range, "*/*");
}

/* What the ranges so far say of an offer. */
struct weight {
    int closeness; /* of the closest range */
    int quality;   /* the greatest of the ranges that are so close */
};

static void weigh(struct weight *weight, const struct media_range *range,
                  const struct media_offer *offer)
{
    int close = closeness(range, offer);
    if (close > weight->closeness) {
        *weight = (struct weight){close, range->quality};
    } else if (close > 0 && close == weight->closeness && range->quality > weight->quality) {
        weight->quality = range->quality;
    }
}

static int find_greatest(const struct weight weights[], size_t count)
{
    int found = ACCEPT_NONE;
    int greatest = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i].quality > greatest) {
            greatest = weights[i].quality;
            found = (int)i;
        }
    }
    return found;
}

int accept_preferred(const char *accept, const struct media_offer offers[], size_t count)
{
    assert(count > 0 && count <= ACCEPT_OFFERS_MAX);
    if (accept == NULL || accept[strspn(accept, " \t,")] == '\0') {
        return 0;
    }
    struct weight weights[ACCEPT_OFFERS_MAX] = {0};
    for (const char *at = accept; at != NULL;) {
        const char *comma = strchr(at, ',');
        struct media_range range =
            read_range(at, comma != NULL ? (size_t)(comma - at) : strlen(at));
        for (size_t i = 0; i < count; i++) {
            weigh(&weights[i], &range, &offers[i]);
        }
        at = comma != NULL ? comma + 1 : NULL;
    }
    return find_greatest(weights, count);
}

enum metrics_form accept_metrics_form(const char *accept)
{
    static const struct media_offer offers[] = {
        [METRICS_JSON] = {.type = "application/json"},
        [METRICS_OPENMETRICS] = {.type = "application/openmetrics-text", .only_by_name = true},
        [METRICS_PROMETHEUS] = {.type = "text/plain", .only_by_name = true},
    };
    int preferred = accept_preferred(accept, offers, sizeof offers / sizeof offers[0]);
    return preferred == ACCEPT_NONE ? METRICS_JSON : (enum metrics_form)preferred;
}
