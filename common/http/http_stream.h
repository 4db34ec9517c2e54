/* SPDX-License-Identifier: MIT */
/* Bodies that are made piece by piece while they are sent. Inside of the server only. */
#ifndef COMMON_HTTP_HTTP_STREAM_H
#define COMMON_HTTP_HTTP_STREAM_H

#include "common/http/http_transfer.h"

/* The library's answer for the transfer's stream; NULL: no memory. */
struct MHD_Response *http_stream_start(struct http_transfer *transfer);

/* The transfer ends. Its stream may never have been started. */
void http_stream_stop(struct http_transfer *transfer);

/*
 * From any thread: those that wait look again whether they may go on, which the traffic's
 * `draining` forbids those that are endless, and its `ending` all.
 */
void http_stream_wake_all(struct http_traffic *traffic);

/*
 * Whether any stream is suspended. When all were woken and must end, it becomes false soon and
 * stays so: another thread may be in the middle of resuming one.
 */
bool http_stream_any_suspended(struct http_traffic *traffic);

#endif
