/* SPDX-License-Identifier: MIT */
/* What stands after the `?` of a database's URL. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

/* TLS as it is spelled by Prisma, JDBC, Node.js, the clients of MySQL and libpq. */
static const struct {
    const char *parameters;
    enum database_tls mysql;
    enum database_tls postgres;
} words[] = {
    {"ssl=disabled", DATABASE_TLS_DISABLED, DATABASE_TLS_DISABLED},
    {"ssl=preferred", DATABASE_TLS_PREFERRED, DATABASE_TLS_PREFERRED},
    {"ssl=required", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"ssl=verify", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"ssl=true", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"ssl=false", DATABASE_TLS_DISABLED, DATABASE_TLS_DISABLED},
    {"ssl=0", DATABASE_TLS_DISABLED, DATABASE_TLS_DISABLED},
    {"ssl=1", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"sslmode=disable", DATABASE_TLS_DISABLED, DATABASE_TLS_DISABLED},
    {"sslmode=allow", DATABASE_TLS_PREFERRED, DATABASE_TLS_ALLOWED},
    {"sslmode=prefer", DATABASE_TLS_PREFERRED, DATABASE_TLS_PREFERRED},
    {"sslmode=require", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"sslmode=no-verify", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"sslmode=verify-ca", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"sslmode=verify-full", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"ssl-mode=REQUIRED", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"ssl_mode=DISABLED", DATABASE_TLS_DISABLED, DATABASE_TLS_DISABLED},
    {"sslMode=VERIFY_CA", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"ssl-mode=VERIFY_IDENTITY", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"sslaccept=strict", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"sslaccept=accept_invalid_certs", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
    {"sslmode=require&sslaccept=strict", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"sslaccept=strict&sslmode=require", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"sslaccept=accept_invalid_certs&sslmode=verify-full", DATABASE_TLS_VERIFY,
     DATABASE_TLS_VERIFY},
    {"ssl=%7B%22rejectUnauthorized%22%3Atrue%7D", DATABASE_TLS_VERIFY, DATABASE_TLS_VERIFY},
    {"ssl=%7B%22rejectUnauthorized%22%3Afalse%7D", DATABASE_TLS_REQUIRED, DATABASE_TLS_REQUIRED},
};

Test(database_parameters, tls_has_the_words_of_all_clients)
{
    char text[100];
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        (void)snprintf(text, sizeof text, "mysql://h/d?%s", words[i].parameters);
        cr_assert_eq(read_database(text).tls, words[i].mysql, "%s", text);
        (void)snprintf(text, sizeof text, "postgresql://h/d?%s", words[i].parameters);
        cr_assert_eq(read_database(text).tls, words[i].postgres, "%s", text);
    }
    cr_assert_eq(read_database("mysql://h/d?useSSL=true").tls, DATABASE_TLS_REQUIRED);
}

Test(database_parameters, other_words_about_tls_are_refused_with_those_there_are)
{
    refuse_database("mysql://h/d?ssl=hunter2", "one of disabled, preferred, required, verify");
    refuse_database("mysql://h/d?ssl", "ssl is empty");
    refuse_database("postgresql://h/d?sslmode=hunter2",
                    "disable, allow, prefer, require, verify-ca");
    refuse_database("mysql://h/d?sslaccept=hunter2", "strict or accept_invalid_certs");
    refuse_database("mysql://h/d?sslaccept=strict&ssl=disabled", "leave one of them out");
    refuse_database("mysql://h/d?ssl={\"rejectUnauthorized\":true}", "write ssl=verify");
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
    cr_assert_eq(read_database("mysql://h/d?ssl=required&ssl_ca=/ca.pem").tls, DATABASE_TLS_VERIFY);
    cr_assert_eq(read_database("postgresql://h/d?sslmode=require&sslrootcert=/ca.pem").tls,
                 DATABASE_TLS_VERIFY_CA);
    cr_assert_eq(read_database("postgresql://h/d?sslmode=verify-ca&sslrootcert=/ca.pem").tls,
                 DATABASE_TLS_VERIFY_CA);
    cr_assert_eq(read_database("postgresql://h/d?sslmode=verify-ca&sslrootcert=system").tls,
                 DATABASE_TLS_VERIFY);
    refuse_database("mysql://h/d?ssl_ca=/hunter2&ssl=preferred",
                    "write ssl=verify, or leave ssl_ca out");
    refuse_database("mysql://h/d?ssl=disabled&ssl_ca=/hunter2", "write ssl=verify");
}

Test(database_parameters, the_authorities_of_the_system_have_libpqs_name_too)
{
    static const char *const texts[] = {
        "postgresql://h/d?sslrootcert=system",
        "postgresql://h/d?sslmode=verify-full&sslrootcert=system",
        "postgresql://h/d?sslmode=require&sslrootcert=system",
        "mysql://h/d?ssl_ca=system",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        cr_assert_eq(read_database(texts[i]).tls, DATABASE_TLS_VERIFY, "%s", texts[i]);
        cr_assert_str_eq(read_database(texts[i]).tls_ca, DATABASE_SYSTEM_CA, "%s", texts[i]);
    }
}

