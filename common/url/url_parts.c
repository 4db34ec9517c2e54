/* SPDX-License-Identifier: MIT */
#include "common/url/url_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    URL_TEXT_MAX = 4096, /* bytes: more than every part at its longest, percent-encoded */
    PARAMETERS_MAX = 16,
    PARAMETER_SHOWN_MAX = 32, /* bytes of a parameter's name that a reason repeats */
};

static const char encode_hint[] = "it is not a URL: in a user, password or name write "
                                  "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25, "
                                  "a space as %20";

enum status url_refuse(char reason[URL_REASON_SIZE], const char *text)
{
    int len = snprintf(reason, URL_REASON_SIZE, "%s", text);
    assert(len < URL_REASON_SIZE);
    (void)len;
    return STATUS_INVALID;
}

enum status url_refuse_unencoded(char reason[URL_REASON_SIZE])
{
    return url_refuse(reason, encode_hint);
}

static size_t range_len(UriTextRangeA range)
{
    return range.first != NULL ? (size_t)(range.afterLast - range.first) : 0;
}

/* A part of a URL, and where it goes without its percent-encoding. */
struct part {
    const char *text;
    size_t len;
    const char *what; /* names it in reasons */
    char *out;
    size_t size; /* of `out` */
};

static enum status decode(const struct part *part, char reason[URL_REASON_SIZE])
{
    const char *what = part->what;
    size_t len = part->len;
    size_t size = part->size;
    char decoded[URL_TEXT_MAX + 1];
    assert(len <= URL_TEXT_MAX);
    memcpy(decoded, part->text, len);
    decoded[len] = '\0';
    if (strstr(decoded, "%00") != NULL) {
        (void)snprintf(reason, URL_REASON_SIZE, "the %s must not contain %%00", what);
        return STATUS_INVALID;
    }
    (void)uriUnescapeInPlaceExA(decoded, URI_FALSE, URI_BR_DONT_TOUCH);
    size_t decoded_len = strlen(decoded);
    if (decoded_len >= size) {
        (void)snprintf(reason, URL_REASON_SIZE, "the %s is longer than %zu bytes", what, size - 1);
        return STATUS_INVALID;
    }
    memcpy(part->out, decoded, decoded_len + 1);
    return STATUS_OK;
}

static enum status decode_range(UriTextRangeA range, const char *what, char out[URL_PART_SIZE],
                                char reason[URL_REASON_SIZE])
{
    size_t len = range_len(range);
    return decode(&(struct part){len > 0 ? range.first : "", len, what, out, URL_PART_SIZE},
                  reason);
}

enum status url_take_host(const UriUriA *uri, char host[URL_PART_SIZE],
                          char reason[URL_REASON_SIZE])
{
    return decode_range(uri->hostText, "host", host, reason);
}

enum status url_take_path(const UriUriA *uri, const char *what, char *out, size_t size,
                          char reason[URL_REASON_SIZE])
{
    char joined[URL_TEXT_MAX + 1];
    size_t len = 0;
    for (const UriPathSegmentA *part = uri->pathHead; part != NULL; part = part->next) {
        size_t part_len = range_len(part->text);
        if (part != uri->pathHead) {
            joined[len++] = '/';
        }
        memcpy(joined + len, part_len > 0 ? part->text.first : "", part_len);
        len += part_len;
    }
    return decode(&(struct part){joined, len, what, out, size}, reason);
}

enum status url_take_credentials(const UriUriA *uri, char user[URL_PART_SIZE],
                                 char password[URL_PART_SIZE], char reason[URL_REASON_SIZE])
{
    UriTextRangeA name = uri->userInfo;
    UriTextRangeA secret = {NULL, NULL};
    size_t len = range_len(name);
    const char *colon = len > 0 ? memchr(name.first, ':', len) : NULL;
    if (colon != NULL) {
        secret = (UriTextRangeA){colon + 1, name.afterLast};
        name.afterLast = colon;
    }
    enum status status = decode_range(name, "user", user, reason);
    return status != STATUS_OK ? status : decode_range(secret, "password", password, reason);
}

bool url_read_number(const char *text, size_t len, uint32_t max, uint32_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
        if (value > max) {
            return false;
        }
    }
    *number = (uint32_t)value;
    return len > 0;
}

static const char bad_port[] = "the port is not a number from 1 to 65535";

enum status url_take_port(const UriUriA *uri, uint16_t standard, uint16_t *port,
                          char reason[URL_REASON_SIZE])
{
    uint32_t number = standard;
    size_t len = range_len(uri->portText);
    if (len > 0 &&
        (!url_read_number(uri->portText.first, len, UINT16_MAX, &number) || number == 0)) {
        return url_refuse(reason, bad_port);
    }
    *port = (uint16_t)number;
    return STATUS_OK;
}

/* A name that cannot be a piece of a password that was not encoded. */
static bool is_plain_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len > 0 && len <= PARAMETER_SHOWN_MAX && name[len] == '\0';
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

