/* SPDX-License-Identifier: MIT */
#include "common/url/database_url.h"

#include <stddef.h>
#include <string.h>

#include "common/url/url_parts.h"
#include "common/url/url_query.h"

enum {
    REDIS_PORT = 6379,
    REDIS_DATABASE_MAX = INT32_MAX,
};

static const char bad_database[] = "the database is not a number from 0 to 2147483647";
static const char needs_tls[] = "TLS to Redis is not built in: use redis:// or unix://";

static enum status take_redis_database(const char *text, uint32_t *database,
                                       char reason[URL_REASON_SIZE])
{
    if (*text != '\0' && !url_read_number(text, strlen(text), REDIS_DATABASE_MAX, database)) {
        return url_refuse(reason, bad_database);
    }
    return STATUS_OK;
}

static enum status read_db(const char *name, const char *value, void *to,
                           char reason[URL_REASON_SIZE])
{
    (void)name;
    return take_redis_database(value, &((struct redis_url *)to)->database, reason);
}

static enum status read_tls(const char *name, const char *value, void *to,
                            char reason[URL_REASON_SIZE])
{
    (void)name;
    (void)to;
    return url_is_spelling(value, "false") ? STATUS_OK : url_refuse(reason, needs_tls);
}

static const struct url_parameter parameters[] = {
    {"db", read_db, false},
    {"database", read_db, true},
    {"ssl", read_tls, true},
    {"tls", read_tls, true},
    {"user", url_refuse_misplaced, true},
    {"password", url_refuse_misplaced, true},
};

/* How the clients of other programs keep their connections. */
static const char *const others[] = {
    "timeout",
    "connect_timeout",
    "socket_timeout",
    "socket_connect_timeout",
    "read_timeout",
    "write_timeout",
    "socket_keepalive",
    "health_check_interval",
    "max_connections",
    "retry_on_timeout",
    "decode_responses",
    "encoding",
    "client_name",
    "protocol",
    "family",
    "pool_size",
    "pool_timeout",
    "max_retries",
    "maxRetriesPerRequest",
    "connectTimeout",
};

static enum status take_parameters(const UriUriA *uri, struct redis_url *url,
                                   char reason[URL_REASON_SIZE])
{
    const struct url_query query = {
        .known = parameters,
        .known_count = sizeof parameters / sizeof parameters[0],
        .others = others,
        .other_count = sizeof others / sizeof others[0],
        .passed_over = url->passed_over,
        .to = url,
    };
    return url_take_query(uri, &query, reason);
}

static enum status read_redis_tcp(const UriUriA *uri, struct redis_url *url,
                                  char reason[URL_REASON_SIZE])
{
    char name[URL_PART_SIZE];
    uint32_t named = 0;
    enum status status = url_take_host(uri, url->host, reason);
    if (status == STATUS_OK && url->host[0] == '\0') {
        status = url_refuse(reason, "name the host, as in redis://host:6379/0");
    }
    if (status == STATUS_OK) {
        status = url_take_port(uri, REDIS_PORT, &url->port, reason);
    }
    if (status == STATUS_OK) {
        status = url_take_name(uri, &(struct url_name){"database", bad_database}, name, reason);
    }
    if (status == STATUS_OK) {
        status = take_redis_database(name, &named, reason);
    }
    url->database = named;
    if (status == STATUS_OK) {
        status = take_parameters(uri, url, reason);
    }
    if (status == STATUS_OK && name[0] != '\0' && url->database != named) {
        status = url_refuse(reason, "the database stands behind the host and as db, and they "
                                    "differ: leave one of them out");
    }
    return status;
}

static enum status read_redis_unix(const UriUriA *uri, struct redis_url *url,
                                   char reason[URL_REASON_SIZE])
{
    if (url_has_host_or_port(uri)) {
        return url_refuse(reason, "a socket takes three slashes, as in unix:///run/redis.sock");
    }
    url->path[0] = '/';
    enum status status = url_take_path(uri, "path", url->path + 1, sizeof url->path - 1, reason);
    if (status == STATUS_OK && url->path[1] == '\0') {
        status = url_refuse(reason, "name the socket, as in unix:///run/redis.sock");
    }
    return status != STATUS_OK ? status : take_parameters(uri, url, reason);
}

static enum status read_redis(const UriUriA *uri, struct redis_url *url,
                              char reason[URL_REASON_SIZE])
{
    if (url_has_stray_at(uri)) {
        return url_refuse_unencoded(reason);
    }
    enum status status = url_take_credentials(uri, url->user, url->password, reason);
    if (status != STATUS_OK) {
        return status;
    }
    /* Its name is left out, because servers before Redis 6 do not know it. */
    if (strcmp(url->user, "default") == 0) {
        url->user[0] = '\0';
    }
    if (url->user[0] != '\0' && url->password[0] == '\0') {
        return url_refuse(reason, "in front of the @ a password is missing: "
                                  "write :password@host or user:password@host");
    }
    return url_scheme_is(uri, "unix", false) ? read_redis_unix(uri, url, reason)
                                             : read_redis_tcp(uri, url, reason);
}

enum status redis_url_parse(const char *text, struct redis_url *url, char reason[URL_REASON_SIZE])
{
    UriUriA uri;
    *url = (struct redis_url){0};
    enum status status = url_open(text, &uri, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (url_scheme_is(&uri, "redis", false) || url_scheme_is(&uri, "valkey", false) ||
        url_scheme_is(&uri, "unix", false)) {
        status = read_redis(&uri, url, reason);
    } else if (url_scheme_is(&uri, "rediss", false) || url_scheme_is(&uri, "valkeys", false)) {
        status = url_refuse(reason, needs_tls);
    } else {
        status = url_refuse(reason, "it starts with none of redis:// and unix://");
    }
    uriFreeUriMembersA(&uri);
    return status;
}
