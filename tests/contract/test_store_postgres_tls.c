/* SPDX-License-Identifier: MIT */
/* What a PostgreSQL URL says of connecting: how much TLS, how long to wait, by which name. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/contract/url_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/postgres_server.h"
#include "tests/support/sql.h"
#include "tests/support/wait_until.h"

static struct postgres_server server;
static struct sql *sql; /* as the superuser */
static struct url_server here;

static void start(void)
{
    postgres_server_start(&server);
    sql = sql_open_postgres_admin(&server);
    here = (struct url_server){.login = "postgresql://" POSTGRES_USER ":" POSTGRES_PASSWORD,
                               .password = POSTGRES_PASSWORD,
                               .database = POSTGRES_DATABASE,
                               .folder = server.dir.path,
                               .port = server.port};
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

/* The server is asked, while the store is connected. */
static void expect_answer(int64_t answer, const char *question, const char *parameters)
{
    struct store *store = url_connect();
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
    url_read_at(&here, host, parameters);
    expect_answer(encrypted,
                  "SELECT ssl::int FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                  "WHERE application_name = 'orders'",
                  parameters);
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
    url_expect_refusal(&here, "localhost", "ssl=verify&ssl_ca=CA/other.pem",
                       "certificate verify failed");
}

Test(store_postgres_tls, verify_refuses_an_authority_the_system_does_not_know)
{
    url_expect_refusal(&here, "localhost", "ssl=verify", "certificate verify failed");
}

Test(store_postgres_tls, verify_refuses_another_name)
{
    offer_tls("DNS:db.example");
    url_expect_refusal(&here, "localhost", "ssl=verify&ssl_ca=CA/ca.pem",
                       "does not match host name");
}

Test(store_postgres_tls, verify_ca_takes_any_name_of_the_right_authority)
{
    offer_tls("DNS:db.example");
    expect_encrypted(true, "localhost", "sslmode=verify-ca&sslrootcert=CA/ca.pem");
}

Test(store_postgres_tls, verify_ca_refuses_another_authority)
{
    url_expect_refusal(&here, "localhost", "sslmode=verify-ca&sslrootcert=CA/other.pem",
                       "certificate verify failed");
}

Test(store_postgres_tls, require_with_an_authority_asks_it)
{
    offer_tls("DNS:db.example");
    expect_encrypted(true, "localhost", "sslmode=require&sslrootcert=CA/ca.pem");
    url_expect_refusal(&here, "localhost", "sslmode=require&sslrootcert=CA/other.pem",
                       "certificate verify failed");
}

Test(store_postgres_tls, a_channel_binding_that_is_required_is_made)
{
    expect_encrypted(true, "localhost", "sslmode=require&channel_binding=require");
}

Test(store_postgres_url, a_channel_binding_that_is_required_needs_tls)
{
    url_expect_refusal(&here, "127.0.0.1", "channel_binding=require", "channel binding");
}

Test(store_postgres_url, a_server_without_tls_is_good_enough_unless_it_is_required)
{
    expect_encrypted(false, "127.0.0.1", "");
    expect_encrypted(false, "127.0.0.1", "ssl=preferred");
    expect_encrypted(false, "127.0.0.1", "ssl=disabled");
    url_expect_refusal(&here, "127.0.0.1", "ssl=required", "server does not support SSL");
}

Test(store_postgres_url, a_server_without_tls_cannot_be_verified)
{
    url_expect_refusal(&here, "127.0.0.1", "ssl=verify", "server does not support SSL");
}

Test(store_postgres_url, a_unix_socket_is_as_safe_as_tls)
{
    static const char *const words[] = {"", "&ssl=preferred", "&ssl=required", "&ssl=verify"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "postgresql://orders@:%u/orders?host=%s%s",
                 (unsigned)server.port, server.dir.path, words[i]);
        url_read(text);
        expect_answer(0, "SELECT 0", text);
    }
}

Test(store_postgres_url, a_password_may_hold_any_character)
{
    char text[256];
    char encoded[URL_PASSWORD_SIZE];
    url_encode(URL_HARD_PASSWORD, encoded);
    sql_execute(sql, "CREATE ROLE \"k@y\" LOGIN PASSWORD "
                     "E'p@:/?#[]%25 +&=\\'\\\\\"\xc3\xa9\xf0\x9f\x94\x91'");
    snprintf(text, sizeof text, "postgresql+psycopg2://k%%40y:%s@127.0.0.1:%u/orders", encoded,
             (unsigned)server.port);
    url_read(text);
    expect_answer(1, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'k@y'", text);
}

Test(store_postgres_url, an_application_may_have_a_name)
{
    url_read_at(&here, "127.0.0.1", "application_name=shop%20%231");
    expect_answer(1, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop #1'",
                  "application_name");
}

/* No server needs to listen there, nor the machine to know IPv6, to see which address was tried. */
Test(store_postgres_url, an_ipv6_address_is_tried_without_its_brackets)
{
    url_expect_refusal(&here, "[::1]", "", "\\\"::1\\\"");
}

Test(store_postgres_url, a_server_that_never_answers_is_given_up_in_time)
{
    url_expect_given_up(&here, "connect_timeout=1", 1000);
    url_expect_given_up(&here, "connect_timeout=3", 3000);
    url_expect_given_up(&here, "", 2000);
}
