/* SPDX-License-Identifier: MIT */
/* What a PostgreSQL URL says about the way to the server: how much TLS, how long to wait, and so
 * on.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store.h"
#include "common/url/database_url.h"
#include "tests/support/captured_log.h"
#include "tests/support/certificates.h"
#include "tests/support/postgres_server.h"
#include "tests/support/silent_server.h"
#include "tests/support/sql.h"
#include "tests/support/wait_until.h"

static struct postgres_server server;
static struct sql *sql; /* as the superuser */
static struct database_url url;

static void start(void)
{
    postgres_server_start(&server);
    sql = sql_open_postgres_admin(&server);
}

/* The server is `names` and offers TLS with the certificate that says so. */
static void offer_tls(const char *names)
{
    certificates_make(server.dir.path, names);
    sql_close(sql);
    postgres_server_stop(&server);
    postgres_server_configure(&server, "ssl = on\nssl_cert_file = '../server.pem'\n"
                                       "ssl_key_file = '../server.key'\n");
    postgres_server_restart(&server);
    sql = sql_open_postgres_admin(&server);
}

static void start_with_tls(void)
{
    start();
    offer_tls("DNS:localhost");
}

static void finish(void)
{
    sql_close(sql);
    postgres_server_discard(&server);
}

TestSuite(store_postgres_tls, .init = start_with_tls, .fini = finish, .timeout = 120);
TestSuite(store_postgres_url, .init = start, .fini = finish, .timeout = 120);

/* postgresql://...@HOST:PORT/orders?PARAMETERS; "CA" in them is the test's folder. */
static void read_url(const char *host, const char *parameters)
{
    char text[512];
    char filled[256] = "";
    char reason[URL_REASON_SIZE];
    const char *folder = strstr(parameters, "CA");
    if (folder != NULL) {
        snprintf(filled, sizeof filled, "%.*s%s%s", (int)(folder - parameters), parameters,
                 server.dir.path, folder + 2);
    }
    snprintf(text, sizeof text,
             "postgresql://" POSTGRES_USER ":" POSTGRES_PASSWORD "@%s:%u/" POSTGRES_DATABASE "?%s",
             host, (unsigned)server.port, folder != NULL ? filled : parameters);
    cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s: %s", text, reason);
}

static void fail_to_connect(void)
{
    struct store *store = store_create(&url);
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    store_destroy(store);
}

/* The server is asked, while the store is connected. */
static void expect_answer(int64_t answer, const char *question, const char *parameters)
{
    struct store *store = store_create(&url);
    cr_assert_eq(store_ping(store), STATUS_OK, "%s", parameters);
    cr_assert_eq(sql_integer(sql, question), answer, "%s: not %d", parameters, (int)answer);
    store_destroy(store);
}

