/* SPDX-License-Identifier: MIT */
#include "common/database_url.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uriparser/Uri.h>

enum {
    URL_TEXT_MAX = 4096, /* bytes: more than every part at its longest, percent-encoded */
    MYSQL_PORT = 3306,
    POSTGRES_PORT = 5432,
    REDIS_PORT = 6379,
    REDIS_DATABASE_MAX = INT32_MAX,
    PARAMETER_SHOWN_MAX = 32, /* bytes of a parameter's name that a reason repeats */
};

static const char encode_hint[] = "it is not a URL: in a user, password or name write "
                                  "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25, "
                                  "a space as %20";

/* Reasons are constants, so that no part of a URL, and no password, gets into them. */
static enum status refuse(char reason[URL_REASON_SIZE], const char *text)
{
    int len = snprintf(reason, URL_REASON_SIZE, "%s", text);
    assert(len < URL_REASON_SIZE);
    (void)len;
    return STATUS_INVALID;
}

static size_t range_len(UriTextRangeA range)
{
    return range.first != NULL ? (size_t)(range.afterLast - range.first) : 0;
}

/* Takes the percent-encoding out of `text`; `what` names it in reasons. */
static enum status decode(const char *text, size_t len, const char *what, char *out, size_t size,
                          char reason[URL_REASON_SIZE])
{
    char decoded[URL_TEXT_MAX + 1];
    assert(len <= URL_TEXT_MAX);
    memcpy(decoded, text, len);
    decoded[len] = '\0';
    if (strstr(decoded, "%00") != NULL) {
        (void)snprintf(reason, URL_REASON_SIZE, "the %s must not contain %%00", what);
        return STATUS_INVALID;
    }
    (void)uriUnescapeInPlaceExA(decoded, URI_FALSE, URI_BR_DONT_TOUCH);
    size_t decoded_len = strlen(decoded);
    if (decoded_len >= size) {
        (void)snprintf(reason, URL_REASON_SIZE, "the %s is longer than %zu bytes", what, size - 1);
        return STATUS_INVALID;
    }
    memcpy(out, decoded, decoded_len + 1);
    return STATUS_OK;
}

static enum status decode_range(UriTextRangeA range, const char *what, char out[URL_PART_SIZE],
                                char reason[URL_REASON_SIZE])
{
    size_t len = range_len(range);
    return decode(len > 0 ? range.first : "", len, what, out, URL_PART_SIZE, reason);
}

/* The path without its first slash: sqlite:////tmp/x has "/tmp/x", mysql://host/db has "db". */
static enum status take_path(const UriUriA *uri, const char *what, char *out, size_t size,
                             char reason[URL_REASON_SIZE])
{
    char joined[URL_TEXT_MAX + 1];
    size_t len = 0;
    for (const UriPathSegmentA *part = uri->pathHead; part != NULL; part = part->next) {
        size_t part_len = range_len(part->text);
        if (part != uri->pathHead) {
            joined[len++] = '/';
        }
        memcpy(joined + len, part_len > 0 ? part->text.first : "", part_len);
        len += part_len;
    }
    return decode(joined, len, what, out, size, reason);
}

/* "user:password", "user" or ":password". Only the first colon parts them. */
static enum status take_credentials(const UriUriA *uri, char user[URL_PART_SIZE],
                                    char password[URL_PART_SIZE], char reason[URL_REASON_SIZE])
{
    UriTextRangeA name = uri->userInfo;
    UriTextRangeA secret = {NULL, NULL};
    size_t len = range_len(name);
    const char *colon = len > 0 ? memchr(name.first, ':', len) : NULL;
    if (colon != NULL) {
        secret = (UriTextRangeA){colon + 1, name.afterLast};
        name.afterLast = colon;
    }
    enum status status = decode_range(name, "user", user, reason);
    return status != STATUS_OK ? status : decode_range(secret, "password", password, reason);
}

/* Digits only, and no more than `max`. */
static bool read_number(const char *text, size_t len, uint32_t max, uint32_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
        if (value > max) {
            return false;
        }
    }
    *number = (uint32_t)value;
    return len > 0;
}

static const char bad_port[] = "the port is not a number from 1 to 65535";

static enum status take_port(const UriUriA *uri, uint16_t standard, uint16_t *port,
                             char reason[URL_REASON_SIZE])
{
    uint32_t number = standard;
    size_t len = range_len(uri->portText);
    if (len > 0 && (!read_number(uri->portText.first, len, UINT16_MAX, &number) || number == 0)) {
        return refuse(reason, bad_port);
    }
    *port = (uint16_t)number;
    return STATUS_OK;
}

