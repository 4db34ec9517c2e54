/* SPDX-License-Identifier: MIT */
#include "api-service/routes/orders.h"

#include <ctype.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api-service/routes/order_json.h"
#include "common/http/problem.h"

enum { READ_DEADLINE_MS = 5000 };

/* Both calls answer with these two members. */
static void print_order(struct http_exchange *exchange, const char *id, enum order_status status)
{
    http_response_print(&exchange->response, 200, "application/json",
                        "{\"order_id\":\"%s\",\"order_status\":\"%s\"}", id,
                        order_status_name(status));
}

static void refuse_body(struct http_exchange *exchange, enum order_json_result result,
                        const struct order_json_errors *errors)
{
    char detail[128];
    switch (result) {
    case ORDER_JSON_NOT_JSON:
        snprintf(detail, sizeof detail, "the body is not JSON: %s, at byte %zu",
                 errors->json.reason, errors->json.offset);
        problem_bad_request(exchange, detail);
        break;
    case ORDER_JSON_NOT_AN_ORDER:
        problem_unprocessable(exchange, "the body is not an order; see errors", errors->fields,
                              errors->field_count);
        break;
    default:
        problem_unavailable(exchange, "out of memory; try again");
    }
}

/* An idempotency key is 1 to 255 visible ASCII characters. */
bool create_order_read_head(struct request *request, const struct http_head *head)
{
    struct order *order = &((struct create_order *)request)->order;
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
        problem_bad_request(request->exchange,
                            "Idempotency-Key must be 1 to 255 visible ASCII characters");
        return false;
    }
    memcpy(order->idempotency_key, key, len + 1);
    return true;
}

static void on_stored(struct intake_ticket *ticket)
{
    struct create_order *create =
        (struct create_order *)((char *)ticket - offsetof(struct create_order, ticket));
    http_exchange_resume(create->base.exchange);
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

static void answer_stored(struct http_exchange *exchange, order_id stored_id)
{
    char id[ORDER_ID_TEXT_SIZE];
    char location[sizeof "/order/" + ORDER_ID_TEXT_SIZE];
    order_id_format(stored_id, id);
    snprintf(location, sizeof location, "/order/%s", id);
    http_response_add_header(&exchange->response, "Location", location);
    print_order(exchange, id, ORDER_PENDING);
}

static void refuse_large(struct http_exchange *exchange, const char *why)
{
    char detail[INTAKE_REFUSAL_SIZE + 64];
    snprintf(detail, sizeof detail, "the order is too large and was not stored: %s", why);
    problem_too_large(exchange, detail);
}

static enum http_next answer_create(void *context, struct http_exchange *exchange)
{
    (void)context;
    const struct create_order *create = exchange->data;
    switch (create->ticket.status) {
    case STATUS_OK:
        answer_stored(exchange, create->ticket.stored_id);
        break;
    case STATUS_CONFLICT:
        problem_unprocessable(exchange, "the Idempotency-Key cannot be used", &key_reused, 1);
        break;
    case STATUS_INVALID:
        problem_unprocessable(exchange, "the body cannot be stored", &not_storable, 1);
        break;
    case STATUS_TOO_LARGE:
        refuse_large(exchange, create->ticket.refusal);
        break;
    case STATUS_REFUSED:
        problem_unavailable(exchange, "the database refuses to store orders; nothing was stored; "
                                      "/readyz says why");
        break;
    default:
        problem_unavailable(
            exchange,
            create->order.idempotency_key[0] != '\0'
                ? "the database did not confirm the order in time; repeat the request with the "
                  "same Idempotency-Key"
                : "the database did not confirm the order in time; it may be stored nevertheless; "
                  "with an Idempotency-Key the request could be repeated safely");
    }
    return HTTP_ANSWER;
}

enum http_next create_order_start(struct service *service, struct request *request)
{
    struct create_order *create = (struct create_order *)request;
    struct http_exchange *exchange = request->exchange;
    struct order *order = &create->order;
    struct order_json_errors errors;
    enum order_json_result result =
        order_json_read(exchange->body, exchange->body_len, order, &errors);
    if (result != ORDER_JSON_OK) {
        refuse_body(exchange, result, &errors);
        return HTTP_ANSWER;
    }
    if (!intake_accepts(service->intake, order->items_json_len)) {
        problem_unavailable(exchange, "too many orders are waiting; nothing was stored; try again");
        return HTTP_ANSWER;
    }
    memcpy(order->client_id, request->client_id, sizeof order->client_id);
    if (order->idempotency_key[0] != '\0') {
        crypto_generichash(order->fingerprint, sizeof order->fingerprint,
                           (const unsigned char *)exchange->body, exchange->body_len, NULL, 0);
    }
    create->ticket = (struct intake_ticket){.base = {.bytes = order->items_json_len},
                                            .order = order,
                                            .done = on_stored};
    intake_submit(service->intake, &create->ticket);
    return http_exchange_wait(exchange, answer_create);
}

static enum http_next answer_get(void *context, struct http_exchange *exchange)
{
    (void)context;
    const struct read_request *request = exchange->data;
    const struct store_lookup *lookup = &request->ticket.lookup;
    char id[ORDER_ID_TEXT_SIZE];
    if (request->ticket.status != STATUS_OK) {
        read_request_refuse(exchange);
    } else if (!lookup->found) {
        problem_not_found(exchange, "there is no such order");
    } else {
        order_id_format(lookup->id, id);
        print_order(exchange, id, lookup->status);
    }
    return HTTP_ANSWER;
}

enum http_next get_order_start(struct service *service, struct request *request)
{
    struct read_ticket ticket = {
        .kind = READ_ORDER,
        .deadline_ms = READ_DEADLINE_MS,
        .lookup = {.client_id = request->client_id},
    };
    const struct path_parameter *id = &request->parameters[0];
    if (!order_id_parse(id->text, id->len, &ticket.lookup.id)) {
        problem_not_found(request->exchange, "there is no such order");
        return HTTP_ANSWER;
    }
    return read_request_submit(service, (struct read_request *)request, &ticket, answer_get);
}
