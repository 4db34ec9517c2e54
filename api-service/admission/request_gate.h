/* SPDX-License-Identifier: MIT */
/*
 * Refuses what is not clean HTTP before anything looks at it. libmicrohttpd hands on much that two
 * programs could read in two ways, which is how requests are smuggled past a proxy (RFC 9112
 * section 11.2). Pure: nothing blocks or allocates.
 */
#ifndef API_SERVICE_ADMISSION_REQUEST_GATE_H
#define API_SERVICE_ADMISSION_REQUEST_GATE_H

#include "common/http/http_head.h"

/* NULL: the request may pass. Else what is wrong with it; answer 400 and close the connection. */
const char *request_gate_check(const struct http_head *head);

#endif