/* A name nobody would mistake for a piece of a password that was not encoded. */
static bool is_plain_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len > 0 && len <= PARAMETER_SHOWN_MAX && name[len] == '\0';
}

static enum status take_parameters(const UriQueryListA *parameters, const char *known, char *out,
                                   size_t size, char reason[URL_REASON_SIZE])
{
    bool seen = false;
    for (const UriQueryListA *entry = parameters; entry != NULL; entry = entry->next) {
        if (known == NULL || strcmp(entry->key, known) != 0) {
            (void)snprintf(reason, URL_REASON_SIZE, "unknown query parameter%s%s: %s%s",
                           is_plain_name(entry->key) ? " " : "",
                           is_plain_name(entry->key) ? entry->key : "",
                           known != NULL ? "the only one is "
                                         : "there is none for this kind of URL",
                           known != NULL ? known : "");
            return STATUS_INVALID;
        }
        if (seen) {
            (void)snprintf(reason, URL_REASON_SIZE, "the query parameter %s is there twice", known);
            return STATUS_INVALID;
        }
        seen = true;
        size_t len = entry->value != NULL ? strlen(entry->value) : 0;
        if (len == 0 || len >= size) {
            (void)snprintf(reason, URL_REASON_SIZE,
                           "the query parameter %s is empty or longer than %zu bytes", known,
                           size - 1);
            return STATUS_INVALID;
        }
        memcpy(out, entry->value, len + 1);
    }
    return STATUS_OK;
}

/* The value of the one query parameter that is `known` (NULL: none is) to `out`, empty if absent.
 */
static enum status take_query(const UriUriA *uri, const char *known, char *out, size_t size,
                              char reason[URL_REASON_SIZE])
{
    size_t len = range_len(uri->query);
    if (len == 0) {
        return STATUS_OK;
    }
    if (memmem(uri->query.first, len, "%00", 3) != NULL) {
        return refuse(reason, "the query must not contain %00");
    }
    UriQueryListA *parameters = NULL;
    int count = 0;
    /* A plus sign is a plus sign: these are file names, not the fields of a form. */
    if (uriDissectQueryMallocExA(&parameters, &count, uri->query.first, uri->query.afterLast,
                                 URI_FALSE, URI_BR_DONT_TOUCH) != URI_SUCCESS) {
        return refuse(reason, "there is no memory to read the query");
    }
    enum status status = take_parameters(parameters, known, out, size, reason);
    uriFreeQueryListA(parameters);
    return status;
}

/* What is wrong with a text that the URL grammar refuses, as far as it can be told. */
static const char *guess_fault(const char *text)
{
    const char *authority = strstr(text, "://");
    if (authority == NULL) {
        return "it is not a URL, which starts with a kind and ://";
    }
    authority += 3;
    const char *end = authority + strcspn(authority, "/?#");
    const char *at = strchr(authority, '@');
    if (at != NULL && (at > end || strchr(at + 1, '@') != NULL)) {
        return encode_hint;
    }
    const char *host = at != NULL ? at + 1 : authority;
    const char *bracket = memchr(host, ']', (size_t)(end - host));
    const char *colon = memchr(bracket != NULL ? bracket : host, ':',
                               (size_t)(end - (bracket != NULL ? bracket : host)));
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        return "an IPv6 address stands in brackets, as in [::1]:3306";
    }
    if (colon != NULL && colon + 1 + strspn(colon + 1, "0123456789") != end) {
        return bad_port;
    }
    return encode_hint;
}

/* STATUS_OK: `*uri` has a scheme and an authority, and the caller frees its members. */
static enum status open_uri(const char *text, UriUriA *uri, char reason[URL_REASON_SIZE])
{
    if (*text == '\0') {
        return refuse(reason, "it is empty");
    }
    if (strlen(text) > URL_TEXT_MAX) {
        return refuse(reason, "it is longer than 4096 bytes");
    }
    const char *fault_at = NULL;
    int result = uriParseSingleUriA(uri, text, &fault_at);
    if (result != URI_SUCCESS) {
        return refuse(reason, result == URI_ERROR_MALLOC ? "there is no memory to read it"
                                                         : guess_fault(text));
    }
    const char *fault = NULL;
    if (uri->scheme.first == NULL || uri->hostText.first == NULL) {
        fault = "it is not a URL, which starts with a kind and ://";
    } else if (uri->fragment.first != NULL) {
        fault = "# must be written as %23";
    }
    if (fault != NULL) {
        uriFreeUriMembersA(uri);
        return refuse(reason, fault);
    }
    return STATUS_OK;
}

