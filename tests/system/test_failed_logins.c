/* SPDX-License-Identifier: MIT */
/* Failed logins leave a trace: a line a minute for an address, and a counter. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/service.h"
#include "tests/support/temp_dir.h"

#define LINE "msg=\"logins failed\" address=127.0.0.1 count="

enum { LIMIT_MS = 60000 };

static struct temp_dir dir;
static struct service api;
static struct http_client *client;
static struct http_client *stranger;

static void start(void)
{
    temp_dir_create(&dir);
    service_start_api(&api, &(struct service_settings){.folder = dir.path});
    client = http_client_create(api.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    stranger = http_client_create(api.port, NULL, NULL);
}

static void finish(void)
{
    http_client_destroy(client);
    http_client_destroy(stranger);
    process_discard(&api.process);
    temp_dir_remove(&dir);
}

TestSuite(failed_logins, .init = start, .fini = finish, .timeout = 120);

static void try(const char *header)
{
    const char *const headers[] = {header, NULL};
    expect_problem(http_call(stranger, "GET", "/metrics", headers, NULL, 0), 401, "/metrics");
}

static void expect_counter(const char *line)
{
    static const char *const headers[] = {"Accept: text/plain", NULL};
    const struct http_response *response = http_call(client, "GET", "/metrics", headers, NULL, 0);
    expect_status(response, 200);
    cr_assert_not_null(strstr(response->body, line), "%s in %s", line, response->body);
}

/* The sum of what the lines say. */
static long told(void)
{
    long sum = 0;
    char *log = process_log_read(&api.process);
    for (const char *at = log; (at = strstr(at, LINE)) != NULL;) {
        at += strlen(LINE);
        sum += strtol(at, NULL, 10);
    }
    free(log);
    return sum;
}

static const char *const failing[] = {
    "Authorization: Basic dGVzdC1jbGllbnQ6d3Jvbmctc2VjcmV0", /* test-client:wrong-secret */
    "Authorization: Basic dGVzdC1jbGllbnQ6d3Jvbmctc2VjcmV0",
    "Authorization: Basic d3JvbmctY2xpZW50OnRlc3Qtc2VjcmV0", /* wrong-client:test-secret */
    "Authorization: Basic wrong-garbage",
    "Authorization: Bearer wrong-token",
};

enum { FAILING = sizeof failing / sizeof failing[0] };

Test(failed_logins, an_address_has_one_line_a_minute_and_all_are_counted)
{
    expect_counter("\norders_failed_logins_total 0\n");
    for (size_t i = 0; i < FAILING; i++) {
        try(failing[i]);
    }
    expect_counter("\norders_failed_logins_total 5\n");
    cr_assert(process_wait_line(&api.process, LINE, LIMIT_MS));
    cr_assert_eq(process_log_count(&api.process, "logins failed"), 1);
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    cr_assert_eq(told(), FAILING);
    cr_assert_leq(process_log_count(&api.process, "logins failed"), 2, "one more at the stop");
}

Test(failed_logins, the_log_names_a_client_that_is_known_and_nothing_that_was_typed)
{
    for (size_t i = 0; i < FAILING; i++) {
        try(failing[i]);
    }
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    cr_assert(process_log_contains(&api.process, " client=test-client"));
    static const char *const typed[] = {"wrong", "d3Jvbm", "dGVzdC", "test-secret", "Bearer"};
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        cr_assert_not(process_log_contains(&api.process, typed[i]), "%s", typed[i]);
    }
}

/* As clients begin that wait for the challenge. */
Test(failed_logins, good_logins_and_requests_without_credentials_leave_none)
{
    expect_problem(http_get(stranger, "/metrics"), 401, "/metrics");
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    expect_counter("\norders_failed_logins_total 0\n");
    process_stop_cleanly(&api.process, SERVICE_STOP_MS);
    cr_assert_eq(process_log_count(&api.process, "logins failed"), 0);
}
