/* SPDX-License-Identifier: MIT */
#include "common/url/database_parameters.h"

#include <stddef.h>
#include <string.h>

#include "common/url/url_parts.h"
#include "common/url/url_query.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Requests wait this long too, and a program that is asked to stop. */
enum { CONNECT_TIMEOUT_MAX_S = 10 };

static const char system_ca[] = DATABASE_SYSTEM_CA;

static enum status read_socket(const char *name, const char *value, void *to,
                               char reason[URL_REASON_SIZE])
{
    struct database_url *url = to;
    return url_copy_parameter(name, value, url->path, sizeof url->path, reason);
}

/* As a host's name it would be a second one. */
static enum status read_socket_folder(const char *name, const char *value, void *to,
                                      char reason[URL_REASON_SIZE])
{
    if (value[0] != '/') {
        return url_refuse(reason, "the query parameter host is the folder of a socket and starts "
                                  "with /; the name of a host stands in front of the database");
    }
    return read_socket(name, value, to, reason);
}

struct tls_word {
    const char *word;
    enum database_tls tls;
};

/* Each client has its own words; `true` is what libpq makes of it. */
static const struct tls_word tls_words[] = {
    {"disabled", DATABASE_TLS_DISABLED},
    {"disable", DATABASE_TLS_DISABLED},
    {"false", DATABASE_TLS_DISABLED},
    {"0", DATABASE_TLS_DISABLED},
    {"allow", DATABASE_TLS_ALLOWED},
    {"preferred", DATABASE_TLS_PREFERRED},
    {"prefer", DATABASE_TLS_PREFERRED},
    {"required", DATABASE_TLS_REQUIRED},
    {"require", DATABASE_TLS_REQUIRED},
    {"true", DATABASE_TLS_REQUIRED},
    {"1", DATABASE_TLS_REQUIRED},
    {"no-verify", DATABASE_TLS_REQUIRED},
    {"{\"rejectUnauthorized\":false}", DATABASE_TLS_REQUIRED},
    {"verify-ca", DATABASE_TLS_VERIFY_CA},
    {"verify", DATABASE_TLS_VERIFY},
    {"verify-full", DATABASE_TLS_VERIFY},
    {"verify-identity", DATABASE_TLS_VERIFY},
    {"{\"rejectUnauthorized\":true}", DATABASE_TLS_VERIFY},
};

static enum status read_tls(const char *name, const char *value, void *to,
                            char reason[URL_REASON_SIZE])
{
    (void)name;
    for (size_t i = 0; i < COUNT_OF(tls_words); i++) {
        if (url_is_spelling(value, tls_words[i].word)) {
            ((struct database_url *)to)->tls = tls_words[i].tls;
            return STATUS_OK;
        }
    }
    return url_refuse(reason, "the query parameter ssl is one of disabled, preferred, required, "
                              "verify; or, in libpq's words, disable, allow, prefer, require, "
                              "verify-ca, verify-full");
}

/* Prisma's, which says how the certificate is looked at, beside sslmode. */
static enum status read_accept(const char *name, const char *value, void *to,
                               char reason[URL_REASON_SIZE])
{
    struct database_url *url = to;
    (void)name;
    if (url_is_spelling(value, "strict")) {
        url->tls_accept = DATABASE_TLS_VERIFY;
    } else if (url_is_spelling(value, "accept_invalid_certs")) {
        url->tls_accept = DATABASE_TLS_REQUIRED;
    } else {
        return url_refuse(reason,
                          "the query parameter sslaccept is strict or "
                          "accept_invalid_certs; ssl=verify and ssl=required mean the same");
    }
    return STATUS_OK;
}

static enum status read_ca(const char *name, const char *value, void *to,
                           char reason[URL_REASON_SIZE])
{
    struct database_url *url = to;
    const char *file = strcmp(value, "system") == 0 ? system_ca : value;
    return url_copy_parameter(name, file, url->tls_ca, sizeof url->tls_ca, reason);
}

/* Many URLs have more than the services can wait; 0 is libpq's word for no end. */
static enum status read_connect_timeout(const char *name, const char *value, void *to,
                                        char reason[URL_REASON_SIZE])
{
    struct database_url *url = to;
    size_t len = strlen(value);
    (void)name;
    if (strspn(value, "0123456789") != len) {
        return url_refuse(reason, "the query parameter connect_timeout is a whole number of "
                                  "seconds, from 1 to 10");
    }
    if (!url_read_number(value, len, CONNECT_TIMEOUT_MAX_S, &url->connect_timeout_s) ||
        url->connect_timeout_s == 0) {
        url->connect_timeout_s = CONNECT_TIMEOUT_MAX_S;
        url_pass_over(url->passed_over, "connect_timeout, which is 10 s at most");
    }
    return STATUS_OK;
}

