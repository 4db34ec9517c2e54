/* SPDX-License-Identifier: MIT */
#include "common/url/database_url.h"

#include <stddef.h>
#include <string.h>

#include "common/url/database_parameters.h"
#include "common/url/url_parts.h"
#include "common/url/url_query.h"

enum {
    MYSQL_PORT = 3306,
    POSTGRES_PORT = 5432,
};

/* What the URLs of databases on servers differ in. */
struct server_kind {
    enum database_kind kind;
    uint16_t port;
    const char *name_database; /* what to say when something is missing */
    const char *name_host;
};

static const struct server_kind mysql_server = {
    .kind = DATABASE_MYSQL,
    .port = MYSQL_PORT,
    .name_database = "name one database behind the host, as in mysql://host/orders",
    .name_host = "name the host, as in mysql://host/orders, "
                 "or the socket, as in ?unix_socket=/run/mysqld/mysqld.sock",
};

static const struct server_kind postgres_server = {
    .kind = DATABASE_POSTGRES,
    .port = POSTGRES_PORT,
    .name_database = "name one database behind the host, as in postgresql://host/orders",
    .name_host = "name the host, as in postgresql://host/orders, "
                 "or the folder of the socket, as in ?host=/run/postgresql",
};

/* Only one way of opening is of use; `rw` would not make the file. */
static enum status read_mode(const char *name, const char *value, void *to,
                             char reason[URL_REASON_SIZE])
{
    if (strcmp(value, "rwc") != 0) {
        return url_refuse(reason, "the file must be one that can be written, and is made when it "
                                  "is not there: leave mode out");
    }
    url_pass_over(((struct database_url *)to)->passed_over, name);
    return STATUS_OK;
}

static enum status take_sqlite_parameters(const UriUriA *uri, struct database_url *url,
                                          char reason[URL_REASON_SIZE])
{
    static const struct url_parameter parameters[] = {{"mode", read_mode, true}};
    static const char *const others[] = {"connection_limit", "socket_timeout", "pool",
                                         "pool_size",        "timeout",        "busy_timeout",
                                         "check_same_thread"};
    const struct url_query query = {
        .known = parameters,
        .known_count = 1,
        .others = others,
        .other_count = sizeof others / sizeof others[0],
        .passed_over = url->passed_over,
        .to = url,
    };
    return url_take_query(uri, &query, reason);
}

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
    return take_sqlite_parameters(uri, url, reason);
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
        status = url_take_name(uri, &(struct url_name){"database name", server->name_database},
                               url->database, reason);
    }
    if (status == STATUS_OK && url->database[0] == '\0') {
        status = url_refuse(reason, server->name_database);
    }
    if (status == STATUS_OK) {
        status = database_parameters_take(uri, url, reason);
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
    return status == STATUS_OK ? database_parameters_settle(url, reason) : status;
}

static bool is_one_of(const UriUriA *uri, const char *const schemes[])
{
    while (*schemes != NULL && !url_scheme_is(uri, *schemes, true)) {
        schemes++;
    }
    return *schemes != NULL;
}

enum status database_url_parse(const char *text, struct database_url *url,
                               char reason[URL_REASON_SIZE])
{
    static const char *const mysql_schemes[] = {"mysql", "mariadb", "mysql2", NULL};
    static const char *const postgres_schemes[] = {"postgresql", "postgres", "pgsql", NULL};
    UriUriA uri;
    *url = (struct database_url){0};
    enum status status = url_open(text, &uri, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (url_scheme_is(&uri, "sqlite", true) || url_scheme_is(&uri, "sqlite3", true)) {
        status = read_sqlite(&uri, url, reason);
    } else if (is_one_of(&uri, mysql_schemes)) {
        status = read_server(&uri, &mysql_server, url, reason);
    } else if (is_one_of(&uri, postgres_schemes)) {
        status = read_server(&uri, &postgres_server, url, reason);
    } else {
        status = url_refuse(reason, "it starts with none of sqlite://, mysql://, mariadb:// and "
                                    "postgresql://");
    }
    uriFreeUriMembersA(&uri);
    return status;
}
