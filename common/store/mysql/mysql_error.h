/* SPDX-License-Identifier: MIT */
/*
 * What an error of the server means to the caller. For mysql_session.c. Pure, never blocks, any
 * thread.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_ERROR_H
#define COMMON_STORE_MYSQL_MYSQL_ERROR_H

#include <stdbool.h>

#include "common/base/status.h"

/*
 * `code` is mysql_errno(), `sqlstate` mysql_sqlstate(). CONFLICT (deadlock, lock timeout),
 * ALREADY_EXISTS (a row with this key exists), INVALID (it refuses the data) or UNAVAILABLE (all
 * else).
 */
enum status mysql_error_classify(unsigned int code, const char *sqlstate);

/* The server is not the one to write to any more. */
bool mysql_error_is_demotion(unsigned int code);

/* The server has ended the statement because it took too long. */
bool mysql_error_is_timeout(unsigned int code);

#endif
