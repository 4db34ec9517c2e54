/* SPDX-License-Identifier: MIT */
/*
 * Reading URLs in tests: one that has to be taken, one that has to be refused with a reason that
 * helps and tells no secret. Pure but for failing the test.
 */
#ifndef TESTS_UNIT_URL_CHECKS_H
#define TESTS_UNIT_URL_CHECKS_H

#include "common/url/database_url.h"

struct database_url read_database(const char *text);
struct redis_url read_redis(const char *text);

/*
 * The reason says `expected`, fits, and tells neither the URL nor what in it is a secret: secrets
 * in the tests hold "hunter" or "secret".
 */
void refuse_database(const char *text, const char *expected);
void refuse_redis(const char *text, const char *expected);

#endif
