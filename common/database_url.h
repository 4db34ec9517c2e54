/* SPDX-License-Identifier: MIT */
/*
 * Where the database and Redis are, taken apart from URLs as people paste them. Pure.
 */
#ifndef COMMON_DATABASE_URL_H
#define COMMON_DATABASE_URL_H

#include <stdint.h>

#include "common/status.h"

enum {
    URL_PART_SIZE = 256, /* bytes of a host, user, password or database name, NUL included */
    URL_PATH_SIZE = 1024,
    URL_REASON_SIZE = 200,
};

enum database_kind {
    DATABASE_SQLITE,
    DATABASE_MYSQL,
    DATABASE_POSTGRES,
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
 * the like, mariadb:// and postgres:// mean the same.
 * STATUS_INVALID: `reason` says what to change, without repeating a password.
 */
MUST_CHECK enum status database_url_parse(const char *text, struct database_url *url,
                                          char reason[URL_REASON_SIZE]);

/* redis://[user:pw@]host:port/db or unix:///path?db=N. rediss:// is refused: there is no TLS. */
MUST_CHECK enum status redis_url_parse(const char *text, struct redis_url *url,
                                       char reason[URL_REASON_SIZE]);

#endif
