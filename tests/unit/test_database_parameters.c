/* SPDX-License-Identifier: MIT */
/* What stands after the `?` of a database's URL. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/url_checks.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

Test(database_parameters, without_any_everything_is_left_to_the_defaults)
{
    static const char *const texts[] = {"mysql://h/d", "postgresql://h/d", "mysql://h/d?",
                                        "postgresql:///d?host=/s"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct database_url url = read_database(texts[i]);
        cr_assert_eq(url.tls, DATABASE_TLS_DEFAULT);
        cr_assert_str_eq(url.tls_ca, "");
        cr_assert_eq(url.connect_timeout_s, 0);
        cr_assert_str_eq(url.application_name, "");
    }
}

static const struct {
    const char *word;
    enum database_tls tls;
} words[] = {
    {"disabled", DATABASE_TLS_DISABLED},  {"preferred", DATABASE_TLS_PREFERRED},
    {"required", DATABASE_TLS_REQUIRED},  {"verify", DATABASE_TLS_VERIFY},
    {"REQUIRED", DATABASE_TLS_REQUIRED},  {"disable", DATABASE_TLS_DISABLED},
    {"allow", DATABASE_TLS_ALLOWED},      {"prefer", DATABASE_TLS_PREFERRED},
    {"require", DATABASE_TLS_REQUIRED},   {"verify-ca", DATABASE_TLS_VERIFY_CA},
    {"verify-full", DATABASE_TLS_VERIFY},
};

enum { WORDS_OF_MYSQL = 5 };

Test(database_parameters, ssl_is_one_of_four_words)
{
    char text[100];
    for (size_t i = 0; i < WORDS_OF_MYSQL; i++) {
        (void)snprintf(text, sizeof text, "mysql://h/d?ssl=%s", words[i].word);
        cr_assert_eq(read_database(text).tls, words[i].tls, "%s", text);
    }
    for (size_t i = WORDS_OF_MYSQL; i < COUNT_OF(words); i++) {
        (void)snprintf(text, sizeof text, "mysql://h/d?ssl=%s", words[i].word);
        refuse_database(text, "one of disabled, preferred, required, verify");
    }
    refuse_database("mysql://h/d?ssl=true", "one of disabled, preferred, required, verify");
    refuse_database("mysql://h/d?ssl=hunter2", "one of disabled, preferred, required, verify");
    refuse_database("mysql://h/d?ssl", "ssl is empty");
}

Test(database_parameters, for_postgresql_libpqs_own_words_are_good_too)
{
    char text[100];
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        (void)snprintf(text, sizeof text, "postgresql://h/d?ssl=%s", words[i].word);
        cr_assert_eq(read_database(text).tls, words[i].tls, "%s", text);
        (void)snprintf(text, sizeof text, "postgresql+asyncpg://h/d?sslmode=%s", words[i].word);
        cr_assert_eq(read_database(text).tls, words[i].tls, "%s", text);
    }
    refuse_database("postgresql://h/d?sslmode=hunter2",
                    "disable, allow, prefer, require, verify-ca");
}

Test(database_parameters, verify_asks_the_authorities_of_the_system_unless_one_is_named)
{
    cr_assert_str_eq(read_database("mysql://h/d?ssl=verify").tls_ca, DATABASE_SYSTEM_CA);
    cr_assert_str_eq(read_database("postgresql://h/d?ssl=verify").tls_ca, DATABASE_SYSTEM_CA);
    cr_assert_str_eq(read_database("postgresql://h/d?sslmode=verify-ca").tls_ca,
                     DATABASE_SYSTEM_CA);
    cr_assert_str_eq(read_database("mysql://h/d?ssl=verify&ssl_ca=/etc/my%20ca.pem").tls_ca,
                     "/etc/my ca.pem");
    cr_assert_str_eq(
        read_database("postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem").tls_ca,
        "/ca.pem");
    cr_assert_str_eq(read_database("postgresql://h/d?ssl_ca=/ca.pem&ssl=verify").tls_ca, "/ca.pem");
    cr_assert_str_eq(read_database("mysql://h/d?ssl=required").tls_ca, "");
}

Test(database_parameters, an_authority_that_is_named_is_asked)
{
    cr_assert_eq(read_database("mysql+pymysql://h/d?ssl_ca=/ca.pem").tls, DATABASE_TLS_VERIFY);
    cr_assert_eq(read_database("postgresql://h/d?sslrootcert=/ca.pem").tls, DATABASE_TLS_VERIFY);
    refuse_database("mysql://h/d?ssl=required&ssl_ca=/hunter2",
                    "write ssl=verify, or leave ssl_ca out");
    refuse_database("mysql://h/d?ssl_ca=/hunter2&ssl=preferred", "write ssl=verify");
    refuse_database("mysql://h/d?ssl=disabled&ssl_ca=/hunter2", "write ssl=verify");
    refuse_database("postgresql://h/d?sslmode=require&sslrootcert=/hunter2", "write ssl=verify");
}

Test(database_parameters, over_a_socket_any_word_is_good_and_no_authority_is_needed)
{
    for (size_t i = 0; i < WORDS_OF_MYSQL; i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "mysql:///d?unix_socket=/s&ssl=%s", words[i].word);
        cr_assert_str_eq(read_database(text).tls_ca, "");
        (void)snprintf(text, sizeof text, "postgresql:///d?ssl=%s&host=/s", words[i].word);
        cr_assert_str_eq(read_database(text).tls_ca, "");
    }
}

Test(database_parameters, connect_timeout_is_a_number_of_seconds_from_1_to_10)
{
    cr_assert_eq(read_database("mysql://h/d?connect_timeout=1").connect_timeout_s, 1);
    cr_assert_eq(read_database("postgresql://h/d?connect_timeout=10").connect_timeout_s, 10);
    static const char *const wrong[] = {"0", "11", "-1", "1.5", "2s", "hunter2", "4294967297"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "mysql://h/d?connect_timeout=%s", wrong[i]);
        refuse_database(text, "connect_timeout is a number of seconds from 1 to 10");
        (void)snprintf(text, sizeof text, "postgresql://h/d?connect_timeout=%s", wrong[i]);
        refuse_database(text, "connect_timeout is a number of seconds from 1 to 10");
    }
}

Test(database_parameters, the_charset_is_utf8mb4)
{
    (void)read_database("mysql://h/d?charset=utf8mb4");
    (void)read_database("mysql://h/d?charset=UTF8MB4");
    refuse_database("mysql://h/d?charset=utf8", "write charset=utf8mb4 or leave it out");
    refuse_database("mysql://h/d?charset=latin1", "write charset=utf8mb4 or leave it out");
    refuse_database("mysql://h/d?charset=", "charset is empty");
}

Test(database_parameters, an_application_may_have_a_name_in_postgresql)
{
    cr_assert_str_eq(
        read_database("postgresql://h/d?application_name=shop%20%231").application_name, "shop #1");
    refuse_database(
        "postgresql://h/d?application_name=0123456789012345678901234567890123456789012345678901"
        "2345678901234",
        "application_name is longer than 63 bytes");
    refuse_database("mysql://h/d?application_name=x", "unknown query parameter application_name");
}

Test(database_parameters, a_folder_of_sockets_may_stand_in_the_place_of_the_host)
{
    struct database_url url = read_database("postgresql://u:p%40w@%2Frun%2Fpostgresql:5433/orders");
    cr_assert_str_eq(url.path, "/run/postgresql");
    cr_assert_eq(url.port, 5433);
    cr_assert_str_eq(url.password, "p@w");
    cr_assert_str_eq(read_database("mysql://u@%2Frun%2Fmysqld.sock/orders").path,
                     "/run/mysqld.sock");
}

Test(database_parameters, names_and_values_are_percent_decoded_once)
{
    struct database_url url =
        read_database("mysql://u@h/d?%73sl=%76erify&ssl_ca=%2Fa%252F%26b&connect_timeout=%33");
    cr_assert_eq(url.tls, DATABASE_TLS_VERIFY);
    cr_assert_str_eq(url.tls_ca, "/a%2F&b");
    cr_assert_eq(url.connect_timeout_s, 3);
}

Test(database_parameters, a_parameter_stands_there_once_in_whatever_spelling)
{
    refuse_database("mysql://h/d?ssl=verify&ssl=disabled", "ssl is there twice");
    refuse_database("mysql://h/d?charset=utf8mb4&charset=utf8mb4", "charset is there twice");
    refuse_database("postgresql://h/d?sslmode=require&ssl=disabled",
                    "ssl is there twice, once as sslmode");
    refuse_database("postgresql://h/d?ssl_ca=/a&sslrootcert=/hunter2",
                    "sslrootcert is there twice, once as ssl_ca");
    refuse_database("postgresql://h/d?connect_timeout=1&connect_timeout=2",
                    "connect_timeout is there twice");
}
