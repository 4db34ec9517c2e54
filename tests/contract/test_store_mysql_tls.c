/* SPDX-License-Identifier: MIT */
/* What a MySQL URL says of connecting: how much TLS, how long to wait, by which name. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/contract/url_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/sql.h"

static struct mariadb_server server;
static char certificate[128];
static char key[128];
static struct url_server here;

/* A server that is `names` and offers TLS with the certificate that says so. */
static void offer_tls(const char *names)
{
    certificates_make(server.dir.path, names);
    snprintf(certificate, sizeof certificate, "--ssl-cert=%s/server.pem", server.dir.path);
    snprintf(key, sizeof key, "--ssl-key=%s/server.key", server.dir.path);
    mariadb_server_stop(&server);
    server.options[0] = certificate;
    server.options[1] = key;
    mariadb_server_restart(&server);
}

static void start(void)
{
    mariadb_server_start(&server);
    here = (struct url_server){.login = "mysql://" MARIADB_USER ":" MARIADB_PASSWORD,
                               .password = MARIADB_PASSWORD,
                               .database = MARIADB_DATABASE,
                               .folder = server.dir.path,
                               .port = server.port};
}

static void start_with_tls(void)
{
    start();
    offer_tls("DNS:localhost");
}

static void finish(void)
{
    mariadb_server_discard(&server);
}

TestSuite(store_mysql_tls, .init = start_with_tls, .fini = finish, .timeout = 120);
TestSuite(store_mysql_url, .init = start, .fini = finish, .timeout = 120);

static void connect_well(void)
{
    store_destroy(url_connect());
}

/* How many encrypted connections the server has taken so far. */
static int64_t count_encrypted(struct sql *sql)
{
    int64_t row[2]; /* the name, the value */
    sql_row(sql, "SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'", row, 2);
    return row[1];
}

static void expect_encrypted(bool encrypted, const char *host, const char *parameters)
{
    struct sql *sql = sql_open_mariadb(&server);
    int64_t before = count_encrypted(sql);
    url_read_at(&here, host, parameters);
    connect_well();
    cr_assert_eq(count_encrypted(sql) - before, encrypted, "%s: %d", parameters, encrypted);
    sql_close(sql);
}

Test(store_mysql_tls, is_used_where_the_server_can_unless_the_url_says_otherwise)
{
    expect_encrypted(true, "127.0.0.1", "");
    expect_encrypted(true, "127.0.0.1", "ssl=preferred");
    expect_encrypted(false, "127.0.0.1", "ssl=disabled");
}

Test(store_mysql_tls, required_does_not_look_at_the_certificate)
{
    offer_tls("DNS:db.example");
    expect_encrypted(true, "127.0.0.1", "ssl=required");
    expect_encrypted(true, "localhost", "ssl=required");
}

Test(store_mysql_tls, verify_takes_the_right_name_of_the_right_authority)
{
    expect_encrypted(true, "localhost", "ssl=verify&ssl_ca=CA/ca.pem");
    expect_encrypted(true, "localhost", "ssl_ca=CA/ca.pem");
}

Test(store_mysql_tls, verify_takes_an_address_that_the_certificate_names)
{
    offer_tls("IP:127.0.0.1");
    expect_encrypted(true, "127.0.0.1", "ssl=verify&ssl_ca=CA/ca.pem");
}

Test(store_mysql_tls, verify_refuses_another_authority)
{
    url_expect_refusal(&here, "localhost", "ssl=verify&ssl_ca=CA/other.pem", "certificate");
}

/* Connector/C 3.4 trusts any server on 127.0.0.1 unless it is given authorities. */
Test(store_mysql_tls, verify_refuses_an_authority_the_system_does_not_know)
{
    url_expect_refusal(&here, "127.0.0.1", "ssl=verify", "certificate");
}

Test(store_mysql_tls, verify_refuses_another_name)
{
    offer_tls("DNS:db.example");
    url_expect_refusal(&here, "localhost", "ssl=verify&ssl_ca=CA/ca.pem", "TLS/SSL error");
}

Test(store_mysql_tls, a_handshake_that_fails_is_none_if_tls_is_only_preferred)
{
    mariadb_server_stop(&server);
    server.options[2] = "--tls-version=TLSv1.2";
    server.options[3] = "--ssl-cipher=ECDHE-RSA-AES128-GCM-SHA256"; /* its key is of another kind */
    mariadb_server_restart(&server);
    expect_encrypted(false, "127.0.0.1", "ssl=preferred");
    expect_encrypted(false, "127.0.0.1", "");
    url_expect_refusal(&here, "127.0.0.1", "ssl=required", "TLS/SSL error");
}

static void restart_without_tls(void)
{
    mariadb_server_stop(&server);
    server.without_tls = true;
    mariadb_server_restart(&server);
}

Test(store_mysql_url, a_server_without_tls_is_good_enough_for_preferred)
{
    restart_without_tls();
    expect_encrypted(false, "127.0.0.1", "ssl=preferred");
    expect_encrypted(false, "127.0.0.1", "ssl=disabled");
}

Test(store_mysql_url, a_server_without_tls_is_refused_where_it_is_required)
{
    restart_without_tls();
    url_expect_refusal(&here, "127.0.0.1", "ssl=required", "the server offers no TLS");
}

Test(store_mysql_url, a_server_without_tls_cannot_be_verified)
{
    restart_without_tls();
    url_expect_refusal(&here, "127.0.0.1", "ssl=verify", "does not support it");
}

Test(store_mysql_url, a_unix_socket_is_as_safe_as_tls)
{
    static const char *const words[] = {"", "&ssl=preferred", "&ssl=required", "&ssl=verify"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "mysql://root@/" MARIADB_DATABASE "?unix_socket=%s/socket%s",
                 server.dir.path, words[i]);
        url_read(text);
        connect_well();
    }
}

Test(store_mysql_url, a_password_may_hold_any_character)
{
    char text[256];
    char encoded[URL_PASSWORD_SIZE];
    url_encode(URL_HARD_PASSWORD, encoded);
    mariadb_server_stop(&server);
    temp_dir_write(&server.dir, "init.sql",
                   "CREATE USER 'k@y'@'127.0.0.1' IDENTIFIED BY "
                   "'p@:/?#[]%25 +&=\\'\\\\\"\xc3\xa9\xf0\x9f\x94\x91';\n"
                   "GRANT ALL ON " MARIADB_DATABASE ".* TO 'k@y'@'127.0.0.1';\n");
    mariadb_server_restart(&server);
    snprintf(text, sizeof text, "mysql+pymysql://k%%40y:%s@127.0.0.1:%u/orders", encoded,
             (unsigned)server.port);
    url_read(text);
    connect_well();
}

/* No server needs to listen there, nor the machine to know IPv6, to see which address was tried. */
Test(store_mysql_url, an_ipv6_address_is_tried_without_its_brackets)
{
    url_expect_refusal(&here, "[::1]", "", "on '::1'");
}

Test(store_mysql_url, a_server_that_never_answers_is_given_up_in_time)
{
    url_expect_given_up(&here, "connect_timeout=1", 1000);
    url_expect_given_up(&here, "connect_timeout=3", 3000);
    url_expect_given_up(&here, "", 2000);
}
