/* SPDX-License-Identifier: MIT */
#include "common/http/problem.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
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

/* Takes `item` over, which may be NULL: no memory. */
static bool add_item(cJSON *list, cJSON *item)
{
    if (item != NULL && cJSON_AddItemToArray(list, item)) {
        return true;
    }
    cJSON_Delete(item);
    return false;
}

static bool add_string(cJSON *object, const char *name, const char *value)
{
    return cJSON_AddStringToObject(object, name, value) != NULL;
}

/* False: no memory. */
static bool add_error(cJSON *list, const struct field_error *error)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *loc = cJSON_AddArrayToObject(object, "loc");
    bool whole =
        loc != NULL && add_item(loc, cJSON_CreateString(error->in_header ? "header" : "body")) &&
        (error->member == NULL || add_item(loc, cJSON_CreateString(error->member))) &&
        (error->index < 0 || add_item(loc, cJSON_CreateNumber(error->index))) &&
        add_string(object, "msg", error->message) && add_string(object, "type", error->type);
    if (!whole) {
        cJSON_Delete(object);
        return false;
    }
    return add_item(list, object);
}

static bool add_errors(cJSON *problem, const struct field_error errors[], size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(problem, "errors");
    for (size_t i = 0; list != NULL && i < count; i++) {
        if (!add_error(list, &errors[i])) {
            return false;
        }
    }
    return list != NULL;
}

static void fill(struct http_response *response, const char *target, unsigned status,
                 const char *title, const char *detail, const struct field_error errors[],
                 size_t count)
{
    char instance[INSTANCE_SIZE];
    format_instance(target, instance);
    cJSON *problem = cJSON_CreateObject();
    bool whole = problem != NULL && add_string(problem, "type", "about:blank") &&
                 add_string(problem, "title", title) &&
                 cJSON_AddNumberToObject(problem, "status", status) != NULL &&
                 add_string(problem, "detail", detail) &&
                 add_string(problem, "instance", instance) &&
                 (count == 0 || add_errors(problem, errors, count));
    char *text = whole ? cJSON_PrintUnformatted(problem) : NULL;
    cJSON_Delete(problem);
    if (text != NULL) {
        http_response_take_body(response, status, content_type, text, strlen(text));
    } else {
        /* There is no memory: all that is needed for a problem, and nothing that needs escaping. */
        http_response_print(response, status, content_type,
                            "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,"
                            "\"detail\":\"%s\",\"instance\":\"/\"}",
                            title, status, title);
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
