/* SPDX-License-Identifier: MIT */
#include "common/http/problem.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { INSTANCE_SIZE = 200, PLAIN_SIZE = 200 };

const char problem_content_type[] = "application/problem+json";

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

/* What differs from one problem to another. */
struct problem {
    unsigned status;
    const char *title;
    const char *detail;
    const struct field_error *errors;
    size_t error_count;
};

/* Memory from malloc; NULL: there is none. */
static char *print(const struct problem *problem, const char *target)
{
    char instance[INSTANCE_SIZE];
    format_instance(target, instance);
    cJSON *object = cJSON_CreateObject();
    bool whole =
        object != NULL && add_string(object, "type", "about:blank") &&
        add_string(object, "title", problem->title) &&
        cJSON_AddNumberToObject(object, "status", problem->status) != NULL &&
        add_string(object, "detail", problem->detail) && add_string(object, "instance", instance) &&
        (problem->error_count == 0 || add_errors(object, problem->errors, problem->error_count));
    char *text = whole ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    return text;
}

size_t problem_print(char *text, size_t size, unsigned status, const char *title,
                     const char *detail)
{
    int len = snprintf(text, size,
                       "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,"
                       "\"detail\":\"%s\",\"instance\":\"/\"}",
                       title, status, detail);
    assert(len > 0 && (size_t)len < size);
    return (size_t)len;
}

static void answer(struct http_exchange *exchange, const struct problem *problem)
{
    struct http_response *response = &exchange->response;
    char *text = print(problem, exchange->target);
    if (text != NULL) {
        http_response_take_body(response, problem->status, problem_content_type, text,
                                strlen(text));
    } else {
        /* There is no memory; a title has nothing in it that needs escaping. */
        char plain[PLAIN_SIZE];
        problem_print(plain, sizeof plain, problem->status, problem->title, problem->title);
        http_response_print(response, problem->status, problem_content_type, "%s", plain);
    }
}

void problem_bad_request(struct http_exchange *exchange, const char *detail)
{
    answer(exchange, &(struct problem){.status = 400, .title = "Bad Request", .detail = detail});
}

void problem_unauthorized(struct http_exchange *exchange, const char *detail)
{
    http_response_add_header(&exchange->response, "WWW-Authenticate",
                             "Basic realm=\"orders\", charset=\"UTF-8\"");
    answer(exchange, &(struct problem){.status = 401, .title = "Unauthorized", .detail = detail});
}

void problem_not_found(struct http_exchange *exchange, const char *detail)
{
    answer(exchange, &(struct problem){.status = 404, .title = "Not Found", .detail = detail});
}

void problem_method_not_allowed(struct http_exchange *exchange, const char *allowed)
{
    http_response_add_header(&exchange->response, "Allow", allowed);
    answer(exchange, &(struct problem){.status = 405,
                                       .title = "Method Not Allowed",
                                       .detail = "use one of the methods in the Allow header"});
}

void problem_too_large(struct http_exchange *exchange, const char *detail)
{
    answer(exchange,
           &(struct problem){.status = 413, .title = "Content Too Large", .detail = detail});
}

void problem_unsupported_media_type(struct http_exchange *exchange, const char *detail)
{
    answer(exchange,
           &(struct problem){.status = 415, .title = "Unsupported Media Type", .detail = detail});
}

void problem_unprocessable(struct http_exchange *exchange, const char *detail,
                           const struct field_error errors[], size_t count)
{
    answer(exchange, &(struct problem){.status = 422,
                                       .title = "Unprocessable Content",
                                       .detail = detail,
                                       .errors = errors,
                                       .error_count = count});
}

void problem_unavailable(struct http_exchange *exchange, const char *detail)
{
    http_response_add_header(&exchange->response, "Retry-After", "1");
    answer(exchange,
           &(struct problem){.status = 503, .title = "Service Unavailable", .detail = detail});
}