static enum status refuse_unknown(const char *name, const struct url_parameter known[],
                                  size_t count, char reason[URL_REASON_SIZE])
{
    bool shown = is_plain_name(name);
    int len =
        snprintf(reason, URL_REASON_SIZE, "unknown query parameter%s%s: %s", shown ? " " : "",
                 shown ? name : "", count > 0 ? "there is " : "there is none for this kind of URL");
    for (size_t i = 0; i < count; i++) {
        len += snprintf(reason + len, (size_t)(URL_REASON_SIZE - len), "%s%s", i > 0 ? ", " : "",
                        known[i].name);
        assert(len < URL_REASON_SIZE);
    }
    return STATUS_INVALID;
}

/* A query that is being read. */
struct query {
    const struct url_parameter *known;
    size_t count; /* of the known ones */
    bool seen[PARAMETERS_MAX];
    void *url;
};

static enum status take_parameter(struct query *query, const UriQueryListA *entry,
                                  char reason[URL_REASON_SIZE])
{
    const struct url_parameter *known = query->known;
    size_t count = query->count;
    bool *seen = query->seen;
    size_t at = 0;
    while (at < count && strcmp(entry->key, known[at].name) != 0) {
        at++;
    }
    if (at == count) {
        return refuse_unknown(entry->key, known, count, reason);
    }
    for (size_t i = 0; i < count; i++) {
        if (seen[i] && known[i].read == known[at].read) {
            (void)snprintf(reason, URL_REASON_SIZE, "the query parameter %s is there twice%s%s",
                           known[at].name, i != at ? ", once as " : "",
                           i != at ? known[i].name : "");
            return STATUS_INVALID;
        }
    }
    seen[at] = true;
    if (entry->value == NULL || *entry->value == '\0') {
        (void)snprintf(reason, URL_REASON_SIZE, "the query parameter %s is empty", known[at].name);
        return STATUS_INVALID;
    }
    return known[at].read(known[at].name, entry->value, query->url, reason);
}

enum status url_take_query(const UriUriA *uri, const struct url_parameter known[], size_t count,
                           void *url, char reason[URL_REASON_SIZE])
{
    struct query query = {.known = known, .count = count, .url = url};
    size_t len = range_len(uri->query);
    assert(count <= PARAMETERS_MAX);
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
        status = take_parameter(&query, entry, reason);
    }
    uriFreeQueryListA(parameters);
    return status;
}

/* What is wrong with a text that the URL grammar refuses, as far as that can be seen. */
static const char *guess_fault(const char *text)
{
    const char *authority = strstr(text, "://");
    if (authority == NULL) {
        return "it is not a URL, which starts with a kind and ://";
    }
    authority += 3;
    const char *end = authority + strcspn(authority, "/?#");
    const char *at = strchr(authority, '@');
    if (at != NULL && (at > end || strchr(at + 1, '@') != NULL)) {
        return encode_hint;
    }
    const char *host = at != NULL ? at + 1 : authority;
    const char *bracket = memchr(host, ']', (size_t)(end - host));
    const char *colon = memchr(bracket != NULL ? bracket : host, ':',
                               (size_t)(end - (bracket != NULL ? bracket : host)));
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        return "an IPv6 address stands in brackets, as in [::1]:3306";
    }
    if (colon != NULL && colon + 1 + strspn(colon + 1, "0123456789") != end) {
        return bad_port;
    }
    return encode_hint;
}

enum status url_open(const char *text, UriUriA *uri, char reason[URL_REASON_SIZE])
{
    if (*text == '\0') {
        return url_refuse(reason, "it is empty");
    }
    if (strlen(text) > URL_TEXT_MAX) {
        return url_refuse(reason, "it is longer than 4096 bytes");
    }
    const char *fault_at = NULL;
    int result = uriParseSingleUriA(uri, text, &fault_at);
    if (result != URI_SUCCESS) {
        return url_refuse(reason, result == URI_ERROR_MALLOC ? "there is no memory to read it"
                                                             : guess_fault(text));
    }
    const char *fault = NULL;
    if (uri->scheme.first == NULL || uri->hostText.first == NULL) {
        fault = "it is not a URL, which starts with a kind and ://";
    } else if (uri->fragment.first != NULL) {
        fault = "# must be written as %23";
    }
    if (fault != NULL) {
        uriFreeUriMembersA(uri);
        return url_refuse(reason, fault);
    }
    return STATUS_OK;
}

bool url_scheme_is(const UriUriA *uri, const char *name, bool with_driver)
{
    size_t len = range_len(uri->scheme);
    const char *plus = with_driver ? memchr(uri->scheme.first, '+', len) : NULL;
    if (plus != NULL) {
        len = (size_t)(plus - uri->scheme.first);
    }
    return len == strlen(name) && strncasecmp(uri->scheme.first, name, len) == 0;
}

bool url_has_stray_at(const UriUriA *uri)
{
    for (const UriPathSegmentA *part = uri->pathHead; part != NULL; part = part->next) {
        if (range_len(part->text) > 0 &&
            memchr(part->text.first, '@', range_len(part->text)) != NULL) {
            return true;
        }
    }
    size_t len = range_len(uri->query);
    return len > 0 && memchr(uri->query.first, '@', len) != NULL;
}

bool url_has_host_or_port(const UriUriA *uri)
{
    return range_len(uri->hostText) > 0 || range_len(uri->portText) > 0;
}

bool url_has_user(const UriUriA *uri)
{
    return range_len(uri->userInfo) > 0;
}

bool url_path_is_one_name(const UriUriA *uri)
{
    return uri->pathHead != NULL && uri->pathHead == uri->pathTail;
}
