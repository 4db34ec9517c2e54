/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_connect.h"

#include <errmsg.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    CONNECT_TIMEOUT_S = 2,
    SOCKET_TIMEOUT_S = 5,
    MIGRATION_TIMEOUT_S = 24 * 60 * 60, /* for a step of the schema over many millions of rows */
};

/* The options of the boolean kind are one byte in both libraries, whatever the type is called. */
static const unsigned char option_on = 1;
static const unsigned char option_off = 0;

/*
 * Every option is set explicitly, because the libraries' defaults differ: Connector/C 3.3 uses no
 * TLS by default, 3.4 does and checks certificates.
 */
#ifdef MARIADB_PACKAGE_VERSION
/*
 * "Enforce" it is called, but a server without TLS is still taken. Only the checks, of chain and
 * host name together, make the library refuse one. With a CA 3.3 checks the chain even when the
 * check is off, so none is given then. For the hosts 127.0.0.1 and ::1, literally, 3.4 checks
 * the chain only.
 */
static void set_tls(MYSQL *connection, enum database_tls tls, const char *ca)
{
    bool verify = tls == DATABASE_TLS_VERIFY;
    mysql_options(connection, MYSQL_OPT_SSL_ENFORCE,
                  tls != DATABASE_TLS_DISABLED ? &option_on : &option_off);
    mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, verify ? &option_on : &option_off);
    if (verify) {
        mysql_options(connection, MYSQL_OPT_SSL_CA, ca);
    }
}
#else
static void set_tls(MYSQL *connection, enum database_tls tls, const char *ca)
{
    unsigned int mode = tls == DATABASE_TLS_DISABLED    ? SSL_MODE_DISABLED
                        : tls == DATABASE_TLS_PREFERRED ? SSL_MODE_PREFERRED
                        : tls == DATABASE_TLS_REQUIRED  ? SSL_MODE_REQUIRED
                                                        : SSL_MODE_VERIFY_IDENTITY;
    mysql_options(connection, MYSQL_OPT_SSL_MODE, &mode);
    if (tls == DATABASE_TLS_VERIFY) {
        mysql_options(connection, MYSQL_OPT_SSL_CA, ca);
    }
    /* Where there is no TLS, caching_sha2_password needs the server's key to hide the password. */
    mysql_options(connection, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &option_on);
}
#endif

static void set_options(MYSQL *connection, const struct database_url *url,
                        bool no_statement_timeout)
{
    unsigned int connect_timeout_s =
        url->connect_timeout_s != 0 ? url->connect_timeout_s : CONNECT_TIMEOUT_S;
    unsigned int socket_timeout_s = no_statement_timeout ? MIGRATION_TIMEOUT_S : SOCKET_TIMEOUT_S;
    unsigned int local_infile = 0;
    /* Set explicitly, because for the host "localhost" the libraries would look for a socket. */
    unsigned int protocol = url->path[0] != '\0' ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    mysql_options(connection, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout_s);
    mysql_options(connection, MYSQL_OPT_READ_TIMEOUT, &socket_timeout_s);
    mysql_options(connection, MYSQL_OPT_WRITE_TIMEOUT, &socket_timeout_s);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &local_infile);
}

/* One attempt. NULL: no memory. */
static MYSQL *attempt(const struct database_url *url, enum database_tls tls,
                      bool no_statement_timeout, const char **fault)
{
    bool over_socket = url->path[0] != '\0';
    MYSQL *connection = mysql_init(NULL);
    if (connection == NULL) {
        return NULL;
    }
    set_options(connection, url, no_statement_timeout);
    set_tls(connection, tls, url->tls_ca);
    const MYSQL *connected =
        mysql_real_connect(connection, over_socket ? NULL : url->host, url->user, url->password,
                           url->database, url->port, over_socket ? url->path : NULL,
                           CLIENT_MULTI_STATEMENTS);
    *fault = connected != NULL ? NULL : mysql_error(connection);
    return connection;
}

/* What the URL says as far as it matters here. */
static enum database_tls wanted_tls(const struct database_url *url)
{
    if (url->path[0] != '\0') {
        return DATABASE_TLS_DISABLED; /* as safe without; see database_url.h */
    }
    return url->tls == DATABASE_TLS_DEFAULT ? DATABASE_TLS_PREFERRED : url->tls;
}

MYSQL *mysql_connect_open(const struct database_url *url, bool no_statement_timeout,
                          const char **fault)
{
    enum database_tls tls = wanted_tls(url);
    MYSQL *connection = attempt(url, tls, no_statement_timeout, fault);
    /* A server whose TLS is broken, or too old for ours, may still work without. */
    if (connection != NULL && *fault != NULL && tls == DATABASE_TLS_PREFERRED &&
        mysql_errno(connection) == CR_SSL_CONNECTION_ERROR) {
        mysql_close(connection);
        connection = attempt(url, DATABASE_TLS_DISABLED, no_statement_timeout, fault);
    }
    /* Connector/C says this only now. All that the server has seen of the password is a proof of
     * it. */
    if (connection != NULL && *fault == NULL && tls >= DATABASE_TLS_REQUIRED &&
        mysql_get_ssl_cipher(connection) == NULL) {
        *fault = "the server offers no TLS, and DATABASE_URL says ssl=required";
    }
    return connection;
}

size_t mysql_connect_packet_max(MYSQL *connection)
{
    static const char sql[] = "SELECT @@GLOBAL.max_allowed_packet";
    if (mysql_real_query(connection, sql, sizeof sql - 1) != 0) {
        return 0;
    }
    MYSQL_RES *result = mysql_store_result(connection);
    MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
    size_t limit = row != NULL && row[0] != NULL ? strtoull(row[0], NULL, 10) : 0;
    mysql_free_result(result);
    return limit;
}
