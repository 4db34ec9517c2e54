/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/url_checks.h"

#define FILL16 "aaaaaaaaaaaaaaaa"
#define FILL255                                                                                    \
    FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16     \
        FILL16 FILL16 "aaaaaaaaaaaaaaa"

Test(database_url, sqlite_files_are_relative_or_absolute)
{
    static const struct {
        const char *text;
        const char *path;
    } cases[] = {
        {"sqlite:///./orders.db", "./orders.db"},
        {"sqlite:///orders.db", "orders.db"},
        {"sqlite:///data/orders.db", "data/orders.db"},
        {"sqlite:///../orders.db", "../orders.db"},
        {"sqlite:////var/lib/orders.db", "/var/lib/orders.db"},
        {"sqlite+pysqlite:///orders.db", "orders.db"},
        {"sqlite+aiosqlite:///./orders.db", "./orders.db"},
        {"SQLite:///orders.db", "orders.db"},
        {"sqlite:///my%20orders%23.db", "my orders#.db"},
        {"sqlite:///a@b:c.db", "a@b:c.db"},
        {"sqlite:///a+b.db", "a+b.db"},
        {"sqlite:///orders.db?", "orders.db"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct database_url url = read_database(cases[i].text);
        cr_assert_eq(url.kind, DATABASE_SQLITE);
        cr_assert_str_eq(url.path, cases[i].path);
        cr_assert_str_eq(url.host, "");
        cr_assert_str_eq(url.database, "");
    }
}

Test(database_url, a_sqlite_database_must_be_a_file)
{
    refuse_database("sqlite://", "name a file");
    refuse_database("sqlite:///", "name a file");
    refuse_database("sqlite:///:memory:", "name a file");
    refuse_database("sqlite:///%3Amemory%3A", "name a file");
    refuse_database("sqlite://orders.db", "three slashes");
    refuse_database("sqlite://u:secret@h/orders.db", "three slashes");
    refuse_database("sqlite:///a%00b.db", "file name must not contain %00");
    refuse_database("sqlite:///orders.db?mode=ro", "can be written");
    refuse_database("sqlite:///orders.db?mode=rw", "is made when it is not there");
    refuse_database("sqlite:///orders.db?vfs=x", "parameter vfs: there is none for this kind");
    refuse_database("sqlite:///orders.db#x", "%23");
    refuse_database("sqlite:///my orders.db", "%20");
    refuse_database("sqlite:orders.db", "://");
    refuse_database("sqlite:/orders.db", "://");
}

Test(database_url, a_mysql_url_is_taken_apart)
{
    struct database_url url = read_database("mysql://user:pw@db.example:3307/orders");
    cr_assert_eq(url.kind, DATABASE_MYSQL);
    cr_assert_str_eq(url.user, "user");
    cr_assert_str_eq(url.password, "pw");
    cr_assert_str_eq(url.host, "db.example");
    cr_assert_eq(url.port, 3307);
    cr_assert_str_eq(url.database, "orders");
    cr_assert_str_eq(url.path, "");
}

Test(database_url, spellings_of_mysql_mean_the_same)
{
    static const char *const texts[] = {
        "mysql://user:pw@h/orders",         "mariadb://user:pw@h/orders",
        "mysql+pymysql://user:pw@h/orders", "mysql+aiomysql://user:pw@h/orders",
        "mysql+mysqldb://user:pw@h/orders", "mariadb+mariadbconnector://user:pw@h/orders",
        "mysql+asyncmy://user:pw@h/orders", "mysql+pymysql://user:pw@h/orders?charset=utf8mb4",
        "MySQL://user:pw@h/orders",         "mysql://user:pw@h:/orders",
        "mysql://user:pw@h:3306/orders?",   "mysql2://user:pw@h/orders",
        "mysql://user:pw@h/orders/",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct database_url url = read_database(texts[i]);
        cr_assert_eq(url.kind, DATABASE_MYSQL);
        cr_assert_str_eq(url.user, "user");
        cr_assert_str_eq(url.password, "pw");
        cr_assert_str_eq(url.host, "h");
        cr_assert_eq(url.port, 3306);
        cr_assert_str_eq(url.database, "orders");
    }
}

Test(database_url, credentials_are_optional)
{
    struct database_url url = read_database("mysql://h/orders");
    cr_assert_str_eq(url.user, "");
    cr_assert_str_eq(url.password, "");
    url = read_database("mysql://root@h/orders");
    cr_assert_str_eq(url.user, "root");
    cr_assert_str_eq(url.password, "");
    url = read_database("mysql://root:@h/orders");
    cr_assert_str_eq(url.user, "root");
    cr_assert_str_eq(url.password, "");
}

Test(database_url, user_password_and_database_are_percent_decoded)
{
    struct database_url url =
        read_database("mysql://us%65r%40corp:p%40ss%3A%2F%3F%23%25+%C3%A9:x@h/or%20ders%2F1");
    cr_assert_str_eq(url.user, "user@corp");
    cr_assert_str_eq(url.password, "p@ss:/?#%+\xc3\xa9:x");
    cr_assert_str_eq(url.database, "or ders/1");
    url = read_database("mysql://u:%2500@h/d");
    cr_assert_str_eq(url.password, "%00", "decoded once, not twice");
}

Test(database_url, an_encoded_nul_is_refused)
{
    refuse_database("mysql://u%00x:secret@h/d", "user must not contain %00");
    refuse_database("mysql://u:secret%00x@h/d", "password must not contain %00");
    refuse_database("mysql://u:secret@h/d%00x", "database name must not contain %00");
    refuse_database("mysql://u:secret@h%00x/d", "host must not contain %00");
    refuse_database("mysql://u:secret@/d?unix_socket=/a%00b", "query must not contain %00");
}

Test(database_url, an_ipv6_host_stands_in_brackets)
{
    struct database_url url = read_database("mysql://u:pw@[::1]:3307/orders");
    cr_assert_str_eq(url.host, "::1");
    cr_assert_eq(url.port, 3307);
    url = read_database("mysql://[2001:db8::7]/orders");
    cr_assert_str_eq(url.host, "2001:db8::7");
    cr_assert_eq(url.port, 3306);
    refuse_database("mysql://u:secret@::1/orders", "brackets");
    refuse_database("mysql://u:secret@2001:db8::7:3306/orders", "brackets");
}

Test(database_url, a_port_is_a_number_from_1_to_65535)
{
    cr_assert_eq(read_database("mysql://h:1/d").port, 1);
    cr_assert_eq(read_database("mysql://h:65535/d").port, 65535);
    static const char *const ports[] = {
        "0", "65536", "-1", "x", "33o6", "4294970602", "18446744073709554922"};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "mysql://u:secret@h:%s/d", ports[i]);
        refuse_database(text, "the port is not a number from 1 to 65535");
        (void)snprintf(text, sizeof text, "redis://u:secret@[::1]:%s/1", ports[i]);
        refuse_redis(text, "the port is not a number from 1 to 65535");
    }
}

