/* SPDX-License-Identifier: MIT */
#include "common/url/url_pasted.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

const char url_encode_hint[] = "it is not a URL: in a user, password or name write "
                               "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25, "
                               "a space as %20";
const char url_bad_port[] = "the port is not a number from 1 to 65535";

const char url_not_a_url[] = "it is not a URL, which starts with a kind and ://";

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool has_quote_at_an_end(const char *text)
{
    /* The last four are the quotes that word processors make. */
    static const char *const quotes[] = {
        "'", "\"", "`", "<", ">", "\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9c", "\xe2\x80\x9d"};
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        if (starts_with(text, quotes[i]) || ends_with(text, quotes[i])) {
            return true;
        }
    }
    return false;
}

/* A password that is only a word in brackets, as hosters show it: :[YOUR-PASSWORD]@, :<password>@
 */
static bool has_placeholder(const char *authority)
{
    const char *at = strchr(authority, '@');
    const char *colon = strchr(authority, ':');
    if (at == NULL || colon == NULL || at - colon < 3) {
        return false;
    }
    return (colon[1] == '[' && at[-1] == ']') || (colon[1] == '<' && at[-1] == '>') ||
           (colon[1] == '{' && at[-1] == '}') || (starts_with(colon + 1, "${") && at[-1] == '}');
}

static const char *find_in_front(const char *text, size_t len)
{
    if (memchr(text, ' ', len) != NULL || memchr(text, '\t', len) != NULL) {
        return "a word, such as a command, stands in front of the URL: keep only the URL, "
               "without quotes";
    }
    if (memchr(text, '=', len) != NULL) {
        return "a name and = stand in front of the URL: leave them out";
    }
    if (len > 5 && strncmp(text, "jdbc:", 5) == 0) {
        return "leave jdbc: out, and write a user and a password as in KIND://user:password@host";
    }
    return NULL;
}

const char *url_find_wrapping(const char *text)
{
    const char *separator = strstr(text, "://");
    size_t len = strlen(text);
    if (len > 0 &&
        (strchr(" \t\r\n", text[0]) != NULL || strchr(" \t\r\n", text[len - 1]) != NULL)) {
        return "it begins or ends with a blank or a line end: remove it";
    }
    if (has_quote_at_an_end(text)) {
        return separator != NULL && strcspn(text, " \t") < (size_t)(separator - text)
                   ? find_in_front(text, (size_t)(separator - text))
                   : "it begins or ends with a quote or a bracket: leave them out";
    }
    if (strpbrk(text, "\r\n") != NULL) {
        return "there is a line end in it: write it in one line";
    }
    if (separator == NULL) {
        return strchr(text, '=') != NULL ? "it is a list of settings and not a URL: write them as "
                                           "in KIND://user:password@host:port/name"
                                         : NULL;
    }
    if (has_placeholder(separator + 3)) {
        return "a word in brackets stands where the password belongs: put the password in its "
               "place, without the brackets";
    }
    return find_in_front(text, (size_t)(separator - text));
}

const char *url_guess_fault(const char *text)
{
    const char *authority = strstr(text, "://");
    if (authority == NULL) {
        return url_not_a_url;
    }
    authority += 3;
    const char *end = authority + strcspn(authority, "/?#");
    const char *at = strchr(authority, '@');
    if (at != NULL && (at > end || strchr(at + 1, '@') != NULL)) {
        return url_encode_hint;
    }
    const char *host = at != NULL ? at + 1 : authority;
    const char *bracket = memchr(host, ']', (size_t)(end - host));
    const char *colon = memchr(bracket != NULL ? bracket : host, ':',
                               (size_t)(end - (bracket != NULL ? bracket : host)));
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        return "an IPv6 address stands in brackets, as in [::1]:3306";
    }
    if (colon != NULL && colon + 1 + strspn(colon + 1, "0123456789") != end) {
        return url_bad_port;
    }
    return strstr(end, "={") != NULL ? "a parameter cannot hold { as it is: for "
                                       "ssl={\"rejectUnauthorized\":true} write ssl=verify"
                                     : url_encode_hint;
}
