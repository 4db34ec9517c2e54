/* SPDX-License-Identifier: MIT */
/*
 * An HTTP client with one connection that it keeps. One thread at a time; several clients may work
 * side by side. It fails no test by itself, so it may be used from threads.
 */
#ifndef TESTS_SUPPORT_HTTP_CLIENT_H
#define TESTS_SUPPORT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

struct http_response {
    long status;         /* 0: no answer came, `error` says why */
    const char *error;   /* the client's own words; meaningful with status 0 */
    const char *body;    /* NUL-terminated */
    const char *headers; /* as received, NUL-terminated; see http_header */
    size_t body_len;
};

/* For 127.0.0.1:`port`, with Basic credentials unless `id` is NULL. NULL: no memory. */
struct http_client *http_client_create(uint16_t port, const char *id, const char *secret);

/* How long it waits for an answer, instead of 20 s; the connection is then closed. */
void http_client_set_patience(struct http_client *client, uint32_t limit_ms);

/* Takes NULL. */
void http_client_destroy(struct http_client *client);

/*
 * One request. `headers`: lines like "Accept: text/plain", NULL last, or NULL for none; a body is
 * sent as application/json unless they say otherwise ("Content-Type:" alone sends none). `body`
 * NULL: no body. The path goes out as it is. The answer belongs to the client and is valid until
 * its next call.
 */
const struct http_response *http_call(struct http_client *client, const char *method,
                                      const char *path, const char *const headers[],
                                      const char *body, size_t body_len);

const struct http_response *http_get(struct http_client *client, const char *path);

/* POST /order with `body`, NUL-terminated. */
const struct http_response *http_post_order(struct http_client *client, const char *body);

/*
 * Copies the value of the header `name` (any case) to `value`. False: there is none, or it does not
 * fit; `value` is then empty.
 */
bool http_header(const struct http_response *response, const char *name, char *value, size_t size);

#endif
