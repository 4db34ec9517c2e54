/* SPDX-License-Identifier: MIT */
#include "api-service/routes/read_request.h"

#include <stddef.h>

#include "common/http/problem.h"

static void on_read(struct read_ticket *ticket)
{
    struct read_request *request =
        (struct read_request *)((char *)ticket - offsetof(struct read_request, ticket));
    http_exchange_resume(request->base.exchange);
}

enum http_next read_request_submit(struct service *service, struct read_request *request,
                                   const struct read_ticket *ticket,
                                   enum http_next (*then)(void *context,
                                                          struct http_exchange *exchange))
{
    if (!reads_accepts(service->reads)) {
        problem_unavailable(request->base.exchange, "too many requests are waiting; try again");
        return HTTP_ANSWER;
    }
    request->ticket = *ticket;
    request->ticket.done = on_read;
    reads_submit(service->reads, &request->ticket);
    return http_exchange_wait(request->base.exchange, then);
}

void read_request_refuse(struct http_exchange *exchange)
{
    problem_unavailable(exchange, "the database does not answer; try again");
}
