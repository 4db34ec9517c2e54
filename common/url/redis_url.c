/* SPDX-License-Identifier: MIT */
#include "common/url/database_url.h"

#include <stddef.h>
#include <string.h>

#include "common/url/url_parts.h"

enum {
    REDIS_PORT = 6379,
    REDIS_DATABASE_MAX = INT32_MAX,
};

static enum status take_redis_database(const char *text, uint32_t *database,
                                       char reason[URL_REASON_SIZE])
{
    if (*text != '\0' && !url_read_number(text, strlen(text), REDIS_DATABASE_MAX, database)) {
        return url_refuse(reason, "the database is not a number from 0 to 2147483647");
    }
    return STATUS_OK;
}

static enum status read_redis_tcp(const UriUriA *uri, struct redis_url *url,
                                  char reason[URL_REASON_SIZE])
{
    char database[URL_PART_SIZE];
    enum status status = url_take_host(uri, url->host, reason);
    if (status == STATUS_OK && url->host[0] == '\0') {
        status = url_refuse(reason, "name the host, as in redis://host:6379/0");
    }
    if (status == STATUS_OK) {
        status = url_take_port(uri, REDIS_PORT, &url->port, reason);
    }
    if (status == STATUS_OK) {
        status = url_take_path(uri, "database", database, sizeof database, reason);
    }
    if (status == STATUS_OK) {
        status = take_redis_database(database, &url->database, reason);
    }
    return status != STATUS_OK ? status : url_take_query(uri, NULL, 0, NULL, reason);
}

static enum status read_db(const char *name, const char *value, void *url,
                           char reason[URL_REASON_SIZE])
{
    (void)name;
    return take_redis_database(value, &((struct redis_url *)url)->database, reason);
}

static enum status read_redis_unix(const UriUriA *uri, struct redis_url *url,
                                   char reason[URL_REASON_SIZE])
{
    static const struct url_parameter parameters[] = {{"db", read_db}};
    if (url_has_host_or_port(uri)) {
        return url_refuse(reason, "a socket takes three slashes, as in unix:///run/redis.sock");
    }
    url->path[0] = '/';
    enum status status = url_take_path(uri, "path", url->path + 1, sizeof url->path - 1, reason);
    if (status == STATUS_OK && url->path[1] == '\0') {
        status = url_refuse(reason, "name the socket, as in unix:///run/redis.sock");
    }
    return status != STATUS_OK ? status : url_take_query(uri, parameters, 1, url, reason);
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
    if (url_scheme_is(&uri, "redis", false) || url_scheme_is(&uri, "unix", false)) {
        status = read_redis(&uri, url, reason);
    } else if (url_scheme_is(&uri, "rediss", false)) {
        status = url_refuse(reason, "rediss:// needs TLS, which is not built in: "
                                    "use redis:// or unix://");
    } else {
        status = url_refuse(reason, "it starts with none of redis:// and unix://");
    }
    uriFreeUriMembersA(&uri);
    return status;
}
