/* SPDX-License-Identifier: MIT */
#include "tests/contract/url_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/url/database_url.h"
#include "tests/support/captured_log.h"
#include "tests/support/silent_server.h"
#include "tests/support/wait_until.h"

enum { TEXT_SIZE = 512 };

static struct database_url url;
static char url_text[TEXT_SIZE]; /* as it was read */

void url_read(const char *text)
{
    char reason[URL_REASON_SIZE];
    snprintf(url_text, sizeof url_text, "%s", text);
    cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s: %s", text, reason);
}

void url_read_at(const struct url_server *server, const char *host, const char *parameters)
{
    char text[TEXT_SIZE];
    const char *folder = strstr(parameters, "CA");
    const char *rest = folder != NULL ? folder + strlen("CA") : "";
    int before = (int)(folder != NULL ? (size_t)(folder - parameters) : strlen(parameters));
    snprintf(text, sizeof text, "%s@%s:%u/%s?%.*s%s%s", server->login, host, (unsigned)server->port,
             server->database, before, parameters, folder != NULL ? server->folder : "", rest);
    url_read(text);
}

struct store *url_connect(void)
{
    struct store *store = store_create(&url);
    cr_assert_eq(store_ping(store), STATUS_OK, "%s", url_text);
    return store;
}

static void fail_to_connect(void)
{
    struct store *store = store_create(&url);
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    store_destroy(store);
}

void url_expect_refusal(const struct url_server *server, const char *host, const char *parameters,
                        const char *why)
{
    url_read_at(server, host, parameters);
    const char *log = captured_log(fail_to_connect);
    cr_assert_not_null(strstr(log, why), "%s", log);
    cr_assert_null(strstr(log, server->password), "%s", log);
}

void url_expect_given_up(const struct url_server *server, const char *parameters, uint64_t after_ms)
{
    struct url_server silent = *server;
    silent.port = silent_server_start();
    url_read_at(&silent, "127.0.0.1", parameters);
    uint64_t before_ms = wait_now_ms();
    fail_to_connect();
    uint64_t took_ms = wait_now_ms() - before_ms;
    cr_assert(took_ms + 100 >= after_ms && took_ms < after_ms + 900, "%s: %" PRIu64 " ms",
              parameters, took_ms);
}

void url_encode(const char *password, char encoded[URL_PASSWORD_SIZE])
{
    cr_assert_lt(3 * strlen(password), URL_PASSWORD_SIZE);
    encoded[0] = '\0';
    for (size_t i = 0; password[i] != '\0'; i++) {
        snprintf(encoded + 3 * i, 4, "%%%02X", (unsigned char)password[i]);
    }
}
