/* SPDX-License-Identifier: MIT */
/*
 * Which of several media types a client prefers: the Accept header (RFC 9110 section 12.5.1).
 *
 * Pure: never blocks, any thread, owns nothing.
 */
#ifndef API_SERVICE_ADMISSION_ACCEPT_H
#define API_SERVICE_ADMISSION_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

/* A media type that a route can answer with. */
struct media_offer {
    const char *type;  /* "application/json", without parameters */
    bool only_by_name; /* the client must name it: a wildcard does not ask for it */
};

enum {
    ACCEPT_NONE = -1,
    ACCEPT_OFFERS_MAX = 8, /* of one route */
};

/*
 * The index of the offer with the greatest weight, the first of several; ACCEPT_NONE: the client
 * accepts none. `accept` is the header's value; NULL and an empty list accept everything, hence the
 * first. An offer's weight is that of the range that names it most closely. A weight that cannot be
 * read is 0. Parameters other than the weight are ignored.
 */
int accept_preferred(const char *accept, const struct media_offer offers[], size_t count);

/* The first is the preferred one among equals. */
enum metrics_form { METRICS_JSON, METRICS_OPENMETRICS, METRICS_PROMETHEUS };

/* JSON unless a text form is preferred by name. */
enum metrics_form accept_metrics_form(const char *accept);

#endif