/* The scheme is `name`, or `name`+driver as SQLAlchemy spells it. */
static bool scheme_is(const UriUriA *uri, const char *name, bool with_driver)
{
    size_t len = range_len(uri->scheme);
    const char *plus = with_driver ? memchr(uri->scheme.first, '+', len) : NULL;
    if (plus != NULL) {
        len = (size_t)(plus - uri->scheme.first);
    }
    return len == strlen(name) && strncasecmp(uri->scheme.first, name, len) == 0;
}

/*
 * An @ behind the host means that the password holds a character which ended it early: to go on
 * would take a piece of the password for a name, and show it.
 */
static bool has_stray_at(const UriUriA *uri)
{
    for (const UriPathSegmentA *part = uri->pathHead; part != NULL; part = part->next) {
        if (range_len(part->text) > 0 &&
            memchr(part->text.first, '@', range_len(part->text)) != NULL) {
            return true;
        }
    }
    size_t len = range_len(uri->query);
    return len > 0 && memchr(uri->query.first, '@', len) != NULL;
}

static enum status read_sqlite(const UriUriA *uri, struct database_url *url,
                               char reason[URL_REASON_SIZE])
{
    url->kind = DATABASE_SQLITE;
    if (range_len(uri->hostText) > 0 || range_len(uri->userInfo) > 0 ||
        range_len(uri->portText) > 0) {
        return refuse(reason, "a relative file takes three slashes, sqlite:///orders.db, an "
                              "absolute one four, sqlite:////var/lib/orders.db");
    }
    enum status status = take_path(uri, "file name", url->path, sizeof url->path, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (url->path[0] == '\0' || strcmp(url->path, ":memory:") == 0) {
        return refuse(reason, "name a file, as in sqlite:///./orders.db: "
                              "a database in memory would lose the orders");
    }
    return take_query(uri, NULL, NULL, 0, reason);
}

/* What the URLs of databases on servers differ in. */
struct server_kind {
    enum database_kind kind;
    uint16_t port;
    const char *socket_parameter;
    const char *name_database; /* what to say when something is missing */
    const char *name_host;
};

static const struct server_kind mysql_server = {
    .kind = DATABASE_MYSQL,
    .port = MYSQL_PORT,
    .socket_parameter = "unix_socket",
    .name_database = "name one database behind the host, as in mysql://host/orders",
    .name_host = "name the host, as in mysql://host/orders, "
                 "or the socket, as in ?unix_socket=/run/mysqld/mysqld.sock",
};

static const struct server_kind postgres_server = {
    .kind = DATABASE_POSTGRES,
    .port = POSTGRES_PORT,
    .socket_parameter = "host",
    .name_database = "name one database behind the host, as in postgresql://host/orders",
    .name_host = "name the host, as in postgresql://host/orders, "
                 "or the folder of the socket, as in ?host=/run/postgresql",
};

/* The database, and where its server is. */
static enum status take_place(const UriUriA *uri, const struct server_kind *server,
                              struct database_url *url, char reason[URL_REASON_SIZE])
{
    enum status status = decode_range(uri->hostText, "host", url->host, reason);
    if (status == STATUS_OK) {
        status = take_port(uri, server->port, &url->port, reason);
    }
    if (status == STATUS_OK) {
        status = take_path(uri, "database name", url->database, sizeof url->database, reason);
    }
    if (status == STATUS_OK &&
        (uri->pathHead == NULL || uri->pathHead != uri->pathTail || url->database[0] == '\0')) {
        status = refuse(reason, server->name_database);
    }
    if (status == STATUS_OK) {
        status = take_query(uri, server->socket_parameter, url->path, sizeof url->path, reason);
    }
    if (status == STATUS_OK && url->host[0] == '\0' && url->path[0] == '\0') {
        status = refuse(reason, server->name_host);
    }
    return status;
}

static enum status read_server(const UriUriA *uri, const struct server_kind *server,
                               struct database_url *url, char reason[URL_REASON_SIZE])
{
    url->kind = server->kind;
    if (has_stray_at(uri)) {
        return refuse(reason, encode_hint);
    }
    enum status status = take_credentials(uri, url->user, url->password, reason);
    if (status == STATUS_OK) {
        status = take_place(uri, server, url, reason);
    }
    /* As a host's name it would be a second one. */
    if (status == STATUS_OK && server->kind == DATABASE_POSTGRES && url->path[0] != '\0' &&
        url->path[0] != '/') {
        status = refuse(reason, "the query parameter host is the folder of a socket and starts "
                                "with /; the name of a host stands in front of the database");
    }
    return status;
}

enum status database_url_parse(const char *text, struct database_url *url,
                               char reason[URL_REASON_SIZE])
{
    UriUriA uri;
    *url = (struct database_url){0};
    enum status status = open_uri(text, &uri, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (scheme_is(&uri, "sqlite", true)) {
        status = read_sqlite(&uri, url, reason);
    } else if (scheme_is(&uri, "mysql", true) || scheme_is(&uri, "mariadb", true)) {
        status = read_server(&uri, &mysql_server, url, reason);
    } else if (scheme_is(&uri, "postgresql", true) || scheme_is(&uri, "postgres", true)) {
        status = read_server(&uri, &postgres_server, url, reason);
    } else {
        status = refuse(reason, "it starts with none of sqlite://, mysql://, mariadb:// and "
                                "postgresql://");
    }
    uriFreeUriMembersA(&uri);
    return status;
}

static enum status take_redis_database(const char *text, uint32_t *database,
                                       char reason[URL_REASON_SIZE])
{
    if (*text != '\0' && !read_number(text, strlen(text), REDIS_DATABASE_MAX, database)) {
        return refuse(reason, "the database is not a number from 0 to 2147483647");
    }
    return STATUS_OK;
}

static enum status read_redis_tcp(const UriUriA *uri, struct redis_url *url,
                                  char reason[URL_REASON_SIZE])
{
    char database[URL_PART_SIZE];
    enum status status = decode_range(uri->hostText, "host", url->host, reason);
    if (status == STATUS_OK && url->host[0] == '\0') {
        status = refuse(reason, "name the host, as in redis://host:6379/0");
    }
    if (status == STATUS_OK) {
        status = take_port(uri, REDIS_PORT, &url->port, reason);
    }
    if (status == STATUS_OK) {
        status = take_path(uri, "database", database, sizeof database, reason);
    }
    if (status == STATUS_OK) {
        status = take_redis_database(database, &url->database, reason);
    }
    return status != STATUS_OK ? status : take_query(uri, NULL, NULL, 0, reason);
}

static enum status read_redis_unix(const UriUriA *uri, struct redis_url *url,
                                   char reason[URL_REASON_SIZE])
{
    char database[URL_PART_SIZE] = "";
    if (range_len(uri->hostText) > 0 || range_len(uri->portText) > 0) {
        return refuse(reason, "a socket takes three slashes, as in unix:///run/redis.sock");
    }
    url->path[0] = '/';
    enum status status = take_path(uri, "path", url->path + 1, sizeof url->path - 1, reason);
    if (status == STATUS_OK && url->path[1] == '\0') {
        status = refuse(reason, "name the socket, as in unix:///run/redis.sock");
    }
    if (status == STATUS_OK) {
        status = take_query(uri, "db", database, sizeof database, reason);
    }
    return status != STATUS_OK ? status : take_redis_database(database, &url->database, reason);
}

static enum status read_redis(const UriUriA *uri, struct redis_url *url,
                              char reason[URL_REASON_SIZE])
{
    if (has_stray_at(uri)) {
        return refuse(reason, encode_hint);
    }
    enum status status = take_credentials(uri, url->user, url->password, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (url->user[0] != '\0' && url->password[0] == '\0') {
        return refuse(reason, "in front of the @ a password is missing: "
                              "write :password@host or user:password@host");
    }
    return scheme_is(uri, "unix", false) ? read_redis_unix(uri, url, reason)
                                         : read_redis_tcp(uri, url, reason);
}

enum status redis_url_parse(const char *text, struct redis_url *url, char reason[URL_REASON_SIZE])
{
    UriUriA uri;
    *url = (struct redis_url){0};
    enum status status = open_uri(text, &uri, reason);
    if (status != STATUS_OK) {
        return status;
    }
    if (scheme_is(&uri, "redis", false) || scheme_is(&uri, "unix", false)) {
        status = read_redis(&uri, url, reason);
    } else if (scheme_is(&uri, "rediss", false)) {
        status = refuse(reason, "rediss:// needs TLS, which is not built in: "
                                "use redis:// or unix://");
    } else {
        status = refuse(reason, "it starts with none of redis:// and unix://");
    }
    uriFreeUriMembersA(&uri);
    return status;
}
