/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/http/http_head.h"

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

void http_response_add_header(struct http_response *response, const char *name, const char *value)
{
    assert(response->header_count < HTTP_RESPONSE_HEADERS_MAX);
    response->headers[response->header_count].name = name;
    int len = snprintf(response->headers[response->header_count].value, HTTP_RESPONSE_VALUE_SIZE,
                       "%s", value);
    assert(len < HTTP_RESPONSE_VALUE_SIZE);
    response->header_count++;
}

void http_response_print(struct http_response *response, unsigned status, const char *content_type,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(response->inline_body, sizeof response->inline_body, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof response->inline_body);
    response->status = status;
    response->content_type = content_type;
    response->body_len = (size_t)len;
}

void http_response_take_body(struct http_response *response, unsigned status,
                             const char *content_type, char *body, size_t len)
{
    response->status = status;
    response->content_type = content_type;
    response->allocated_body = body;
    response->body_len = len;
}

const char *http_response_body(const struct http_response *response)
{
    return response->allocated_body != NULL ? response->allocated_body : response->inline_body;
}

void http_response_finish(struct http_response *response)
{
    free(response->allocated_body);
    *response = (struct http_response){0};
}