Test(database_parameters, over_a_socket_any_word_is_good_and_no_authority_is_needed)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "mysql:///d?unix_socket=/s&%s", words[i].parameters);
        cr_assert_str_eq(read_database(text).tls_ca, "");
        (void)snprintf(text, sizeof text, "postgresql:///d?%s&host=/s", words[i].parameters);
        cr_assert_str_eq(read_database(text).tls_ca, "");
    }
}

Test(database_parameters, names_are_compared_without_case_and_dashes)
{
    cr_assert_str_eq(read_database("mysql://h/d?UNIX-SOCKET=/s").path, "/s");
    cr_assert_str_eq(read_database("mysql://h/d?unixSocket=/s").path, "/s");
    cr_assert_str_eq(read_database("mysql://h/d?socketPath=/s").path, "/s");
    cr_assert_str_eq(read_database("mysql://h/d?ssl-ca=/ca.pem").tls_ca, "/ca.pem");
    cr_assert_str_eq(read_database("mysql://h/d?sslca=/ca.pem").tls_ca, "/ca.pem");
    cr_assert_str_eq(read_database("postgresql://h/d?ApplicationName=shop").application_name,
                     "shop");
}

Test(database_parameters, connect_timeout_is_a_number_of_seconds)
{
    cr_assert_eq(read_database("mysql://h/d?connect_timeout=1").connect_timeout_s, 1);
    cr_assert_eq(read_database("postgresql://h/d?connect_timeout=10").connect_timeout_s, 10);
    cr_assert_str_eq(read_database("mysql://h/d?connect_timeout=10").passed_over, "");
    static const char *const wrong[] = {"-1", "1.5", "2s", "hunter2"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "mysql://h/d?connect_timeout=%s", wrong[i]);
        refuse_database(text, "connect_timeout is a whole number of seconds, from 1 to 10");
    }
}

/* 0 means no end. */
Test(database_parameters, a_connect_timeout_that_is_too_long_becomes_the_longest)
{
    static const char *const values[] = {"0", "11", "30", "4294967297"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "postgresql://h/d?connect_timeout=%s", values[i]);
        cr_assert_eq(read_database(text).connect_timeout_s, 10, "%s", text);
        cr_assert_str_eq(read_database(text).passed_over, "connect_timeout, which is 10 s at most",
                         "%s", text);
    }
}

Test(database_parameters, what_concerns_other_programs_is_passed_over_by_name)
{
    static const struct {
        const char *text;
        const char *passed_over;
    } cases[] = {
        {"postgresql://h/d?schema=public&pgbouncer=true&connection_limit=1",
         "schema, pgbouncer, connection_limit"},
        {"postgresql://h/d?serverVersion=16&charset=utf8", "serverVersion, charset"},
        {"postgresql://h/d?sslmode=require&channel_binding=prefer", "channel_binding"},
        {"postgresql://h/d?currentSchema=public&connectTimeout=5", "currentSchema, connectTimeout"},
        {"postgresql://h/d?target_session_attrs=read-write", "target_session_attrs"},
        {"mysql2://h/d?pool=5&reconnect=true&encoding=utf8mb4", "pool, reconnect"},
        {"mysql://h/d?serverVersion=8.0.32&charset=utf8mb4", "serverVersion"},
        {"mysql://h/d?allowPublicKeyRetrieval=true&useSSL=true", "allowPublicKeyRetrieval"},
        {"mysql://h/d?connectTimeout=500", "connectTimeout"},
        {"sqlite:///x.db?connection_limit=1&mode=rwc", "connection_limit, mode"},
        {"mysql://h/d", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cr_assert_str_eq(read_database(cases[i].text).passed_over, cases[i].passed_over, "%s",
                         cases[i].text);
    }
    cr_assert_str_eq(read_redis("redis://h?timeout=5&protocol=3").passed_over, "timeout, protocol");
}

Test(database_parameters, a_long_list_of_what_is_passed_over_is_cut)
{
    char text[2000] = "mysql://h/d?pool=1";
    for (int i = 0; i < 40; i++) {
        strcat(text, "&allowPublicKeyRetrieval=true");
    }
    cr_assert_eq(strlen(read_database(text).passed_over), URL_NOTES_SIZE - 1);
}

Test(database_parameters, what_would_change_a_session_is_refused_with_what_to_do)
{
    refuse_database("postgresql://h/d?options=-c%20search_path%3Dhunter2", "ALTER ROLE");
    refuse_database("postgresql://h/d?search_path=hunter2", "ALTER ROLE name SET search_path");
    refuse_database("postgresql://h/d?schema=hunter2", "ALTER ROLE name SET search_path");
    refuse_database("postgresql://h/d?currentSchema=hunter2", "ALTER ROLE name SET search_path");
    refuse_database("postgresql://h/d?target_session_attrs=standby", "takes writes");
}

Test(database_parameters, channel_binding_is_required_over_tls_only)
{
    cr_assert(read_database("postgresql://h/d?channel_binding=require").channel_binding_required);
    cr_assert_not(
        read_database("postgresql://h/d?channel_binding=prefer").channel_binding_required);
    refuse_database("postgresql://h/d?channel_binding=hunter2", "is require or prefer");
    refuse_database("postgresql://h/d?channel_binding=require&ssl=disabled", "needs TLS");
    refuse_database("postgresql:///d?host=/s&channel_binding=require", "needs TLS");
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
