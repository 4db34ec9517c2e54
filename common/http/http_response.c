/* SPDX-License-Identifier: MIT */
#include "common/http/http_response.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line break in a value would let its writer add fields, or a whole answer (RFC 9110, 5.5). */
static bool is_one_line(const char *text)
{
    return text[strcspn(text, "\r\n")] == '\0';
}

void http_response_add_header(struct http_response *response, const char *name, const char *value)
{
    assert(is_one_line(name) && is_one_line(value));
    text_add_bytes(&response->fields, name, strlen(name) + 1);
    text_add_bytes(&response->fields, value, strlen(value) + 1);
}

bool http_response_next_header(const struct http_response *response, size_t *at, const char **name,
                               const char **value)
{
    if (*at >= response->fields.len) {
        return false;
    }
    *name = response->fields.bytes + *at;
    *value = *name + strlen(*name) + 1;
    *at += strlen(*name) + 1 + strlen(*value) + 1;
    return true;
}

static void set(struct http_response *response, unsigned status, const char *content_type)
{
    response->status = status;
    response->content_type = content_type;
}

void http_response_print(struct http_response *response, unsigned status, const char *content_type,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(response->inline_body, sizeof response->inline_body, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof response->inline_body);
    set(response, status, content_type);
    response->body_len = (size_t)len;
}

void http_response_take_body(struct http_response *response, unsigned status,
                             const char *content_type, char *body, size_t len)
{
    set(response, status, content_type);
    free(response->allocated_body);
    response->allocated_body = body;
    response->body_len = len;
}

void http_response_take_text(struct http_response *response, unsigned status,
                             const char *content_type, struct text *body)
{
    assert(text_is_whole(body));
    http_response_take_body(response, status, content_type, body->bytes, body->len);
    *body = (struct text){0};
}

void http_response_stream(struct http_response *response, unsigned status, const char *content_type,
                          const struct http_stream *stream)
{
    assert(response->stream.next == NULL && stream->next != NULL);
    set(response, status, content_type);
    response->stream = *stream;
}

const char *http_response_body(const struct http_response *response)
{
    return response->allocated_body != NULL ? response->allocated_body : response->inline_body;
}

void http_response_finish(struct http_response *response)
{
    if (response->stream.finish != NULL) {
        response->stream.finish(response->stream.context);
    }
    text_finish(&response->fields);
    free(response->allocated_body);
    *response = (struct http_response){0};
}