Test(database_url, mysql_may_be_reached_through_a_socket)
{
    struct database_url url = read_database("mysql://u:pw@/orders?unix_socket=/run/my+sql/s.sock");
    cr_assert_str_eq(url.path, "/run/my+sql/s.sock");
    cr_assert_str_eq(url.host, "");
    cr_assert_str_eq(url.user, "u");
    cr_assert_str_eq(url.password, "pw");
    cr_assert_str_eq(url.database, "orders");
    url = read_database("mysql://u@localhost/orders?unix_socket=%2Frun%2Fa%20b.sock");
    cr_assert_str_eq(url.path, "/run/a b.sock");
    cr_assert_str_eq(url.host, "localhost");
    url = read_database("mysql:///orders?unix_socket=/s");
    cr_assert_str_eq(url.path, "/s");
    refuse_database("mysql://u:secret@/orders?unix_socket=", "unix_socket is empty");
    refuse_database("mysql://u:secret@/orders?unix_socket", "unix_socket is empty");
    refuse_database("mysql://h/orders?unix_socket=/a&unix_socket=/b", "unix_socket is there twice");
}

Test(database_url, mysql_needs_a_host_and_one_database)
{
    refuse_database("mysql:///orders", "name the host");
    refuse_database("mysql://u:secret@/orders", "name the host");
    refuse_database("mysql://u:secret@h", "name one database");
    refuse_database("mysql://u:secret@h/", "name one database");
    refuse_database("mysql://u:secret@h//", "name one database");
    refuse_database("mysql://u:secret@h/orders/more", "name one database");
}

