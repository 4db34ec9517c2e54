/* SPDX-License-Identifier: MIT */
/*
 * What the tests of a database's URL share: to read one that leads to the test's own server, and to
 * connect by it, or fail to.
 *
 * Blocks for the server. One thread. Owns the URL that was read last.
 */
#ifndef TESTS_CONTRACT_URL_FIXTURE_H
#define TESTS_CONTRACT_URL_FIXTURE_H

#include <stdint.h>

#include "common/store/store.h"

/* The server that a test's URLs lead to. */
struct url_server {
    const char *login;    /* what stands before the @, "mysql://orders:secret" */
    const char *password; /* no log may contain it */
    const char *database;
    const char *folder; /* where certificates_make has put its files */
    uint16_t port;
};

/* Reads a whole URL. Its being refused fails the test. */
void url_read(const char *text);

/*
 * The same for LOGIN@HOST:PORT/DATABASE?PARAMETERS; "CA" in the parameters stands for the server's
 * folder.
 */
void url_read_at(const struct url_server *server, const char *host, const char *parameters);

/* A store that is connected by the URL read last; the caller destroys it. */
struct store *url_connect(void);

/* Connecting by that URL fails, and the log says `why` but not the password. */
void url_expect_refusal(const struct url_server *server, const char *host, const char *parameters,
                        const char *why);

/* A server that accepts connections but never answers is given up after this time. */
void url_expect_given_up(const struct url_server *server, const char *parameters,
                         uint64_t after_ms);

/* A password of characters that mean something in URLs and in SQL, and how a URL has it. */
#define URL_HARD_PASSWORD "p@:/?#[]%25 +&='\\\"\xc3\xa9\xf0\x9f\x94\x91"
enum { URL_PASSWORD_SIZE = 3 * sizeof(URL_HARD_PASSWORD) };
void url_encode(const char *password, char encoded[URL_PASSWORD_SIZE]);

#endif
