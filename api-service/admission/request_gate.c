/* SPDX-License-Identifier: MIT */
#include "api-service/admission/request_gate.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/base/utf8.h"

static bool is_field_value(const char *value, size_t len)
{
    uint32_t code_point;
    for (size_t at = 0, step; at < len; at += step) {
        if (value[at] >= ' ' && value[at] <= '~') {
            step = 1;
            continue;
        }
        step = utf8_next(value + at, len - at, &code_point);
        if (step == 0 || (utf8_is_control(code_point) && code_point != '\t')) {
            return false;
        }
    }
    return true;
}

static const char *check_request_line(const struct http_head *head)
{
    if (strcmp(head->version, "HTTP/1.1") != 0 && strcmp(head->version, "HTTP/1.0") != 0) {
        return "the HTTP version must be 1.1 or 1.0";
    }
    for (const char *at = head->method; *at != '\0'; at++) {
        if (!isupper((unsigned char)*at) && *at != '-') {
            return "the method must be in capital letters";
        }
    }
    if (head->target[0] != '/') {
        return "the request target must be a path that starts with '/'";
    }
    for (const char *at = head->target; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return "the request target must be printable ASCII; percent-encode the rest";
        }
    }
    return NULL;
}

/* Fields that must not be repeated: two programs could each take a different one. */
static const char *const single_fields[] = {
    "Host",          "Content-Length",   "Transfer-Encoding", "Content-Type",
    "Authorization", "Content-Encoding", "Idempotency-Key",
};

static size_t count_field(const struct http_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        count += http_header_is(&head->headers[i], name);
    }
    return count;
}

static size_t count_byte(const char *text, char byte)
{
    size_t count = 0;
    for (const char *at = strchr(text, byte); at != NULL; at = strchr(at + 1, byte)) {
        count++;
    }
    return count;
}

/*
 * About how many bytes of its connection the library takes for the head: the text, an entry for
 * each field, and cookies once more, with an entry for each. (It is not given the query's
 * parameters.)
 */
static size_t memory_taken(const struct http_head *head)
{
    enum { ENTRY_BYTES = 64 };
    size_t entries = head->header_count + 1;
    size_t bytes = strlen(head->method) + strlen(head->target);
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        bytes += header->name_len + header->value_len + strlen(": \r\n");
        if (http_header_is(header, "Cookie")) {
            bytes += header->value_len;
            entries += 1 + count_byte(header->value, ';');
        }
    }
    return bytes + entries * ENTRY_BYTES;
}

/* If the answer did not fit any more, the order would be stored and its client would not know. */
static const char *check_size(const struct http_head *head)
{
    if (head->too_many_headers) {
        return "there are more than 64 header fields";
    }
    if (memory_taken(head) > HTTP_HEAD_BYTES_MAX) {
        return "the request line and the header fields are too large; send fewer or shorter ones";
    }
    return NULL;
}

static const char *check_fields(const struct http_head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (!http_is_token(head->headers[i].name, head->headers[i].name_len)) {
            return "a header field name has a character that is not allowed";
        }
        if (!is_field_value(head->headers[i].value, head->headers[i].value_len)) {
            return "a header field value has a character that is not allowed";
        }
    }
    for (size_t i = 0; i < sizeof single_fields / sizeof single_fields[0]; i++) {
        if (count_field(head, single_fields[i]) > 1) {
            return "a header field that may come once comes twice";
        }
    }
    return NULL;
}

/*
 * RFC 9110, section 7.2: a host and a port, without a user. Blanks around the value are no part of
 * it.
 */
static bool is_host(const char *value)
{
    static const char alphanumeric[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *at = value;
    while (*at != '\0' && (strchr(alphanumeric, *at) != NULL || strchr("-._~%!$&'()*+,;=", *at))) {
        at++;
    }
    if (at == value && *at == '[') {
        at += 1 + strspn(at + 1, "0123456789abcdefABCDEF:.");
        if (*at++ != ']') {
            return false;
        }
    }
    if (*at == ':') {
        at += 1 + strspn(at + 1, "0123456789");
    }
    return at[strspn(at, " \t")] == '\0';
}

/* RFC 9112 section 6: where the body ends must be beyond doubt. */
static const char *check_framing(const struct http_head *head)
{
    if (head->has_more_in_it) {
        return "each line of the head must end with CR LF, and have no NUL, no folded value and no "
               "blank too many";
    }
    const char *length = http_head_find(head, "Content-Length");
    const char *coding = http_head_find(head, "Transfer-Encoding");
    if (length != NULL && coding != NULL) {
        return "Content-Length and Transfer-Encoding exclude each other";
    }
    if (length != NULL &&
        (*length == '\0' || length[strspn(length, "0123456789")] != '\0' || strlen(length) > 18)) {
        return "Content-Length must be a decimal number";
    }
    if (coding != NULL &&
        (strcasecmp(coding, "chunked") != 0 || strcmp(head->version, "HTTP/1.1") != 0)) {
        return "the only Transfer-Encoding is chunked, in HTTP/1.1";
    }
    if (count_field(head, "Host") == 0 && strcmp(head->version, "HTTP/1.1") == 0) {
        return "the Host header field is missing";
    }
    const char *host = http_head_find(head, "Host");
    if (host != NULL && !is_host(host)) {
        return "the Host header field must be a host name or address, with or without a port";
    }
    return NULL;
}

const char *request_gate_check(const struct http_head *head)
{
    const char *wrong = check_request_line(head);
    if (wrong == NULL) {
        wrong = check_size(head);
    }
    if (wrong == NULL) {
        wrong = check_fields(head);
    }
    return wrong != NULL ? wrong : check_framing(head);
}
