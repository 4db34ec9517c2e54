/* SPDX-License-Identifier: MIT */
/* The query of a target: any number of parameters gets an answer, and what cannot be read a 400. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/raw_http.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

/* test-client:test-secret */
#define FIELDS                                                                                     \
    "Host: 127.0.0.1\r\nAuthorization: Basic dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ=\r\n"                 \
    "Content-Type: application/json\r\n"

enum { ANSWER_MS = 5000, PARAMETERS_MAX = 64, REQUEST_SIZE = 64 * 1024 };

static struct temp_dir dir;
static struct service api;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
}

static void finish(void)
{
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(http_query, .init = start, .fini = finish, .timeout = 60);

static const size_t counts[] = {1, 2, 63, 64, 65, 100, 200, 250, 260, 300, 500, 1000, 5000, 10000};

/* The status of the answer to a request with so many parameters; 0: there was none. */
static int status_with(const char *method, const char *path, size_t parameters, const char *body)
{
    char *request = calloc(1, REQUEST_SIZE);
    cr_assert_not_null(request);
    size_t len = (size_t)snprintf(request, REQUEST_SIZE, "%s %s?a=1", method, path);
    for (size_t i = 1; i < parameters; i++) {
        memcpy(request + len, "&a=1", 4);
        len += 4;
    }
    len += (size_t)snprintf(request + len, REQUEST_SIZE - len,
                            " HTTP/1.1\r\n" FIELDS "Content-Length: %zu\r\n\r\n%s", strlen(body),
                            body);
    struct raw_http *raw = raw_http_open(api.port);
    raw_http_send(raw, request, len);
    raw_http_read(raw, 1, ANSWER_MS);
    int status = raw_http_status(raw, 0);
    raw_http_close(raw);
    free(request);
    return status;
}

static void check_status(const char *what, size_t parameters, int status)
{
    if (parameters <= PARAMETERS_MAX) {
        cr_expect_eq(status, 200, "%s with %zu parameters: %d", what, parameters, status);
    } else {
        cr_expect(status >= 400 && status < 500, "%s with %zu parameters: %d", what, parameters,
                  status);
    }
}

/* libmicrohttpd 0.9.75 left those with some 260 parameters without an answer. */
Test(http_query, any_number_of_parameters_is_answered)
{
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_status("GET", counts[i], status_with("GET", "/livez", counts[i], ""));
        check_status("POST", counts[i],
                     status_with("POST", "/order", counts[i], EXPECT_GOOD_ORDER));
    }
}

Test(http_query, what_cannot_be_decoded_is_refused)
{
    static const char *const paths[] = {
        "/livez?%",     "/livez?a=%1", "/livez?%zz=1", "/livez?a=%00",    "/livez?a=b%00c",
        "/livez?a=%ff", "/livez?%0a",  "/livez?a=%7f", "/order/ORD1?%C3", "/metrics?%ed%a0%80",
    };
    struct http_client *client =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char path[32];
        snprintf(path, sizeof path, "%.*s", (int)strcspn(paths[i], "?"), paths[i]);
        expect_problem(http_get(client, paths[i]), 400, path);
    }
    http_client_destroy(client);
}

Test(http_query, a_parameter_is_found_in_any_spelling)
{
    struct http_client *client =
        http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    static const char *const recounts[] = {"/metrics?verify=1", "/metrics?%76erify=%31",
                                           "/metrics?a&verify=1&b=", "/metrics?&&verify=1"};
    for (size_t i = 0; i < sizeof recounts / sizeof recounts[0]; i++) {
        const struct http_response *response = http_get(client, recounts[i]);
        expect_status(response, 200);
        cr_assert_not_null(strstr(response->body, "\"recount\""), "%s", recounts[i]);
    }
    static const char *const refused[] = {"/metrics?verify=", "/metrics?verify",
                                          "/metrics?verify=1+", "/metrics?verify=2"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        expect_problem(http_get(client, refused[i]), 400, "/metrics");
    }
    http_client_destroy(client);
}
