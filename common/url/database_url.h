/* SPDX-License-Identifier: MIT */
/*
 * Where the database and Redis are, taken apart from URLs as people paste them. Pure.
 */
#ifndef COMMON_URL_DATABASE_URL_H
#define COMMON_URL_DATABASE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/status.h"

enum {
    URL_PART_SIZE = 256, /* bytes of a host, user, password or database name, NUL included */
    URL_PATH_SIZE = 1024,
    URL_NAME_SIZE = 64,
    URL_REASON_SIZE = 240,
    URL_NOTES_SIZE = 256,
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
    enum database_tls tls_accept;         /* only while the URL is read */
    char tls_ca[URL_PATH_SIZE];           /* file of certificates; empty unless `tls` verifies */
    uint32_t connect_timeout_s;           /* 0: the store's own */
    char application_name[URL_NAME_SIZE]; /* PostgreSQL; empty: the store's own */
    bool channel_binding_required;        /* PostgreSQL */
    char passed_over[URL_NOTES_SIZE];     /* names of parameters without effect: "a, b"; or empty */
};

struct redis_url {
    char path[URL_PATH_SIZE]; /* the unix socket; empty: TCP */
    char host[URL_PART_SIZE];
    uint16_t port;
    char user[URL_PART_SIZE];     /* empty: none */
    char password[URL_PART_SIZE]; /* empty: none */
    uint32_t database;
    char passed_over[URL_NOTES_SIZE]; /* as above */
};

/*
 * sqlite:///relative, sqlite:////absolute, mysql://user:pw@host:port/db (?unix_socket=/path),
 * postgresql://user:pw@host:port/db (?host=/folder); the spellings of other clients, mysql2:// and
 * mysql+pymysql:// and the like, mean the same, in the parameters too. Those that concern only
 * other programs are passed over and listed in `passed_over`; unknown ones are refused.
 * STATUS_INVALID: `reason` says what to change, without repeating a password.
 */
MUST_CHECK enum status database_url_parse(const char *text, struct database_url *url,
                                          char reason[URL_REASON_SIZE]);

/*
 * redis:// or valkey://[user:pw@]host:port/db, or unix:///path, both also with ?db=N. rediss:// is
 * refused: there is no TLS. The user `default`, which every server has, is taken as none.
 */
MUST_CHECK enum status redis_url_parse(const char *text, struct redis_url *url,
                                       char reason[URL_REASON_SIZE]);

#endif