Test(database_url, a_postgresql_url_is_taken_apart)
{
    struct database_url url = read_database("postgresql://us%65r:p%40w@db.example:5433/orders");
    cr_assert_eq(url.kind, DATABASE_POSTGRES);
    cr_assert_str_eq(url.user, "user");
    cr_assert_str_eq(url.password, "p@w");
    cr_assert_str_eq(url.host, "db.example");
    cr_assert_eq(url.port, 5433);
    cr_assert_str_eq(url.database, "orders");
    cr_assert_str_eq(url.path, "");
    cr_assert_str_eq(read_database("postgresql://[2001:db8::7]/orders").host, "2001:db8::7");
}

Test(database_url, spellings_of_postgresql_mean_the_same)
{
    static const char *const texts[] = {
        "postgresql://user:pw@h/orders",          "postgres://user:pw@h/orders",
        "postgresql+psycopg2://user:pw@h/orders", "postgresql+psycopg://user:pw@h/orders",
        "postgresql+asyncpg://user:pw@h/orders",  "postgres+pg8000://user:pw@h/orders",
        "PostgreSQL://user:pw@h/orders",          "postgresql://user:pw@h:/orders",
        "postgresql://user:pw@h:5432/orders?",    "pgsql://user:pw@h/orders",
        "postgres://user:pw@h/orders/",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct database_url url = read_database(texts[i]);
        cr_assert_eq(url.kind, DATABASE_POSTGRES);
        cr_assert_str_eq(url.user, "user");
        cr_assert_str_eq(url.password, "pw");
        cr_assert_str_eq(url.host, "h");
        cr_assert_eq(url.port, 5432);
        cr_assert_str_eq(url.database, "orders");
        cr_assert_str_eq(url.path, "");
    }
}

Test(database_url, postgresql_may_be_reached_through_a_socket)
{
    struct database_url url = read_database("postgresql://u:pw@:5433/orders?host=/run/my+sql");
    cr_assert_str_eq(url.path, "/run/my+sql");
    cr_assert_str_eq(url.host, "");
    cr_assert_eq(url.port, 5433);
    url = read_database("postgresql+psycopg2://u@localhost/orders?host=%2Frun%2Fa%20b");
    cr_assert_str_eq(url.path, "/run/a b");
    cr_assert_str_eq(read_database("postgresql:///orders?host=/s").path, "/s");
    refuse_database("postgresql://u:secret@/orders?host=", "host is empty");
    refuse_database("postgresql://u:secret@/orders?host=other", "starts with /");
    refuse_database("postgresql://h/orders?host=/a&host=/b", "host is there twice");
}

Test(database_url, postgresql_needs_a_host_and_one_database)
{
    refuse_database("postgresql:///orders", "as in postgresql://host/orders, or the folder");
    refuse_database("postgresql://u:secret@/orders", "name the host");
    refuse_database("postgresql://u:secret@h", "name one database");
    refuse_database("postgresql://u:secret@h/", "as in postgresql://host/orders");
    refuse_database("postgresql://u:secret@h/orders/more", "name one database");
    refuse_database("postgresql://u:secret@h:0/orders", "port");
}

Test(database_url, unknown_parameters_are_refused_by_name)
{
    refuse_database("postgresql://u:secret@h/d?sslcert=/s", "unknown query parameter sslcert");
    refuse_database("postgresql://u:secret@h/d?unix_socket=/s",
                    "unknown query parameter unix_sock");
    refuse_database("mysql://u:secret@h/d?host=/s", "unknown query parameter host");
    refuse_database("mysql://u:secret@h/d?unix_socket=/s&autocommit=1", "parameter autocommit");
    refuse_database("mysql://u:secret@h/d?x=1",
                    "unix_socket, ssl, ssl_ca, connect_timeout, charset");
    refuse_database("postgresql://u:secret@h/d?a2345678901234567890123456789012=1",
                    "a2345678901234567890123456789012: there is host, ssl, sslmode, ssl_ca, "
                    "sslrootcert, connect_timeout, application_name, channel_binding");
    refuse_database("mysql://u:secret@h/d?a23456789012345678901234567890123=1",
                    "unknown query parameter: there is unix_socket");
    refuse_database("mysql://h/d?password=hunter2", "password is no query parameter here");
    refuse_database("postgresql://h/d?user=hunter2", "write user:password@host:port");
    refuse_database("mysql://h/d?%68unter2!=1", "unknown query parameter: ");
    refuse_redis("unix:///s?db=1&prefix=2", "unknown query parameter prefix: there is db");
    refuse_redis("unix:///s?password=hunter2", "password is no query parameter here");
}

