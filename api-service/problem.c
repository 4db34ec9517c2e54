/* SPDX-License-Identifier: MIT */
#include "api-service/problem.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { INSTANCE_SIZE = 200 };

static const char content_type[] = "application/problem+json";

/* The request's path. One that is not plain ASCII does not get back out into an answer. */
static void format_instance(const char *target, char instance[INSTANCE_SIZE])
{
    size_t len = strcspn(target, "?#");
    len = len < INSTANCE_SIZE ? len : INSTANCE_SIZE - 1;
    memcpy(instance, target, len);
    instance[len] = '\0';
    for (char *at = instance; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            strcpy(instance, "/");
            return;
        }
    }
}

static cJSON *make_error(const struct field_error *error)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *loc = cJSON_AddArrayToObject(object, "loc");
    cJSON_AddItemToArray(loc, cJSON_CreateString(error->in_header ? "header" : "body"));
    if (error->member != NULL) {
        cJSON_AddItemToArray(loc, cJSON_CreateString(error->member));
    }
    if (error->index >= 0) {
        cJSON_AddItemToArray(loc, cJSON_CreateNumber(error->index));
    }
    cJSON_AddStringToObject(object, "msg", error->message);
    cJSON_AddStringToObject(object, "type", error->type);
    return object;
}

static void fill(struct http_response *response, const char *target, unsigned status,
                 const char *title, const char *detail, const struct field_error errors[],
                 size_t count)
{
    char instance[INSTANCE_SIZE];
    format_instance(target, instance);
    cJSON *problem = cJSON_CreateObject();
    cJSON_AddStringToObject(problem, "type", "about:blank");
    cJSON_AddStringToObject(problem, "title", title);
    cJSON_AddNumberToObject(problem, "status", status);
    cJSON_AddStringToObject(problem, "detail", detail);
    cJSON_AddStringToObject(problem, "instance", instance);
    if (count > 0) {
        cJSON *list = cJSON_AddArrayToObject(problem, "errors");
        for (size_t i = 0; i < count; i++) {
            cJSON_AddItemToArray(list, make_error(&errors[i]));
        }
    }
    char *text = cJSON_PrintUnformatted(problem);
    cJSON_Delete(problem);
    if (text != NULL) {
        http_response_take_body(response, status, content_type, text, strlen(text));
    } else {
        http_response_print(response, status, content_type,
                            "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u}", title,
                            status);
    }
}

void problem_bad_request(struct http_response *response, const char *target, const char *detail)
{
    fill(response, target, 400, "Bad Request", detail, NULL, 0);
}

void problem_unauthorized(struct http_response *response, const char *target, const char *detail)
{
    http_response_add_header(response, "WWW-Authenticate",
                             "Basic realm=\"orders\", charset=\"UTF-8\"");
    fill(response, target, 401, "Unauthorized", detail, NULL, 0);
}

void problem_not_found(struct http_response *response, const char *target, const char *detail)
{
    fill(response, target, 404, "Not Found", detail, NULL, 0);
}

void problem_method_not_allowed(struct http_response *response, const char *target,
                                const char *allowed)
{
    http_response_add_header(response, "Allow", allowed);
    fill(response, target, 405, "Method Not Allowed", "use one of the methods in the Allow header",
         NULL, 0);
}

void problem_too_large(struct http_response *response, const char *target)
{
    fill(response, target, 413, "Content Too Large", "the body may be 65536 bytes long at most",
         NULL, 0);
}

void problem_unsupported_media_type(struct http_response *response, const char *target,
                                    const char *detail)
{
    fill(response, target, 415, "Unsupported Media Type", detail, NULL, 0);
}

void problem_unprocessable(struct http_response *response, const char *target, const char *detail,
                           const struct field_error errors[], size_t count)
{
    fill(response, target, 422, "Unprocessable Content", detail, errors, count);
}

void problem_unavailable(struct http_response *response, const char *target, const char *detail)
{
    http_response_add_header(response, "Retry-After", "1");
    fill(response, target, 503, "Service Unavailable", detail, NULL, 0);
}
