/* SPDX-License-Identifier: MIT */
#include "tests/unit/url_checks.h"

#include <stdbool.h>
#include <string.h>

#include <criterion/criterion.h>

struct database_url read_database(const char *text)
{
    struct database_url url;
    char reason[URL_REASON_SIZE] = "";
    cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s: %s", text, reason);
    return url;
}

struct redis_url read_redis(const char *text)
{
    struct redis_url url;
    char reason[URL_REASON_SIZE] = "";
    cr_assert_eq(redis_url_parse(text, &url, reason), STATUS_OK, "%s: %s", text, reason);
    return url;
}

static void check_reason(const char *text, enum status status, const char *reason,
                         const char *expected)
{
    cr_assert_eq(status, STATUS_INVALID, "%s is accepted", text);
    cr_assert_not_null(strstr(reason, expected), "%s: \"%s\" does not say \"%s\"", text, reason,
                       expected);
    cr_assert_lt(strlen(reason) + 1, URL_REASON_SIZE, "%s: \"%s\" is cut", text, reason);
    cr_assert_null(strstr(reason, "hunter"), "%s: \"%s\" tells the password", text, reason);
    cr_assert_null(strstr(reason, "secret"), "%s: \"%s\" tells the password", text, reason);
    /* A bare kind such as "sqlite://" may well be in a reason, as an example of what to write. */
    bool bare = strlen(text) < strlen("sqlite:///a");
    cr_assert(bare || strstr(reason, text) == NULL, "%s: \"%s\" tells the URL", text, reason);
}

void refuse_database(const char *text, const char *expected)
{
    struct database_url url;
    char reason[URL_REASON_SIZE] = "";
    enum status status = database_url_parse(text, &url, reason);
    check_reason(text, status, reason, expected);
}

void refuse_redis(const char *text, const char *expected)
{
    struct redis_url url;
    char reason[URL_REASON_SIZE] = "";
    enum status status = redis_url_parse(text, &url, reason);
    check_reason(text, status, reason, expected);
}
