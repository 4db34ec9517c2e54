/* SPDX-License-Identifier: MIT */
#include "api-service/routes/orders.h"

#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api-service/admission/admission.h"
#include "api-service/routes/metrics_text.h"
#include "api-service/routes/order_json.h"
#include "api-service/routes/router.h"
#include "api-service/routes/verification_text.h"
#include "common/http/problem.h"

enum {
    READ_DEADLINE_MS = 5000,
    LIVENESS_DEADLINE_MS = 1000,
};

static const char json_type[] = "application/json";

static struct http_response *response_of(const struct request *request)
{
    return http_exchange_response(request->exchange);
}

static const char *target_of(const struct request *request)
{
    return http_exchange_target(request->exchange);
}

static void refuse_body(struct request *request, enum order_json_result result,
                        const struct order_json_errors *errors)
{
    struct http_response *response = response_of(request);
    char detail[128];
    switch (result) {
    case ORDER_JSON_NOT_JSON:
        snprintf(detail, sizeof detail, "the body is not JSON: %s, at byte %zu",
                 errors->json.reason, errors->json.offset);
        problem_bad_request(response, target_of(request), detail);
        break;
    case ORDER_JSON_NOT_AN_ORDER:
        problem_unprocessable(response, target_of(request), "the body is not an order; see errors",
                              errors->fields, errors->field_count);
        break;
    default:
        problem_unavailable(response, target_of(request), "out of memory; try again");
    }
}

static void intake_done(struct intake_ticket *ticket)
{
    struct request *request =
        (struct request *)((char *)ticket - offsetof(struct request, ticket.intake));
    http_exchange_resume(request->exchange);
}

enum http_next handle_create_order(struct service *service, struct request *request)
{
    struct order *order = &request->order;
    struct order_json_errors errors;
    size_t len;
    const char *body = http_exchange_body(request->exchange, &len);
    enum order_json_result result = order_json_read(body, len, order, &errors);
    if (result != ORDER_JSON_OK) {
        refuse_body(request, result, &errors);
        return HTTP_ANSWER;
    }
    if (!intake_accepts(service->intake, order->items_json_len)) {
        problem_unavailable(response_of(request), target_of(request),
                            "too many orders are waiting; nothing was stored; try again");
        return HTTP_ANSWER;
    }
    if (order->idempotency_key[0] != '\0') {
        crypto_generichash(order->fingerprint, sizeof order->fingerprint,
                           (const unsigned char *)body, len, NULL, 0);
    }
    request->ticket.intake = (struct intake_ticket){.base = {.bytes = order->items_json_len},
                                                    .order = order,
                                                    .done = intake_done};
    http_exchange_suspend(request->exchange);
    intake_submit(service->intake, &request->ticket.intake);
    return HTTP_WAIT;
}

static const struct field_error key_reused = {
    .member = "Idempotency-Key",
    .index = -1,
    .message = "was used before for another request; use a new one",
    .type = "key_reused",
    .in_header = true,
};

static const struct field_error not_storable = {
    .index = -1,
    .message = "the database refuses the content of this order",
    .type = "not_storable",
};

void finish_create_order(struct service *service, struct request *request)
{
    (void)service;
    const struct intake_ticket *ticket = &request->ticket.intake;
    struct http_response *response = response_of(request);
    char id[ORDER_ID_TEXT_SIZE];
    char location[HTTP_RESPONSE_VALUE_SIZE];
    switch (ticket->status) {
    case STATUS_OK:
        order_id_format(ticket->stored_id, id);
        snprintf(location, sizeof location, "/order/%s", id);
        http_response_add_header(response, "Location", location);
        http_response_print(response, 200, json_type,
                            "{\"order_id\":\"%s\",\"order_status\":\"%s\"}", id,
                            order_status_name(ORDER_PENDING));
        break;
    case STATUS_CONFLICT:
        problem_unprocessable(response, target_of(request), "the Idempotency-Key cannot be used",
                              &key_reused, 1);
        break;
    case STATUS_INVALID:
        problem_unprocessable(response, target_of(request), "the body cannot be stored",
                              &not_storable, 1);
        break;
    default:
        problem_unavailable(
            response, target_of(request),
            request->order.idempotency_key[0] != '\0'
                ? "the database did not confirm the order in time; repeat the request with the "
                  "same Idempotency-Key"
                : "the database did not confirm the order in time; it may be stored all the same; "
                  "with an Idempotency-Key the request could be repeated safely");
    }
}

static void read_done(struct read_ticket *ticket)
{
    struct request *request =
        (struct request *)((char *)ticket - offsetof(struct request, ticket.read));
    http_exchange_resume(request->exchange);
}

static enum http_next submit_read(struct service *service, struct request *request,
                                  const struct read_ticket *ticket)
{
    if (!reads_accepts(service->reads)) {
        problem_unavailable(response_of(request), target_of(request),
                            "too many requests are waiting; try again");
        return HTTP_ANSWER;
    }
    request->ticket.read = *ticket;
    request->ticket.read.done = read_done;
    http_exchange_suspend(request->exchange);
    reads_submit(service->reads, &request->ticket.read);
    return HTTP_WAIT;
}

static void no_such_order(struct request *request)
{
    problem_not_found(response_of(request), target_of(request), "there is no such order");
}

static void database_away(struct request *request)
{
    problem_unavailable(response_of(request), target_of(request),
                        "the database does not answer; try again");
}

