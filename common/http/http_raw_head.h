/* SPDX-License-Identifier: MIT */
/*
 * Takes the head of a request from libmicrohttpd, and finds what the library has left out of it.
 * The only place that knows how 0.9 lays a head out in memory. Nothing blocks or allocates.
 */
#ifndef COMMON_HTTP_HTTP_RAW_HEAD_H
#define COMMON_HTTP_HTTP_RAW_HEAD_H

#include <stdbool.h>

#include <microhttpd.h>

#include "common/http/http_head.h"

/*
 * 0.9, which takes malformed heads, and not 1.0. Asked of the library that runs: both have one
 * soname, so a program may meet the other one.
 */
bool http_library_is_lenient(void);

/*
 * Fills the header fields of `head`, whose request line is there, once the library has the whole
 * head. `uri`: the target where the library has it, as MHD_OPTION_URI_LOG_CALLBACK was given it.
 * Blanks behind a value are no part of it (RFC 9110, section 5.5), but for fields that the library
 * has read with them.
 */
void http_raw_head_read(struct http_head *head, struct MHD_Connection *connection, const char *uri);

#endif