Test(database_url, a_password_that_is_not_encoded_is_never_shown)
{
    static const char *const texts[] = {
        "mysql://u:hun@hunter2@h/d",     "mysql://u:1/hunter2@h/d",     "mysql://u:1?hunter2@h/d",
        "mysql://u:1/x?hunter2@h/d",     "mysql://u:1/x?hunter2=a@h/d", "mysql://u:hunter2/x@h/d",
        "mysql://u:hunter2%@h/d",        "mysql://u:hunter2%zz@h/d",    "mysql://u:hun ter2@h/d",
        "mysql://u:hunter2^@h/d",        "mysql://u:hunter2[@h/d",      "mysql://u:hunter2\"@h/d",
        "mysql://u:hunter2\xc3\xa9@h/d", "mysql://u:hunter2\\@h/d",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        refuse_database(texts[i], "@ as %40");
        char text[100];
        (void)snprintf(text, sizeof text, "redis%s", texts[i] + strlen("mysql"));
        refuse_redis(text, "@ as %40");
        (void)snprintf(text, sizeof text, "postgresql%s", texts[i] + strlen("mysql"));
        refuse_database(text, "@ as %40");
    }
    refuse_database("mysql://u:1#hunter2@h/d", "%23");
    refuse_database("mysql://u:hunter2/d", "port");
    refuse_database("hunter2", "://");
    refuse_database("hunter2:x@h/d", "://");
    refuse_database("hunter2://h/d", "sqlite://, mysql://, mariadb:// and postgresql://");
    refuse_redis("hunter2://h/1", "redis:// and unix://");
    refuse_redis("redis://h/hunter2", "the database is not a number");
}

Test(database_url, parts_that_do_not_fit_are_refused_and_not_cut)
{
    cr_assert_str_eq(read_database("mysql://h/" FILL255).database, FILL255);
    cr_assert_str_eq(read_database("mysql://u:" FILL255 "@h/d").password, FILL255);
    refuse_database("mysql://h/a" FILL255, "database name is longer than 255 bytes");
    refuse_database("mysql://u:a" FILL255 "@h/d", "password is longer than 255 bytes");
    refuse_database("mysql://a" FILL255 ":secret@h/d", "user is longer than 255 bytes");
    refuse_database("mysql://a" FILL255 "/d", "host is longer than 255 bytes");
    refuse_database("sqlite:///" FILL255 "/" FILL255 "/" FILL255 "/" FILL255 "/a",
                    "file name is longer than 1023 bytes");
    refuse_database("mysql://h/d?unix_socket=/" FILL255 FILL255 FILL255 FILL255 "/aa",
                    "longer than 1023 bytes");
    cr_assert_str_eq(read_database("sqlite:///" FILL255 "/" FILL255 "/" FILL255 "/" FILL255).path,
                     FILL255 "/" FILL255 "/" FILL255 "/" FILL255);
    refuse_redis("redis://u:a" FILL255 "@h", "password is longer than 255 bytes");
    refuse_redis("unix:///" FILL255 "/" FILL255 "/" FILL255 "/" FILL255, "path is longer");
}

Test(database_url, an_endless_text_is_refused)
{
    static char text[10000];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "sqlite:///", 10);
    refuse_database(text, "longer than 4096 bytes");
    memcpy(text, "redis:////", 10);
    refuse_redis(text, "longer than 4096 bytes");
    text[4097] = '\0';
    refuse_redis(text, "longer than 4096 bytes");
    text[4096] = '\0';
    memcpy(text, "sqlite:///", 10);
    refuse_database(text, "longer than 1023 bytes");
}

Test(database_url, other_databases_are_refused_with_the_kinds_there_are)
{
    refuse_database("", "empty");
    refuse_database("postgresqlx://u:secret@h/d",
                    "sqlite://, mysql://, mariadb:// and postgresql://");
    refuse_database("oracle://u:secret@h/d", "sqlite://, mysql://, mariadb:// and postgresql://");
    refuse_database("mysqlx://u:secret@h/d", "sqlite://, mysql://, mariadb:// and postgresql://");
    refuse_database("redis://h", "sqlite://, mysql://, mariadb:// and postgresql://");
    refuse_database("orders.db", "://");
    refuse_database("//h/d", "it is not a URL");
    refuse_database("mysql:h/d", "://");
}

