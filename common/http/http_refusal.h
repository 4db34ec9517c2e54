/* SPDX-License-Identifier: MIT */
/*
 * What is refused before the application can answer it. libmicrohttpd has HTML pages for that, and
 * 0.9 sends the head of some of them twice. The library sends its pages with its own public
 * function, MHD_queue_response. A function of that name in the program takes its place, for the
 * library too, and makes one problem (RFC 9457) of each page. A library that is linked statically,
 * or bound to itself, cannot be used like that: the first does not link, the second sends its
 * pages.
 *
 * Threads: that of the connection. Nothing blocks.
 */
#ifndef COMMON_HTTP_HTTP_REFUSAL_H
#define COMMON_HTTP_HTTP_REFUSAL_H

#include <microhttpd.h>

/* What MHD_queue_response is for others: queues an answer of the program's own, as it is. */
enum MHD_Result http_refusal_queue_answer(struct MHD_Connection *connection, unsigned status,
                                          struct MHD_Response *answer);

/*
 * Sends the problem for `status`, 400 to 599, straight to a socket that is ended next, and on which
 * no answer is under way. For requests to which the library cannot answer any more. A client that
 * does not read gets what fits. To a HEAD too it sends the content: nobody knows the method here.
 */
void http_refusal_send(int socket, unsigned status);

#endif