/* Accepted because it is in so many URLs; with any other, some orders could not be stored. */
static enum status read_charset(const char *name, const char *value, void *to,
                                char reason[URL_REASON_SIZE])
{
    (void)name;
    (void)to;
    return url_is_spelling(value, "utf8mb4")
               ? STATUS_OK
               : url_refuse(reason, "the query parameter charset can only be utf8mb4, which is "
                                    "used anyway: write charset=utf8mb4 or leave it out");
}

static enum status read_application_name(const char *name, const char *value, void *to,
                                         char reason[URL_REASON_SIZE])
{
    struct database_url *url = to;
    return url_copy_parameter(name, value, url->application_name, sizeof url->application_name,
                              reason);
}

static enum status read_channel_binding(const char *name, const char *value, void *to,
                                        char reason[URL_REASON_SIZE])
{
    struct database_url *url = to;
    (void)name;
    url->channel_binding_required = strcmp(value, "require") == 0;
    if (!url->channel_binding_required && strcmp(value, "prefer") != 0) {
        return url_refuse(reason, "the query parameter channel_binding is require or prefer");
    }
    if (!url->channel_binding_required) {
        url_pass_over(url->passed_over, "channel_binding");
    }
    return STATUS_OK;
}

/* Without one PostgreSQL looks in `public` too, so that one needs nothing. */
static enum status read_schema(const char *name, const char *value, void *to,
                               char reason[URL_REASON_SIZE])
{
    if (strcmp(value, "public") != 0) {
        return url_refuse(reason, "a schema other than public cannot be chosen in the URL: give "
                                  "the user one in the database, with "
                                  "ALTER ROLE name SET search_path = ...");
    }
    url_pass_over(((struct database_url *)to)->passed_over, name);
    return STATUS_OK;
}

static enum status refuse_options(const char *name, const char *value, void *to,
                                  char reason[URL_REASON_SIZE])
{
    (void)name;
    (void)value;
    (void)to;
    return url_refuse(reason, "options is not handed on, because the programs set up their "
                              "sessions themselves: leave it out, and give the user settings in "
                              "the database, with ALTER ROLE name SET ...");
}

/* The services use servers that take writes, and no others. */
static enum status read_session_attributes(const char *name, const char *value, void *to,
                                           char reason[URL_REASON_SIZE])
{
    static const char *const words[] = {"any", "read-write", "primary"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (url_is_spelling(value, words[i])) {
            url_pass_over(((struct database_url *)to)->passed_over, name);
            return STATUS_OK;
        }
    }
    return url_refuse(reason, "target_session_attrs can only be any, read-write or primary: the "
                              "programs need a server that takes writes");
}

static const struct url_parameter mysql_parameters[] = {
    {"unix_socket", read_socket, false},
    {"socket", read_socket, true},
    {"socketPath", read_socket, true},
    {"ssl", read_tls, false},
    {"ssl_mode", read_tls, true},
    {"useSSL", read_tls, true},
    {"sslaccept", read_accept, true},
    {"ssl_ca", read_ca, false},
    {"connect_timeout", read_connect_timeout, false},
    {"charset", read_charset, false},
    {"encoding", read_charset, true},
    {"user", url_refuse_misplaced, true},
    {"password", url_refuse_misplaced, true},
    {"port", url_refuse_misplaced, true},
};

static const struct url_parameter postgres_parameters[] = {
    {"host", read_socket_folder, false},
    {"ssl", read_tls, false},
    {"sslmode", read_tls, false},
    {"sslaccept", read_accept, true},
    {"ssl_ca", read_ca, false},
    {"sslrootcert", read_ca, false},
    {"connect_timeout", read_connect_timeout, false},
    {"application_name", read_application_name, false},
    {"channel_binding", read_channel_binding, false},
    {"schema", read_schema, true},
    {"currentSchema", read_schema, true},
    {"search_path", read_schema, true},
    {"options", refuse_options, true},
    {"target_session_attrs", read_session_attributes, true},
    {"user", url_refuse_misplaced, true},
    {"password", url_refuse_misplaced, true},
    {"port", url_refuse_misplaced, true},
    {"dbname", url_refuse_misplaced, true},
};

/*
 * How other programs keep their connections, and what they ask of their own drivers. Nothing that
 * decides who the server is, or what is read from it, stands here.
 */