Test(redis_url, a_url_is_taken_apart)
{
    struct redis_url url = read_redis("redis://user:p%40w@cache.example:6380/5");
    cr_assert_str_eq(url.user, "user");
    cr_assert_str_eq(url.password, "p@w");
    cr_assert_str_eq(url.host, "cache.example");
    cr_assert_eq(url.port, 6380);
    cr_assert_eq(url.database, 5);
    cr_assert_str_eq(url.path, "");
}

Test(redis_url, what_is_left_out_has_a_default)
{
    static const char *const texts[] = {"redis://h",  "redis://h/",  "redis://h:6379/0",
                                        "Redis://h:", "redis://:@h", "valkey://h",
                                        "redis://h//"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct redis_url url = read_redis(texts[i]);
        cr_assert_str_eq(url.host, "h");
        cr_assert_eq(url.port, 6379);
        cr_assert_eq(url.database, 0);
        cr_assert_str_eq(url.user, "");
        cr_assert_str_eq(url.password, "");
    }
}

Test(redis_url, a_password_may_come_without_a_user_but_not_a_user_alone)
{
    struct redis_url url = read_redis("redis://:pw@[::1]:6380/1");
    cr_assert_str_eq(url.user, "");
    cr_assert_str_eq(url.password, "pw");
    cr_assert_str_eq(url.host, "::1");
    refuse_redis("redis://secret@h", "a password is missing");
    refuse_redis("redis://secret:@h", "a password is missing");
}

Test(redis_url, the_database_is_a_number)
{
    cr_assert_eq(read_redis("redis://h/15").database, 15);
    cr_assert_eq(read_redis("redis://h/2147483647").database, 2147483647);
    refuse_redis("redis://h/2147483648", "the database is not a number");
    refuse_redis("redis://h/4294967296", "the database is not a number");
    refuse_redis("redis://h/-1", "the database is not a number");
    refuse_redis("redis://h/x", "the database is not a number");
    refuse_redis("redis://h/1/2", "the database is not a number");
    refuse_redis("redis://h//1", "the database is not a number");
}

Test(redis_url, the_database_may_stand_after_the_question_mark)
{
    cr_assert_eq(read_redis("redis://h?db=3").database, 3);
    cr_assert_eq(read_redis("redis://h/?db=3").database, 3);
    cr_assert_eq(read_redis("redis://h/3/?db=3").database, 3);
    refuse_redis("redis://h/1?db=3", "they differ");
    refuse_redis("redis://h/0?db=3", "they differ");
}

Test(redis_url, the_default_user_is_none)
{
    struct redis_url url = read_redis("redis://default:pw@h");
    cr_assert_str_eq(url.user, "");
    cr_assert_str_eq(url.password, "pw");
    cr_assert_str_eq(read_redis("redis://default:@h").user, "");
    cr_assert_str_eq(read_redis("redis://default@h").user, "");
}

Test(redis_url, a_socket_is_a_path)
{
    struct redis_url url = read_redis("unix:///run/redis/redis.sock");
    cr_assert_str_eq(url.path, "/run/redis/redis.sock");
    cr_assert_str_eq(url.host, "");
    cr_assert_eq(url.database, 0);
    url = read_redis("unix://user:pw@/run/a%20b+c.sock?db=3");
    cr_assert_str_eq(url.path, "/run/a b+c.sock");
    cr_assert_str_eq(url.user, "user");
    cr_assert_str_eq(url.password, "pw");
    cr_assert_eq(url.database, 3);
    refuse_redis("unix://", "name the socket");
    refuse_redis("unix:///", "name the socket");
    refuse_redis("unix://run/redis.sock", "three slashes");
    refuse_redis("unix:///s?db=x", "the database is not a number");
    refuse_redis("unix:///s?db=", "db is empty");
    refuse_redis("unix:///a%00b", "path must not contain %00");
}

Test(redis_url, other_kinds_are_refused)
{
    refuse_redis("", "empty");
    refuse_redis("rediss://:secret@h", "TLS");
    refuse_redis("valkeys://:secret@h", "TLS");
    refuse_redis("redis://:secret@h?ssl=True", "TLS");
    refuse_redis("http://h", "redis:// and unix://");
    refuse_redis("redis+sentinel://h", "redis:// and unix://");
    refuse_redis("localhost:6379", "://");
    refuse_redis("redis:///1", "name the host");
    refuse_redis("redis://:secret@:6379", "name the host");
    refuse_redis("redis://h/1#x", "%23");
}
