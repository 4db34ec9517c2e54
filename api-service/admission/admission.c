/* SPDX-License-Identifier: MIT */
#include "api-service/admission/admission.h"

#include <string.h>
#include <strings.h>

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

static bool admit_body(struct http_exchange *exchange, const struct http_head *head)
{
    const char *encoding = http_head_find(head, "Content-Encoding");
    if (!is_json(http_head_find(head, "Content-Type"))) {
        problem_unsupported_media_type(exchange,
                                       "send the order with Content-Type: application/json");
        return false;
    }
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
        problem_unsupported_media_type(exchange, "send the body without Content-Encoding");
        return false;
    }
    return true;
}

/* Clients that wait for the challenge send no credentials at first: that is no failed login. */
static void note_failure(const struct logins *logins, const struct http_exchange *exchange,
                         const char *authorization)
{
    if (authorization != NULL) {
        char address[HTTP_PEER_SIZE];
        http_exchange_print_peer(exchange, address);
        login_watch_note(logins->watch, address, auth_client_named(logins->auth, authorization));
    }
}

static bool admit_client(const struct logins *logins, struct http_exchange *exchange,
                         const struct http_head *head, char client_id[ORDER_CLIENT_ID_SIZE])
{
    const char *authorization = http_head_find(head, "Authorization");
    if (auth_check(logins->auth, authorization, client_id) == STATUS_OK) {
        return true;
    }
    note_failure(logins, exchange, authorization);
    problem_unauthorized(exchange, "send the client's id and secret as HTTP Basic credentials");
    return false;
}

static bool admit_connection(struct http_exchange *exchange, const struct http_head *head)
{
    if (!head->crowded) {
        return true;
    }
    problem_unavailable(exchange, "too many connections; nothing was stored; try again");
    return false;
}

enum http_next admission_check(const struct admission *admission, const struct logins *logins,
                               struct http_exchange *exchange, const struct http_head *head,
                               char client_id[ORDER_CLIENT_ID_SIZE])
{
    client_id[0] = '\0';
    bool admitted = admission->open || (admit_connection(exchange, head) &&
                                        admit_client(logins, exchange, head, client_id));
    admitted = admitted && (!admission->takes_json || admit_body(exchange, head));
    return admitted ? HTTP_READ_BODY : HTTP_ANSWER;
}
