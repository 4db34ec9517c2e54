/* SPDX-License-Identifier: MIT */
/*
 * What a request must bring before its route sees it: room on the server, credentials, the right
 * kind of body. This room knows requests and clients; it must not know routes or the pipeline.
 * Nothing blocks.
 */
#ifndef API_SERVICE_ADMISSION_ADMISSION_H
#define API_SERVICE_ADMISSION_ADMISSION_H

#include "api-service/admission/auth.h"
#include "api-service/admission/login_watch.h"
#include "common/http/http_exchange.h"

/* What a route asks for. */
struct admission {
    bool open;       /* needs no credentials, and is answered on a crowded server too */
    bool takes_json; /* the body must be application/json, without a Content-Encoding */
};

/* What tells who calls, and who was refused. Both are borrowed. */
struct logins {
    const struct auth *auth;
    struct login_watch *watch;
};

/*
 * HTTP_READ_BODY: admitted; `client_id` says who calls, and is empty on an open route.
 * HTTP_ANSWER: refused; the response says why.
 */
enum http_next admission_check(const struct admission *admission, const struct logins *logins,
                               struct http_exchange *exchange, const struct http_head *head,
                               char client_id[ORDER_CLIENT_ID_SIZE]);

#endif