enum http_next handle_get_order(struct service *service, struct request *request)
{
    const char *id = target_of(request) + strlen(request->route->path);
    struct read_ticket ticket = {
        .kind = READ_ORDER,
        .deadline_ms = READ_DEADLINE_MS,
        .lookup = {.client_id = request->order.client_id},
    };
    if (!order_id_parse(id, strcspn(id, "?"), &ticket.lookup.id)) {
        no_such_order(request);
        return HTTP_ANSWER;
    }
    return submit_read(service, request, &ticket);
}

void finish_get_order(struct service *service, struct request *request)
{
    (void)service;
    const struct read_ticket *ticket = &request->ticket.read;
    if (ticket->status != STATUS_OK) {
        database_away(request);
        return;
    }
    if (!ticket->lookup.found) {
        no_such_order(request);
        return;
    }
    char id[ORDER_ID_TEXT_SIZE];
    order_id_format(ticket->lookup.id, id);
    http_response_print(response_of(request), 200, json_type,
                        "{\"order_id\":\"%s\",\"order_status\":\"%s\"}", id,
                        order_status_name(ticket->lookup.status));
}

static void refuse_verify(struct request *request, enum status status)
{
    problem_unavailable(response_of(request), target_of(request),
                        status == STATUS_TIMEOUT
                            ? "the recount was ended, because it takes longer than a request may "
                              "or the service stops; order-api verify has no such limit"
                            : "the database does not answer; try again");
}

/* The response is made here, while what was found is there. */
static void verify_done(struct verify_ticket *ticket, enum status status,
                        const struct store_verification *found)
{
    struct request *request =
        (struct request *)((char *)ticket - offsetof(struct request, ticket.verify));
    char *body = NULL;
    size_t len;
    FILE *out = status == STATUS_OK ? open_memstream(&body, &len) : NULL;
    if (out != NULL) {
        verification_text_print_json(out, found);
        fclose(out);
    }
    if (body != NULL) {
        http_response_take_body(response_of(request), 200, json_type, body, len);
    } else {
        refuse_verify(request, status);
    }
    http_exchange_resume(request->exchange);
}

static enum http_next submit_verify(struct service *service, struct request *request)
{
    if (!verifier_reserve(service->verifier)) {
        problem_unavailable(response_of(request), target_of(request),
                            "another recount is under way; try again when it has ended");
        return HTTP_ANSWER;
    }
    request->ticket.verify = (struct verify_ticket){.done = verify_done};
    http_exchange_suspend(request->exchange);
    verifier_submit(service->verifier, &request->ticket.verify);
    return HTTP_WAIT;
}

/* Its value in the target's query; NULL: it is not there. Ends with '&' or NUL. */
static const char *query_value(const char *target, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strchr(target, '?'); at != NULL; at = strchr(at, '&')) {
        at++;
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            return at + len + 1;
        }
    }
    return NULL;
}

enum http_next handle_metrics(struct service *service, struct request *request)
{
    const char *verify = query_value(target_of(request), "verify");
    if (verify != NULL && strcspn(verify, "&") == 1 && *verify == '1') {
        return submit_verify(service, request);
    }
    if (verify != NULL) {
        problem_bad_request(response_of(request), target_of(request),
                            "verify in the query can only be 1");
        return HTTP_ANSWER;
    }
    return submit_read(service, request,
                       &(struct read_ticket){.kind = READ_COUNTS, .deadline_ms = READ_DEADLINE_MS});
}

void finish_metrics(struct service *service, struct request *request)
{
    if (response_of(request)->status != 0) {
        return; /* it was verified */
    }
    const struct read_ticket *ticket = &request->ticket.read;
    if (ticket->status != STATUS_OK) {
        database_away(request);
        return;
    }
    metrics_text_fill(response_of(request), request->metrics_form, &ticket->counts,
                      service->remote);
}

enum http_next handle_livez(struct service *service, struct request *request)
{
    (void)service;
    http_response_print(response_of(request), 200, json_type, "{\"status\":\"alive\"}");
    return HTTP_ANSWER;
}

enum http_next handle_readyz(struct service *service, struct request *request)
{
    if (atomic_load(&service->draining)) {
        problem_unavailable(response_of(request), target_of(request), "shutting down");
        return HTTP_ANSWER;
    }
    return submit_read(service, request,
                       &(struct read_ticket){.kind = READ_LIVENESS,
                                             .deadline_ms = LIVENESS_DEADLINE_MS});
}

void finish_readyz(struct service *service, struct request *request)
{
    (void)service;
    if (request->ticket.read.status == STATUS_OK) {
        http_response_print(response_of(request), 200, json_type, "{\"status\":\"ready\"}");
    } else {
        database_away(request);
    }
}

static enum http_next on_head(void *context, struct http_exchange *exchange,
                              const struct http_head *head)
{
    struct request *request = http_exchange_data(exchange);
    request->exchange = exchange;
    return admission_check(context, request, head);
}

static enum http_next on_request(void *context, struct http_exchange *exchange)
{
    struct request *request = http_exchange_data(exchange);
    return request->route->start(context, request);
}

static void on_resumed(void *context, struct http_exchange *exchange)
{
    struct request *request = http_exchange_data(exchange);
    request->route->finish(context, request);
}

struct http_application handlers_application(struct service *service)
{
    return (struct http_application){
        .context = service,
        .data_size = sizeof(struct request),
        .on_head = on_head,
        .on_request = on_request,
        .on_resumed = on_resumed,
    };
}
