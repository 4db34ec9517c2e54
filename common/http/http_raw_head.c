/* SPDX-License-Identifier: MIT */
#include "common/http/http_raw_head.h"

#include <stdint.h>
#include <string.h>

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct http_head *head = context;
    if (head->header_count == HTTP_HEADERS_MAX) {
        head->too_many_headers = true;
        return MHD_NO;
    }
    head->headers[head->header_count++] = (struct http_header){
        .name = name,
        .name_len = name_len,
        .value = value != NULL ? value : "",
        .value_len = value_len,
    };
    return MHD_YES;
}

/*
 * 0.9 takes a head apart where it was received: it ends each part with a NUL, and writes two over
 * each CRLF. So clean parts follow each other at known distances. They do not where a NUL cuts a
 * part off, a line begins with ':' or NUL and ends the head for the library, a line was folded (its
 * name is elsewhere then), ends in a bare line feed, or has more than one blank between its parts.
 * What becomes two NULs in another way cannot be seen: a NUL or a ':' alone before a bare line
 * feed. Addresses, since these are not parts of one object for the compiler.
 */
static bool is_exact(const struct http_head *head, const char *uri, size_t head_bytes)
{
    enum { NUL = 1, CRLF = 2 };
    uintptr_t at = (uintptr_t)head->method + strlen(head->method) + NUL;
    bool exact = at == (uintptr_t)uri;
    at += strlen(head->target) + NUL;
    exact = exact && at == (uintptr_t)head->version;
    at += strlen(head->version) + CRLF;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        exact = exact && at == (uintptr_t)header->name;
        at = (uintptr_t)header->value + header->value_len + CRLF;
    }
    return exact && at + CRLF == (uintptr_t)head->method + head_bytes;
}

bool http_library_is_lenient(void)
{
    return strncmp(MHD_get_version(), "0.", 2) == 0;
}

static bool library_reads(const struct http_header *header)
{
    static const char *const names[] = {"Host",   "Connection", "Content-Length",
                                        "Expect", "Cookie",     "Transfer-Encoding"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (http_header_is(header, names[i])) {
            return true;
        }
    }
    return false;
}

/* In the library's memory, of which it makes nothing any more. */
static void cut_blanks_behind(struct http_header *header)
{
    size_t len = header->value_len;
    while (len > 0 && (header->value[len - 1] == ' ' || header->value[len - 1] == '\t')) {
        len--;
    }
    if (len < header->value_len && !library_reads(header)) {
        ((char *)(uintptr_t)header->value)[len] = '\0';
        header->value_len = len;
    }
}

void http_raw_head_read(struct http_head *head, struct MHD_Connection *connection, const char *uri)
{
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect_header, head);
    const union MHD_ConnectionInfo *bytes =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    head->has_more_in_it =
        http_library_is_lenient() && (bytes == NULL || !is_exact(head, uri, bytes->header_size));
    for (size_t i = 0; i < head->header_count; i++) {
        cut_blanks_behind(&head->headers[i]);
    }
}
