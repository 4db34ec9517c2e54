/* SPDX-License-Identifier: MIT */
#include "common/url/database_url.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/url/url_parts.h"

enum {
    MYSQL_PORT = 3306,
    POSTGRES_PORT = 5432,
    /* Requests wait this long too, and a program that is asked to stop. */
    CONNECT_TIMEOUT_MAX_S = 10,
};

static const char system_ca[] = DATABASE_SYSTEM_CA;

static enum status read_socket(const char *name, const char *value, void *url,
                               char reason[URL_REASON_SIZE])
{
    struct database_url *to = url;
    return url_copy_parameter(name, value, to->path, sizeof to->path, reason);
}

/* As a host's name it would be a second one. */
static enum status read_socket_folder(const char *name, const char *value, void *url,
                                      char reason[URL_REASON_SIZE])
{
    if (value[0] != '/') {
        return url_refuse(reason, "the query parameter host is the folder of a socket and starts "
                                  "with /; the name of a host stands in front of the database");
    }
    return read_socket(name, value, url, reason);
}

struct tls_word {
    const char *word;
    enum database_tls tls;
};

/* The first four are for both kinds of server, the rest is how libpq says it. */
static const struct tls_word tls_words[] = {
    {"disabled", DATABASE_TLS_DISABLED},   {"preferred", DATABASE_TLS_PREFERRED},
    {"required", DATABASE_TLS_REQUIRED},   {"verify", DATABASE_TLS_VERIFY},
    {"disable", DATABASE_TLS_DISABLED},    {"allow", DATABASE_TLS_ALLOWED},
    {"prefer", DATABASE_TLS_PREFERRED},    {"require", DATABASE_TLS_REQUIRED},
    {"verify-ca", DATABASE_TLS_VERIFY_CA}, {"verify-full", DATABASE_TLS_VERIFY},
};

enum { TLS_WORDS_OF_BOTH = 4, TLS_WORDS = sizeof tls_words / sizeof tls_words[0] };

static bool find_tls_word(const char *value, size_t count, enum database_tls *tls)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(value, tls_words[i].word) == 0) {
            *tls = tls_words[i].tls;
            return true;
        }
    }
    return false;
}

static enum status read_tls(const char *name, const char *value, void *url,
                            char reason[URL_REASON_SIZE])
{
    (void)name;
    return find_tls_word(value, TLS_WORDS_OF_BOTH, &((struct database_url *)url)->tls)
               ? STATUS_OK
               : url_refuse(reason, "the query parameter ssl is one of disabled, preferred, "
                                    "required, verify");
}

static enum status read_postgres_tls(const char *name, const char *value, void *url,
                                     char reason[URL_REASON_SIZE])
{
    (void)name;
    return find_tls_word(value, TLS_WORDS, &((struct database_url *)url)->tls)
               ? STATUS_OK
               : url_refuse(reason, "the query parameter ssl is one of disabled, preferred, "
                                    "required, verify; or, as sslmode, disable, allow, prefer, "
                                    "require, verify-ca, verify-full");
}

static enum status read_ca(const char *name, const char *value, void *url,
                           char reason[URL_REASON_SIZE])
{
    struct database_url *to = url;
    return url_copy_parameter(name, value, to->tls_ca, sizeof to->tls_ca, reason);
}

static enum status read_connect_timeout(const char *name, const char *value, void *url,
                                        char reason[URL_REASON_SIZE])
{
    uint32_t *seconds = &((struct database_url *)url)->connect_timeout_s;
    (void)name;
    if (!url_read_number(value, strlen(value), CONNECT_TIMEOUT_MAX_S, seconds) || *seconds == 0) {
        return url_refuse(reason, "the query parameter connect_timeout is a number of seconds "
                                  "from 1 to 10");
    }
    return STATUS_OK;
}

/* Accepted because it is in so many URLs; with any other, some orders could not be stored. */
static enum status read_charset(const char *name, const char *value, void *url,
                                char reason[URL_REASON_SIZE])
{
    (void)name;
    (void)url;
    return strcasecmp(value, "utf8mb4") == 0
               ? STATUS_OK
               : url_refuse(reason, "the query parameter charset can only be utf8mb4, which is "
                                    "used anyway: write charset=utf8mb4 or leave it out");
}

static enum status read_application_name(const char *name, const char *value, void *url,
                                         char reason[URL_REASON_SIZE])
{
    struct database_url *to = url;
    return url_copy_parameter(name, value, to->application_name, sizeof to->application_name,
                              reason);
}

/* What the URLs of databases on servers differ in. */
struct server_kind {
    enum database_kind kind;
    uint16_t port;
    const struct url_parameter *parameters;
    size_t parameter_count;
    const char *name_database; /* what to say when something is missing */
    const char *name_host;
};

static const struct url_parameter mysql_parameters[] = {
    {"unix_socket", read_socket}, {"ssl", read_tls},
    {"ssl_ca", read_ca},          {"connect_timeout", read_connect_timeout},
    {"charset", read_charset},
};

static const struct server_kind mysql_server = {
    .kind = DATABASE_MYSQL,
    .port = MYSQL_PORT,
    .parameters = mysql_parameters,
    .parameter_count = sizeof mysql_parameters / sizeof mysql_parameters[0],
    .name_database = "name one database behind the host, as in mysql://host/orders",
    .name_host = "name the host, as in mysql://host/orders, "
                 "or the socket, as in ?unix_socket=/run/mysqld/mysqld.sock",
};

