/* SPDX-License-Identifier: MIT */
#include "common/url/url_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/url/url_pasted.h"

enum {
    URL_TEXT_MAX = 4096, /* bytes: more than every part at its longest, percent-encoded */
};

enum status url_refuse(char reason[URL_REASON_SIZE], const char *text)
{
    int len = snprintf(reason, URL_REASON_SIZE, "%s", text);
    assert(len < URL_REASON_SIZE);
    (void)len;
    return STATUS_INVALID;
}

enum status url_refuse_unencoded(char reason[URL_REASON_SIZE])
{
    return url_refuse(reason, url_encode_hint);
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

enum status url_take_port(const UriUriA *uri, uint16_t standard, uint16_t *port,
                          char reason[URL_REASON_SIZE])
{
    uint32_t number = standard;
    size_t len = range_len(uri->portText);
    if (len > 0 &&
        (!url_read_number(uri->portText.first, len, UINT16_MAX, &number) || number == 0)) {
        return url_refuse(reason, url_bad_port);
    }
    *port = (uint16_t)number;
    return STATUS_OK;
}

enum status url_open(const char *text, UriUriA *uri, char reason[URL_REASON_SIZE])
{
    if (*text == '\0') {
        return url_refuse(reason, "it is empty");
    }
    if (strlen(text) > URL_TEXT_MAX) {
        return url_refuse(reason, "it is longer than 4096 bytes");
    }
    const char *fault = url_find_wrapping(text);
    if (fault != NULL) {
        return url_refuse(reason, fault);
    }
    const char *fault_at = NULL;
    int result = uriParseSingleUriA(uri, text, &fault_at);
    if (result != URI_SUCCESS) {
        return url_refuse(reason, result == URI_ERROR_MALLOC ? "there is no memory to read it"
                                                             : url_guess_fault(text));
    }
    if (uri->scheme.first == NULL || uri->hostText.first == NULL) {
        fault = url_not_a_url;
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

/* Empty segments come from a slash at the end. */
static bool is_empty_to_the_end(const UriPathSegmentA *part)
{
    while (part != NULL && range_len(part->text) == 0) {
        part = part->next;
    }
    return part == NULL;
}

enum status url_take_name(const UriUriA *uri, const struct url_name *name, char out[URL_PART_SIZE],
                          char reason[URL_REASON_SIZE])
{
    const UriPathSegmentA *head = uri->pathHead;
    if (head != NULL && !is_empty_to_the_end(head->next)) {
        return url_refuse(reason, name->fault);
    }
    return decode_range(head != NULL ? head->text : (UriTextRangeA){NULL, NULL}, name->what, out,
                        reason);
}