static bool all_have_left(void *arg)
{
    (void)arg;
    return sql_integer(sql, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'orders'") == 0;
}

static void expect_encrypted(bool encrypted, const char *host, const char *parameters)
{
    cr_assert(wait_until(all_have_left, NULL, 10000));
    read_url(host, parameters);
    expect_answer(encrypted,
                  "SELECT ssl::int FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                  "WHERE application_name = 'orders'",
                  parameters);
}

static void expect_refusal(const char *host, const char *parameters, const char *why)
{
    read_url(host, parameters);
    const char *log = captured_log(fail_to_connect);
    cr_assert_not_null(strstr(log, why), "%s", log);
    cr_assert_null(strstr(log, POSTGRES_PASSWORD), "%s", log);
}

Test(store_postgres_tls, is_used_where_the_server_can_unless_the_url_says_otherwise)
{
    expect_encrypted(true, "127.0.0.1", "");
    expect_encrypted(true, "127.0.0.1", "ssl=preferred");
    expect_encrypted(true, "127.0.0.1", "sslmode=prefer");
    expect_encrypted(false, "127.0.0.1", "ssl=disabled");
    expect_encrypted(false, "127.0.0.1", "sslmode=disable");
    expect_encrypted(false, "127.0.0.1", "sslmode=allow");
}

Test(store_postgres_tls, required_does_not_look_at_the_certificate)
{
    offer_tls("DNS:db.example");
    expect_encrypted(true, "127.0.0.1", "ssl=required");
    expect_encrypted(true, "localhost", "sslmode=require");
}

Test(store_postgres_tls, verify_takes_the_right_name_of_the_right_authority)
{
    expect_encrypted(true, "localhost", "ssl=verify&ssl_ca=CA/ca.pem");
    expect_encrypted(true, "localhost", "sslmode=verify-full&sslrootcert=CA/ca.pem");
    expect_encrypted(true, "localhost", "sslrootcert=CA/ca.pem");
}

Test(store_postgres_tls, verify_takes_an_address_that_the_certificate_names)
{
    offer_tls("IP:127.0.0.1");
    expect_encrypted(true, "127.0.0.1", "ssl=verify&ssl_ca=CA/ca.pem");
}

Test(store_postgres_tls, verify_refuses_another_authority)
{
    expect_refusal("localhost", "ssl=verify&ssl_ca=CA/other.pem", "certificate verify failed");
}

Test(store_postgres_tls, verify_refuses_an_authority_the_system_does_not_know)
{
    expect_refusal("localhost", "ssl=verify", "certificate verify failed");
}

Test(store_postgres_tls, verify_refuses_another_name)
{
    offer_tls("DNS:db.example");
    expect_refusal("localhost", "ssl=verify&ssl_ca=CA/ca.pem", "does not match host name");
}

Test(store_postgres_tls, verify_ca_takes_any_name_of_the_right_authority)
{
    offer_tls("DNS:db.example");
    expect_encrypted(true, "localhost", "sslmode=verify-ca&sslrootcert=CA/ca.pem");
}

Test(store_postgres_tls, verify_ca_refuses_another_authority)
{
    expect_refusal("localhost", "sslmode=verify-ca&sslrootcert=CA/other.pem",
                   "certificate verify failed");
}

Test(store_postgres_url, a_server_without_tls_is_good_enough_unless_it_is_required)
{
    expect_encrypted(false, "127.0.0.1", "");
    expect_encrypted(false, "127.0.0.1", "ssl=preferred");
    expect_encrypted(false, "127.0.0.1", "ssl=disabled");
    expect_refusal("127.0.0.1", "ssl=required", "server does not support SSL");
}

Test(store_postgres_url, a_server_without_tls_cannot_be_verified)
{
    expect_refusal("127.0.0.1", "ssl=verify", "server does not support SSL");
}

Test(store_postgres_url, a_unix_socket_is_as_safe_as_tls)
{
    static const char *const words[] = {"", "&ssl=preferred", "&ssl=required", "&ssl=verify"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[256];
        char reason[URL_REASON_SIZE];
        snprintf(text, sizeof text, "postgresql://orders@:%u/orders?host=%s%s",
                 (unsigned)server.port, server.dir.path, words[i]);
        cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s", reason);
        expect_answer(0, "SELECT 0", text);
    }
}

Test(store_postgres_url, a_password_may_hold_any_character)
{
    static const char password[] = "p@:/?#[]%25 +&='\\\"\xc3\xa9\xf0\x9f\x94\x91";
    char text[256];
    char encoded[sizeof password * 3] = "";
    char reason[URL_REASON_SIZE];
    for (size_t i = 0; password[i] != '\0'; i++) {
        snprintf(encoded + 3 * i, 4, "%%%02X", (unsigned char)password[i]);
    }
    sql_execute(sql, "CREATE ROLE \"k@y\" LOGIN PASSWORD "
                     "E'p@:/?#[]%25 +&=\\'\\\\\"\xc3\xa9\xf0\x9f\x94\x91'");
    snprintf(text, sizeof text, "postgresql+psycopg2://k%%40y:%s@127.0.0.1:%u/orders", encoded,
             (unsigned)server.port);
    cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s", reason);
    expect_answer(1, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'k@y'", text);
}

Test(store_postgres_url, an_application_may_have_a_name)
{
    read_url("127.0.0.1", "application_name=shop%20%231");
    expect_answer(1, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop #1'",
                  "application_name");
}

/* Nobody needs to listen there, nor the machine to know IPv6, to see which address was tried. */
Test(store_postgres_url, an_ipv6_address_is_tried_without_its_brackets)
{
    expect_refusal("[::1]", "", "\\\"::1\\\"");
}

static void expect_given_up(const char *parameters, uint64_t after_ms)
{
    server.port = silent_server_start();
    read_url("127.0.0.1", parameters);
    uint64_t before_ms = wait_now_ms();
    fail_to_connect();
    uint64_t took_ms = wait_now_ms() - before_ms;
    cr_assert(took_ms + 100 >= after_ms && took_ms < after_ms + 900, "%s: %llu ms", parameters,
              (unsigned long long)took_ms);
}

Test(store_postgres_url, a_server_that_never_answers_is_given_up_in_time)
{
    expect_given_up("connect_timeout=1", 1000);
    expect_given_up("connect_timeout=3", 3000);
    expect_given_up("", 2000);
}
