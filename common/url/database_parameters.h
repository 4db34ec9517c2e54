/* SPDX-License-Identifier: MIT */
/*
 * The parameters of the URLs of database servers, only for database_url.c. Pure.
 */
#ifndef COMMON_URL_DATABASE_PARAMETERS_H
#define COMMON_URL_DATABASE_PARAMETERS_H

#include <uriparser/Uri.h>

#include "common/url/database_url.h"

/* Reads what follows the `?` into `url`, whose kind is DATABASE_MYSQL or DATABASE_POSTGRES. */
MUST_CHECK enum status database_parameters_take(const UriUriA *uri, struct database_url *url,
                                                char reason[URL_REASON_SIZE]);

/* When the rest of the URL is read: makes the words about TLS one, or refuses them together. */
MUST_CHECK enum status database_parameters_settle(struct database_url *url,
                                                  char reason[URL_REASON_SIZE]);

#endif