static const char *const others[] = {
    /* Prisma */
    "connection_limit",
    "pgbouncer",
    "pool_timeout",
    "socket_timeout",
    "statement_cache_size",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    /* Rails */
    "pool",
    "pool_size",
    "checkout_timeout",
    "idle_timeout",
    "prepared_statements",
    "reconnect",
    /* Doctrine */
    "serverVersion",
    /* JDBC, and Node.js' mysql2 */
    "connectTimeout",
    "socketTimeout",
    "loginTimeout",
    "tcpKeepAlive",
    "autoReconnect",
    "cachePrepStmts",
    "prepareThreshold",
    "rewriteBatchedStatements",
    "reWriteBatchedInserts",
    "allowPublicKeyRetrieval",
    "serverTimezone",
    "timezone",
    "zeroDateTimeBehavior",
    "connectionLimit",
    "waitForConnections",
    "queueLimit",
    "multiStatements",
    "dateStrings",
    /* drivers of Go and Python */
    "parseTime",
    "loc",
    "collation",
    "read_timeout",
    "write_timeout",
    "max_overflow",
    "pool_recycle",
    "pool_pre_ping",
    "pool_max_conns",
    "pool_min_conns",
    "command_timeout",
    "prepared_statement_cache_size",
    /* libpq, where the services have their own, and Node.js' pg */
    "client_encoding",
    "statement_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "fallback_application_name",
    "uselibpqcompat",
    /* Supabase on Vercel */
    "supa",
    "workaround",
    /* of PostgreSQL only; in MySQL they were found above */
    "charset",
    "encoding",
};

enum status database_parameters_take(const UriUriA *uri, struct database_url *url,
                                     char reason[URL_REASON_SIZE])
{
    bool is_mysql = url->kind == DATABASE_MYSQL;
    const struct url_query query = {
        .known = is_mysql ? mysql_parameters : postgres_parameters,
        .known_count = is_mysql ? COUNT_OF(mysql_parameters) : COUNT_OF(postgres_parameters),
        .others = others,
        .other_count = COUNT_OF(others),
        .passed_over = url->passed_over,
        .to = url,
    };
    return url_take_query(uri, &query, reason);
}

/* The stricter of two words counts, unless they contradict each other. */
static enum status settle_accept(struct database_url *url, char reason[URL_REASON_SIZE])
{
    if (url->tls_accept == DATABASE_TLS_VERIFY && url->tls == DATABASE_TLS_DISABLED) {
        return url_refuse(reason, "sslaccept=strict looks at a certificate, and ssl says to use "
                                  "no TLS: leave one of them out");
    }
    if (url->tls_accept == DATABASE_TLS_VERIFY) {
        url->tls = DATABASE_TLS_VERIFY;
    }
    if (url->tls_accept == DATABASE_TLS_REQUIRED && url->tls == DATABASE_TLS_DEFAULT) {
        url->tls = DATABASE_TLS_REQUIRED;
    }
    return STATUS_OK;
}

/*
 * A word that one kind of server does not have becomes the next stricter one. With an authority,
 * `require` means to ask it, as it does for libpq.
 */
static void settle_kind(struct database_url *url)
{
    bool is_mysql = url->kind == DATABASE_MYSQL;
    if (is_mysql && url->tls == DATABASE_TLS_VERIFY_CA) {
        url->tls = DATABASE_TLS_VERIFY;
    }
    if (is_mysql && url->tls == DATABASE_TLS_ALLOWED) {
        url->tls = DATABASE_TLS_PREFERRED;
    }
    if (url->tls_ca[0] != '\0' && url->tls == DATABASE_TLS_REQUIRED) {
        url->tls = is_mysql ? DATABASE_TLS_VERIFY : DATABASE_TLS_VERIFY_CA;
    }
    if (url->tls_ca[0] != '\0' && url->tls == DATABASE_TLS_DEFAULT) {
        url->tls = DATABASE_TLS_VERIFY;
    }
}

enum status database_parameters_settle(struct database_url *url, char reason[URL_REASON_SIZE])
{
    enum status status = settle_accept(url, reason);
    if (status != STATUS_OK) {
        return status;
    }
    settle_kind(url);
    bool verifies = url->tls == DATABASE_TLS_VERIFY || url->tls == DATABASE_TLS_VERIFY_CA;
    /* A certificate authority that is named is meant to be asked: it is never quietly left aside.
     */
    if (url->tls_ca[0] != '\0' && !verifies) {
        return url_refuse(reason, "a certificate authority is named, and ssl says not to look at "
                                  "the certificate: write ssl=verify, or leave ssl_ca out");
    }
    if (verifies && url->tls_ca[0] == '\0' && url->path[0] == '\0') {
        memcpy(url->tls_ca, system_ca, sizeof system_ca);
    }
    /* Whom the authorities of the system sign for is anybody, so there the name counts. */
    if (strcmp(url->tls_ca, system_ca) == 0 && url->tls == DATABASE_TLS_VERIFY_CA) {
        url->tls = DATABASE_TLS_VERIFY;
    }
    if (url->channel_binding_required &&
        (url->path[0] != '\0' || url->tls == DATABASE_TLS_DISABLED)) {
        return url_refuse(reason, "channel_binding=require needs TLS, which there is none here: "
                                  "leave it out, or write ssl=required and a host");
    }
    return STATUS_OK;
}
