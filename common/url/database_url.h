/* SPDX-License-Identifier: MIT */
/*
 * Where the database and Redis are, taken apart from URLs as people paste them. Pure.
 */
#ifndef COMMON_URL_DATABASE_URL_H
#define COMMON_URL_DATABASE_URL_H

#include <stdint.h>

#include "common/base/status.h"

enum {
    URL_PART_SIZE = 256, /* bytes of a host, user, password or database name, NUL included */
    URL_PATH_SIZE = 1024,
    URL_NAME_SIZE = 64,
    URL_REASON_SIZE = 240,
};

/* The authorities a machine trusts by Debian's package ca-certificates. */
#define DATABASE_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

enum database_kind {
    DATABASE_SQLITE,
    DATABASE_MYSQL,
    DATABASE_POSTGRES,
};

/*
 * How much TLS a connection to a server takes. A unix socket needs none whatever this says: its
 * bytes never leave the machine, and who may listen there is decided by the rights on its folder.
 */
enum database_tls {
    DATABASE_TLS_DEFAULT,   /* the URL does not say: PREFERRED, or what libpq's own variables say */
    DATABASE_TLS_DISABLED,  /* none */
    DATABASE_TLS_ALLOWED,   /* PostgreSQL: if the server insists */
    DATABASE_TLS_PREFERRED, /* if the server can, whatever its certificate says */
    DATABASE_TLS_REQUIRED,  /* or no connection; whatever the certificate says */
    DATABASE_TLS_VERIFY_CA, /* PostgreSQL: and the certificate comes from `tls_ca` */
    DATABASE_TLS_VERIFY,    /* and names the host too */
};

struct database_url {
    enum database_kind kind;
    char path[URL_PATH_SIZE]; /* SQLite: the file; relative to the working folder unless it starts
                                 with '/'. MySQL: the unix socket, or empty. PostgreSQL: the folder
                                 of the unix socket, or empty */
    char host[URL_PART_SIZE];
    uint16_t port;
    char user[URL_PART_SIZE];
    char password[URL_PART_SIZE];
    char database[URL_PART_SIZE];
    enum database_tls tls;
    char tls_ca[URL_PATH_SIZE];           /* file of certificates; empty unless `tls` verifies */
    uint32_t connect_timeout_s;           /* 0: the store's own */
    char application_name[URL_NAME_SIZE]; /* PostgreSQL; empty: the store's own */
};

struct redis_url {
    char path[URL_PATH_SIZE]; /* the unix socket; empty: TCP */
    char host[URL_PART_SIZE];
    uint16_t port;
    char user[URL_PART_SIZE];     /* empty: none */
    char password[URL_PART_SIZE]; /* empty: none */
    uint32_t database;
};

/*
 * sqlite:///relative, sqlite:////absolute, mysql://user:pw@host:port/db (?unix_socket=/path),
 * postgresql://user:pw@host:port/db (?host=/folder); the SQLAlchemy spellings mysql+pymysql:// and
 * the like, mariadb:// and postgres:// mean the same. The parameters of both kinds of server are
 * ssl (disabled, preferred, required, verify), ssl_ca and connect_timeout (seconds); of MySQL
 * charset, of PostgreSQL libpq's sslmode, sslrootcert and application_name. Others are refused.
 * STATUS_INVALID: `reason` says what to change, without repeating a password.
 */
MUST_CHECK enum status database_url_parse(const char *text, struct database_url *url,
                                          char reason[URL_REASON_SIZE]);

/* redis://[user:pw@]host:port/db or unix:///path?db=N. rediss:// is refused: there is no TLS. */
MUST_CHECK enum status redis_url_parse(const char *text, struct redis_url *url,
                                       char reason[URL_REASON_SIZE]);

#endif
