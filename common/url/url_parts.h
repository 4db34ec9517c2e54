/* SPDX-License-Identifier: MIT */
/*
 * The pieces of a URL, only for the parsers of database_url.h. Pure.
 *
 * STATUS_INVALID always comes with a reason for the person who wrote the URL. A reason is made of
 * constants, names and limits, so no part of a URL that could be a piece of a password gets into
 * it.
 */
#ifndef COMMON_URL_URL_PARTS_H
#define COMMON_URL_URL_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uriparser/Uri.h>

#include "common/url/database_url.h"

/* Writes the reason; always STATUS_INVALID. */
enum status url_refuse(char reason[URL_REASON_SIZE], const char *text);

/* Refuses a user, password or name in which some character stands as it is. */
enum status url_refuse_unencoded(char reason[URL_REASON_SIZE]);

/* STATUS_OK: `*uri` has a scheme and an authority, and the caller frees its members. */
MUST_CHECK enum status url_open(const char *text, UriUriA *uri, char reason[URL_REASON_SIZE]);

/* The scheme is `name`, or, `with_driver`, name+driver as SQLAlchemy spells it. */
bool url_scheme_is(const UriUriA *uri, const char *name, bool with_driver);

bool url_has_host_or_port(const UriUriA *uri);
bool url_has_user(const UriUriA *uri);

/*
 * An @ after the host means that the password holds a character which ended it early: to go on
 * would take a piece of the password for a name, and show it.
 */
bool url_has_stray_at(const UriUriA *uri);

MUST_CHECK enum status url_take_host(const UriUriA *uri, char host[URL_PART_SIZE],
                                     char reason[URL_REASON_SIZE]);

/* `standard` if there is none. */
MUST_CHECK enum status url_take_port(const UriUriA *uri, uint16_t standard, uint16_t *port,
                                     char reason[URL_REASON_SIZE]);

/* "user:password", "user" or ":password". Only the first colon parts them. */
MUST_CHECK enum status url_take_credentials(const UriUriA *uri, char user[URL_PART_SIZE],
                                            char password[URL_PART_SIZE],
                                            char reason[URL_REASON_SIZE]);

/*
 * The path without its first slash: sqlite:////tmp/x has "/tmp/x", mysql://host/db has "db".
 * `what` names it in reasons.
 */
MUST_CHECK enum status url_take_path(const UriUriA *uri, const char *what, char *out, size_t size,
                                     char reason[URL_REASON_SIZE]);

struct url_name {
    const char *what;  /* names it in reasons */
    const char *fault; /* the reason if there is more than one */
};

/* The path as one name, which may be missing; slashes behind it do not count. */
MUST_CHECK enum status url_take_name(const UriUriA *uri, const struct url_name *name,
                                     char out[URL_PART_SIZE], char reason[URL_REASON_SIZE]);

/* Digits only, and no more than `max`. */
bool url_read_number(const char *text, size_t len, uint32_t max, uint32_t *number);

#endif
