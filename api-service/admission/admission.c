/* SPDX-License-Identifier: MIT */
#include "api-service/admission/admission.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "api-service/admission/request_gate.h"
#include "api-service/routes/router.h"
#include "common/http/problem.h"

/* Whether `parameter` is charset=utf-8, quoted or not, and nothing more. */
static bool is_utf8_charset(const char *parameter)
{
    static const char *const spellings[] = {"charset=utf-8", "charset=\"utf-8\""};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(spellings[i]);
        if (strncasecmp(parameter, spellings[i], len) == 0) {
            return parameter[len + strspn(parameter + len, " \t")] == '\0';
        }
    }
    return false;
}

/* "application/json", with no parameter but charset=utf-8. */
static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    if (content_type == NULL || strncasecmp(content_type, json, sizeof json - 1) != 0) {
        return false;
    }
    const char *rest = content_type + sizeof json - 1;
    rest += strspn(rest, " \t");
    if (*rest != ';') {
        return *rest == '\0';
    }
    rest += 1 + strspn(rest + 1, " \t");
    return *rest == '\0' || is_utf8_charset(rest);
}

static bool admit_body(struct request *request, const struct http_head *head)
{
    struct http_response *response = http_exchange_response(request->exchange);
    const char *encoding = http_head_find(head, "Content-Encoding");
    if (!is_json(http_head_find(head, "Content-Type"))) {
        problem_unsupported_media_type(response, head->target,
                                       "send the order with Content-Type: application/json");
        return false;
    }
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
        problem_unsupported_media_type(response, head->target,
                                       "send the body without Content-Encoding");
        return false;
    }
    return true;
}

/* An idempotency key is 1 to 255 visible ASCII characters. */
static bool admit_key(struct request *request, const struct http_head *head)
{
    const char *key = http_head_find(head, "Idempotency-Key");
    if (key == NULL) {
        return true;
    }
    size_t len = strlen(key);
    bool visible = len > 0 && len < ORDER_IDEMPOTENCY_KEY_SIZE;
    for (size_t i = 0; i < len && visible; i++) {
        visible = isgraph((unsigned char)key[i]);
    }
    if (!visible) {
        problem_bad_request(http_exchange_response(request->exchange), head->target,
                            "Idempotency-Key must be 1 to 255 visible ASCII characters");
        return false;
    }
    memcpy(request->order.idempotency_key, key, len + 1);
    return true;
}

static bool admit_client(const struct service *service, struct request *request,
                         const struct http_head *head)
{
    if (auth_check(service->auth, http_head_find(head, "Authorization"),
                   request->order.client_id) == STATUS_OK) {
        return true;
    }
    problem_unauthorized(http_exchange_response(request->exchange), head->target,
                         "send the client's id and secret as HTTP Basic credentials");
    return false;
}

/* Whoever asks only whether the process lives is answered all the same. */
static bool admit_connection(struct request *request, const struct http_head *head)
{
    if (!head->crowded || request->route->open) {
        return true;
    }
    problem_unavailable(http_exchange_response(request->exchange), head->target,
                        "too many connections; nothing was stored; try again");
    return false;
}

static bool find_route(struct request *request, const struct http_head *head)
{
    struct http_response *response = http_exchange_response(request->exchange);
    const char *allowed;
    request->route = router_find(head->method, head->target, &allowed);
    if (request->route == NULL && allowed != NULL) {
        problem_method_not_allowed(response, head->target, allowed);
    } else if (request->route == NULL) {
        problem_not_found(response, head->target, "there is nothing at this path");
    }
    return request->route != NULL;
}

enum http_next admission_check(const struct service *service, struct request *request,
                               const struct http_head *head)
{
    const char *wrong = request_gate_check(head);
    if (wrong != NULL) {
        struct http_response *response = http_exchange_response(request->exchange);
        problem_bad_request(response, head->target, wrong);
        response->close = true; /* what follows on this connection cannot be trusted */
        return HTTP_ANSWER;
    }
    bool admitted =
        find_route(request, head) && admit_connection(request, head) &&
        (request->route->open || admit_client(service, request, head)) &&
        (!request->route->takes_json || (admit_body(request, head) && admit_key(request, head)));
    request->metrics_form = accept_metrics_form(http_head_find(head, "Accept"));
    return admitted ? HTTP_READ_BODY : HTTP_ANSWER;
}
