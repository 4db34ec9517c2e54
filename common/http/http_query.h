/* SPDX-License-Identifier: MIT */
/*
 * The query of a request's target, taken apart once: "?verify=1&limit=20". Names and values are
 * decoded ("%41", and "+" for a blank, as HTML forms have it). Never blocks. Owns: its parameters.
 */
#ifndef COMMON_HTTP_HTTP_QUERY_H
#define COMMON_HTTP_HTTP_QUERY_H

#include <stddef.h>

#include "common/base/status.h"

enum { HTTP_QUERY_MAX = 64 /* parameters of one request */ };

struct UriQueryListStructA;

/* All zero: there are no parameters. */
struct http_query {
    struct UriQueryListStructA *first;
};

/*
 * Takes apart what follows the first '?' of `target`. STATUS_INVALID: `*wrong` says what is wrong
 * with it, for the client to read; STATUS_UNAVAILABLE: out of memory. `query` has no parameters
 * then.
 */
MUST_CHECK enum status http_query_parse(const char *target, struct http_query *query,
                                        const char **wrong);

/*
 * The value of the first parameter of that name: UTF-8 without control characters, empty for
 * "name=" and "name". NULL: there is none.
 */
const char *http_query_find(const struct http_query *query, const char *name);

/* Frees the parameters. */
void http_query_finish(struct http_query *query);

#endif