static const struct url_parameter postgres_parameters[] = {
    {"host", read_socket_folder},
    {"ssl", read_postgres_tls},
    {"sslmode", read_postgres_tls},
    {"ssl_ca", read_ca},
    {"sslrootcert", read_ca},
    {"connect_timeout", read_connect_timeout},
    {"application_name", read_application_name},
};

static const struct server_kind postgres_server = {
    .kind = DATABASE_POSTGRES,
    .port = POSTGRES_PORT,
    .parameters = postgres_parameters,
    .parameter_count = sizeof postgres_parameters / sizeof postgres_parameters[0],
    .name_database = "name one database behind the host, as in postgresql://host/orders",
    .name_host = "name the host, as in postgresql://host/orders, "
                 "or the folder of the socket, as in ?host=/run/postgresql",
};

static enum status read_sqlite(const UriUriA *uri, struct database_url *url,
                               char reason[URL_REASON_SIZE])
{
    url->kind = DATABASE_SQLITE;
    if (url_has_host_or_port(uri) || url_has_user(uri)) {
        return url_refuse(reason, "a relative file takes three slashes, sqlite:///orders.db, an "
                                  "absolute one four, sqlite:////var/lib/orders.db");
    }
    enum status status = url_take_path(uri, "file name", url->path, sizeof url->path, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (url->path[0] == '\0' || strcmp(url->path, ":memory:") == 0) {
        return url_refuse(reason, "name a file, as in sqlite:///./orders.db: "
                                  "a database in memory would lose the orders");
    }
    return url_take_query(uri, NULL, 0, NULL, reason);
}

/* The database, and where its server is. */
static enum status take_place(const UriUriA *uri, const struct server_kind *server,
                              struct database_url *url, char reason[URL_REASON_SIZE])
{
    enum status status = url_take_host(uri, url->host, reason);
    if (status == STATUS_OK) {
        status = url_take_port(uri, server->port, &url->port, reason);
    }
    if (status == STATUS_OK) {
        status = url_take_path(uri, "database name", url->database, sizeof url->database, reason);
    }
    if (status == STATUS_OK && (!url_path_is_one_name(uri) || url->database[0] == '\0')) {
        status = url_refuse(reason, server->name_database);
    }
    if (status == STATUS_OK) {
        status = url_take_query(uri, server->parameters, server->parameter_count, url, reason);
    }
    /* The other spelling of a socket: postgresql://user@%2Frun%2Fpostgresql/orders. */
    if (status == STATUS_OK && url->host[0] == '/' && url->path[0] == '\0') {
        strcpy(url->path, url->host);
    }
    if (status == STATUS_OK && url->host[0] == '\0' && url->path[0] == '\0') {
        status = url_refuse(reason, server->name_host);
    }
    return status;
}

/* A certificate authority that is named is meant to be asked: it is never quietly left aside. */
static enum status settle_tls(struct database_url *url, char reason[URL_REASON_SIZE])
{
    if (url->tls_ca[0] != '\0' && url->tls == DATABASE_TLS_DEFAULT) {
        url->tls = DATABASE_TLS_VERIFY;
    }
    bool verifies = url->tls == DATABASE_TLS_VERIFY || url->tls == DATABASE_TLS_VERIFY_CA;
    if (url->tls_ca[0] != '\0' && !verifies) {
        return url_refuse(reason, "a certificate authority is named, and ssl says not to look at "
                                  "the certificate: write ssl=verify, or leave ssl_ca out");
    }
    if (verifies && url->tls_ca[0] == '\0' && url->path[0] == '\0') {
        memcpy(url->tls_ca, system_ca, sizeof system_ca);
    }
    return STATUS_OK;
}

static enum status read_server(const UriUriA *uri, const struct server_kind *server,
                               struct database_url *url, char reason[URL_REASON_SIZE])
{
    url->kind = server->kind;
    if (url_has_stray_at(uri)) {
        return url_refuse_unencoded(reason);
    }
    enum status status = url_take_credentials(uri, url->user, url->password, reason);
    if (status == STATUS_OK) {
        status = take_place(uri, server, url, reason);
    }
    return status == STATUS_OK ? settle_tls(url, reason) : status;
}

enum status database_url_parse(const char *text, struct database_url *url,
                               char reason[URL_REASON_SIZE])
{
    UriUriA uri;
    *url = (struct database_url){0};
    enum status status = url_open(text, &uri, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (url_scheme_is(&uri, "sqlite", true)) {
        status = read_sqlite(&uri, url, reason);
    } else if (url_scheme_is(&uri, "mysql", true) || url_scheme_is(&uri, "mariadb", true)) {
        status = read_server(&uri, &mysql_server, url, reason);
    } else if (url_scheme_is(&uri, "postgresql", true) || url_scheme_is(&uri, "postgres", true)) {
        status = read_server(&uri, &postgres_server, url, reason);
    } else {
        status = url_refuse(reason, "it starts with none of sqlite://, mysql://, mariadb:// and "
                                    "postgresql://");
    }
    uriFreeUriMembersA(&uri);
    return status;
}
