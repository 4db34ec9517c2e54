/* SPDX-License-Identifier: MIT */
#include "api-service/routes/metrics.h"

#include <stddef.h>
#include <string.h>

#include "api-service/routes/metrics_text.h"
#include "api-service/routes/verify_text.h"
#include "common/http/problem.h"

enum { READ_DEADLINE_MS = 5000 };

bool metrics_read_head(struct request *request, const struct http_head *head)
{
    struct metrics_request *metrics = (struct metrics_request *)request;
    metrics->form = accept_metrics_form(http_head_find(head, "Accept"));
    return true;
}

static void refuse_verify(struct http_exchange *exchange, enum status status)
{
    if (status == STATUS_TIMEOUT) {
        problem_unavailable(exchange,
                            "the recount was ended, because it takes longer than a request may or "
                            "the service stops; order-api verify has no such limit");
    } else {
        read_request_refuse(exchange);
    }
}

/* The response is made here, while what was found is there. */
static void on_verified(struct verify_ticket *ticket, enum status status,
                        const struct store_verification *found)
{
    struct metrics_request *request =
        (struct metrics_request *)((char *)ticket - offsetof(struct metrics_request, verify));
    struct http_exchange *exchange = request->read.base.exchange;
    struct text body = {0};
    if (status != STATUS_OK) {
        refuse_verify(exchange, status);
    } else if (verify_text_print_json(&body, found)) {
        http_response_take_text(&exchange->response, 200, "application/json", &body);
    } else {
        text_finish(&body);
        problem_unavailable(exchange, "out of memory; try again");
    }
    http_exchange_resume(exchange);
}

static enum http_next answer_verification(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    return HTTP_ANSWER;
}

static enum http_next submit_verify(struct service *service, struct metrics_request *request)
{
    struct http_exchange *exchange = request->read.base.exchange;
    if (!verifier_reserve(service->verifier)) {
        problem_unavailable(exchange, "another recount is under way; try again when it has ended");
        return HTTP_ANSWER;
    }
    request->verify = (struct verify_ticket){.done = on_verified};
    verifier_submit(service->verifier, &request->verify);
    return http_exchange_wait(exchange, answer_verification);
}

static enum http_next answer_counts(void *context, struct http_exchange *exchange)
{
    const struct service *service = context;
    const struct metrics_request *request = exchange->data;
    const struct read_ticket *ticket = &request->read.ticket;
    if (ticket->status != STATUS_OK) {
        read_request_refuse(exchange);
        return HTTP_ANSWER;
    }
    const struct process_figures process = {.redis = service->remote,
                                            .failed_logins =
                                                login_watch_count(service->logins.watch)};
    struct text body = {0};
    if (metrics_text_print(&body, request->form, &ticket->counts, &process)) {
        http_response_take_text(&exchange->response, 200, metrics_text_media_type(request->form),
                                &body);
    } else {
        text_finish(&body);
        problem_unavailable(exchange, "out of memory; try again");
    }
    return HTTP_ANSWER;
}

enum http_next metrics_start(struct service *service, struct request *request)
{
    struct metrics_request *metrics = (struct metrics_request *)request;
    const char *verify = http_query_find(&request->exchange->query, "verify");
    if (verify != NULL && strcmp(verify, "1") == 0) {
        return submit_verify(service, metrics);
    }
    if (verify != NULL) {
        problem_bad_request(request->exchange, "verify in the query can only be 1");
        return HTTP_ANSWER;
    }
    const struct read_ticket ticket = {.kind = READ_COUNTS, .deadline_ms = READ_DEADLINE_MS};
    return read_request_submit(service, &metrics->read, &ticket, answer_counts);
}
