/* SPDX-License-Identifier: MIT */
/* What a MySQL URL says about the way to the server: how much TLS, how long to wait, by which name.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store.h"
#include "common/url/database_url.h"
#include "tests/support/captured_log.h"
#include "tests/support/certificates.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/silent_server.h"
#include "tests/support/sql.h"
#include "tests/support/wait_until.h"

static struct mariadb_server server;
static char certificate[128];
static char key[128];
static struct database_url url; /* to connect to */

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

/* mysql://...@HOST:PORT/orders?PARAMETERS; "CA" in them is the test's folder. */
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
             "mysql://" MARIADB_USER ":" MARIADB_PASSWORD "@%s:%u/" MARIADB_DATABASE "?%s", host,
             (unsigned)server.port, folder != NULL ? filled : parameters);
    cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s: %s", text, reason);
}

static void connect_well(void)
{
    struct store *store = store_create(&url);
    enum status status = store_ping(store);
    store_destroy(store);
    cr_assert_eq(status, STATUS_OK);
}

static void fail_to_connect(void)
{
    struct store *store = store_create(&url);
    cr_assert_eq(store_ping(store), STATUS_UNAVAILABLE);
    store_destroy(store);
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
    read_url(host, parameters);
    connect_well();
    cr_assert_eq(count_encrypted(sql) - before, encrypted, "%s: %d", parameters, encrypted);
    sql_close(sql);
}

static void expect_refusal(const char *host, const char *parameters, const char *why)
{
    read_url(host, parameters);
    const char *log = captured_log(fail_to_connect);
    cr_assert_not_null(strstr(log, why), "%s", log);
    cr_assert_null(strstr(log, MARIADB_PASSWORD), "%s", log);
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
    expect_refusal("localhost", "ssl=verify&ssl_ca=CA/other.pem", "certificate");
}

/* Connector/C 3.4 trusts whoever listens on 127.0.0.1 unless it is given authorities. */
Test(store_mysql_tls, verify_refuses_an_authority_the_system_does_not_know)
{
    expect_refusal("127.0.0.1", "ssl=verify", "certificate");
}

Test(store_mysql_tls, verify_refuses_another_name)
{
    offer_tls("DNS:db.example");
    expect_refusal("localhost", "ssl=verify&ssl_ca=CA/ca.pem", "TLS/SSL error");
}

Test(store_mysql_tls, a_handshake_that_fails_is_none_if_tls_is_only_preferred)
{
    mariadb_server_stop(&server);
    server.options[2] = "--tls-version=TLSv1.2";
    server.options[3] = "--ssl-cipher=ECDHE-RSA-AES128-GCM-SHA256"; /* its key is of another kind */
    mariadb_server_restart(&server);
    expect_encrypted(false, "127.0.0.1", "ssl=preferred");
    expect_encrypted(false, "127.0.0.1", "");
    expect_refusal("127.0.0.1", "ssl=required", "TLS/SSL error");
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
    expect_refusal("127.0.0.1", "ssl=required", "the server offers no TLS");
}

Test(store_mysql_url, a_server_without_tls_cannot_be_verified)
{
    restart_without_tls();
    expect_refusal("127.0.0.1", "ssl=verify", "does not support it");
}

Test(store_mysql_url, a_unix_socket_is_as_safe_as_tls)
{
    static const char *const words[] = {"", "&ssl=preferred", "&ssl=required", "&ssl=verify"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[256];
        char reason[URL_REASON_SIZE];
        snprintf(text, sizeof text, "mysql://root@/" MARIADB_DATABASE "?unix_socket=%s/socket%s",
                 server.dir.path, words[i]);
        cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s", reason);
        connect_well();
    }
}

Test(store_mysql_url, a_password_may_hold_any_character)
{
    static const char password[] = "p@:/?#[]%25 +&='\\\"\xc3\xa9\xf0\x9f\x94\x91";
    char text[256];
    char encoded[sizeof password * 3] = "";
    char reason[URL_REASON_SIZE];
    for (size_t i = 0; password[i] != '\0'; i++) {
        snprintf(encoded + 3 * i, 4, "%%%02X", (unsigned char)password[i]);
    }
    mariadb_server_stop(&server);
    temp_dir_write(&server.dir, "init.sql",
                   "CREATE USER 'k@y'@'127.0.0.1' IDENTIFIED BY "
                   "'p@:/?#[]%25 +&=\\'\\\\\"\xc3\xa9\xf0\x9f\x94\x91';\n"
                   "GRANT ALL ON " MARIADB_DATABASE ".* TO 'k@y'@'127.0.0.1';\n");
    mariadb_server_restart(&server);
    snprintf(text, sizeof text, "mysql+pymysql://k%%40y:%s@127.0.0.1:%u/orders", encoded,
             (unsigned)server.port);
    cr_assert_eq(database_url_parse(text, &url, reason), STATUS_OK, "%s", reason);
    connect_well();
}

/* Nobody needs to listen there, nor the machine to know IPv6, to see which address was tried. */
Test(store_mysql_url, an_ipv6_address_is_tried_without_its_brackets)
{
    expect_refusal("[::1]", "", "on '::1'");
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

Test(store_mysql_url, a_server_that_never_answers_is_given_up_in_time)
{
    expect_given_up("connect_timeout=1", 1000);
    expect_given_up("connect_timeout=3", 3000);
    expect_given_up("", 2000);
}
