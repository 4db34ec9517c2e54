/* SPDX-License-Identifier: MIT */
#include "common/http/http_head.h"

#include <ctype.h>

#include <string.h>
#include <strings.h>

/* Hardly any two names are equally long. */
bool http_header_is(const struct http_header *header, const char *name)
{
    size_t len = strlen(name);
    return header->name_len == len && strncasecmp(header->name, name, len) == 0;
}

const char *http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (http_header_is(&head->headers[i], name)) {
            return head->headers[i].value;
        }
    }
    return NULL;
}

bool http_is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80 || (!isalnum(byte) && strchr("!#$%&'*+-.^_`|~", byte) == NULL)) {
            return false;
        }
    }
    return len > 0 && memchr(text, '\0', len) == NULL;
}
