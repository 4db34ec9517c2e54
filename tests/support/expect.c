/* SPDX-License-Identifier: MIT */
#include "tests/support/expect.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

enum { VALUE_SIZE = 256 };

void expect_status(const struct http_response *response, int status)
{
    cr_assert_eq(response->status, status, "expected %d, not %ld %s\n%s", status, response->status,
                 response->status == 0 ? response->error : "", response->body);
}

void expect_header(const struct http_response *response, const char *name, const char *value)
{
    char actual[VALUE_SIZE];
    cr_assert(http_header(response, name, actual, sizeof actual), "there is no %s in\n%s", name,
              response->headers);
    cr_assert_str_eq(actual, value, "%s is %s, not %s", name, actual, value);
}

static void expect_order_body(const struct http_response *response, uint64_t id,
                              const char *order_status)
{
    char body[VALUE_SIZE];
    snprintf(body, sizeof body, "{\"order_id\":\"ORD%" PRIu64 "\",\"order_status\":\"%s\"}", id,
             order_status);
    expect_status(response, 200);
    cr_assert_str_eq(response->body, body, "expected %s, not %s", body, response->body);
    expect_header(response, "Content-Type", "application/json");
}

uint64_t expect_created(const struct http_response *response)
{
    uint64_t id = 0;
    char location[VALUE_SIZE];
    expect_status(response, 200);
    sscanf(response->body, "{\"order_id\":\"ORD%" SCNu64, &id);
    cr_assert_gt(id, 0, "there is no order_id in %s", response->body);
    expect_order_body(response, id, "Pending");
    snprintf(location, sizeof location, "/order/ORD%" PRIu64, id);
    expect_header(response, "Location", location);
    return id;
}

void expect_order(const struct http_response *response, uint64_t id, const char *order_status)
{
    expect_order_body(response, id, order_status);
}

struct shown_metrics expect_metrics(const struct http_response *response)
{
    struct shown_metrics shown;
    int end = 0;
    expect_status(response, 200);
    int matched = sscanf(response->body,
                         "{\"total_orders\":%" SCNd64 ",\"average_processing_time\":%lf,"
                         "\"pending_orders\":%" SCNd64 ",\"processing_orders\":%" SCNd64
                         ",\"completed_orders\":%" SCNd64 "}%n",
                         &shown.total, &shown.average_s, &shown.pending, &shown.processing,
                         &shown.completed, &end);
    cr_assert(matched == 5 && end > 0 && response->body[end] == '\0', "%s", response->body);
    return shown;
}

void expect_average(const struct shown_metrics *shown, int64_t duration_us)
{
    double expected = 0;
    if (shown->completed > 0) {
        expected = (double)duration_us / 1e6 / (double)shown->completed;
    }
    cr_assert(shown->average_s > expected - 2e-6 && shown->average_s < expected + 2e-6,
              "%f, not %f", shown->average_s, expected);
}

/* The member `name`, a string that is not empty. */
static const char *text_of(const cJSON *object, const char *name, const char *body)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    cr_assert(cJSON_IsString(member) && member->valuestring[0] != '\0', "no text in %s of %s", name,
              body);
    return member->valuestring;
}

void expect_problem(const struct http_response *response, int status, const char *instance)
{
    expect_status(response, status);
    expect_header(response, "Content-Type", "application/problem+json");
    cJSON *problem = cJSON_ParseWithLengthOpts(response->body, response->body_len + 1, NULL, true);
    cr_assert(cJSON_IsObject(problem), "not a JSON object: %s", response->body);
    bool has_errors = cJSON_GetObjectItemCaseSensitive(problem, "errors") != NULL;
    cr_assert(!has_errors || status == 422, "errors belong to 422: %s", response->body);
    cr_assert_eq(cJSON_GetArraySize(problem), 5 + has_errors, "other members: %s", response->body);
    text_of(problem, "type", response->body);
    text_of(problem, "title", response->body);
    text_of(problem, "detail", response->body);
    cr_assert_str_eq(text_of(problem, "instance", response->body), instance);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(problem, "status");
    cr_assert(cJSON_IsNumber(number) && number->valueint == status, "status in %s", response->body);
    cJSON_Delete(problem);
}

static bool is_text(const cJSON *item, const char *text)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

/* Whether `loc` is ["body"], ["body",member] or ["body",member,index]. */
static bool is_location(const cJSON *loc, const char *member, int index)
{
    int size = 1 + (member != NULL) + (index >= 0);
    if (!cJSON_IsArray(loc) || cJSON_GetArraySize(loc) != size ||
        !is_text(cJSON_GetArrayItem(loc, 0), "body") ||
        (member != NULL && !is_text(cJSON_GetArrayItem(loc, 1), member))) {
        return false;
    }
    return index < 0 || (cJSON_IsNumber(cJSON_GetArrayItem(loc, 2)) &&
                         cJSON_GetArrayItem(loc, 2)->valueint == index);
}

void expect_field_error(const struct http_response *response, const char *member, int index,
                        const char *type)
{
    bool found = false;
    cJSON *problem = cJSON_Parse(response->body);
    const cJSON *error;
    cJSON_ArrayForEach(error, cJSON_GetObjectItemCaseSensitive(problem, "errors"))
    {
        cr_assert_eq(cJSON_GetArraySize(error), 3, "loc, msg and type: %s", response->body);
        text_of(error, "msg", response->body);
        found =
            found || (is_location(cJSON_GetObjectItemCaseSensitive(error, "loc"), member, index) &&
                      strcmp(text_of(error, "type", response->body), type) == 0);
    }
    cJSON_Delete(problem);
    cr_assert(found, "no error %s at %s, %d: %s", type, member != NULL ? member : "the body", index,
              response->body);
}
