/* SPDX-License-Identifier: MIT */
/*
 * What stands after the `?` of a URL, only for the parsers of database_url.h. Pure.
 *
 * Clients spell the same parameter in many ways: names are compared without regard to case, `-` and
 * `_`, unless one of the tables has exactly that spelling.
 */
#ifndef COMMON_URL_URL_QUERY_H
#define COMMON_URL_URL_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <uriparser/Uri.h>

#include "common/url/database_url.h"

/* Reads the value of the query parameter `name`, which is not empty, into what is being read. */
typedef enum status url_read_parameter(const char *name, const char *value, void *to,
                                       char reason[URL_REASON_SIZE]);

/* Names with the same reader are spellings of one parameter. */
struct url_parameter {
    const char *name;
    url_read_parameter *read;
    bool hidden; /* not named where an unknown parameter is refused */
};

struct url_query {
    const struct url_parameter *known;
    size_t known_count;
    /* Those that concern other programs: their names are noted, their values do not matter. */
    const char *const *others;
    size_t other_count;
    char *passed_over; /* of URL_NOTES_SIZE bytes */
    void *to;          /* for the readers */
};

/* Each known parameter at most once; one that is in neither table is refused by its name. */
MUST_CHECK enum status url_take_query(const UriUriA *uri, const struct url_query *query,
                                      char reason[URL_REASON_SIZE]);

/* For readers: `value` is `word`, without regard to case, `-` and `_`. */
bool url_is_spelling(const char *value, const char *word);

/* For readers: copies the value, or says that it is too long. */
MUST_CHECK enum status url_copy_parameter(const char *name, const char *value, char *out,
                                          size_t size, char reason[URL_REASON_SIZE]);

/* For readers: adds `what`, a constant, to the list of what has no effect. */
void url_pass_over(char passed_over[URL_NOTES_SIZE], const char *what);

/* For readers: a parameter that says again what the URL says elsewhere. Always STATUS_INVALID. */
enum status url_refuse_misplaced(const char *name, const char *value, void *to,
                                 char reason[URL_REASON_SIZE]);

#endif
