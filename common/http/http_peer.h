/* SPDX-License-Identifier: MIT */
/* Who is at the other end of a connection, for logs. Pure: nothing blocks or allocates. */
#ifndef COMMON_HTTP_HTTP_PEER_H
#define COMMON_HTTP_HTTP_PEER_H

#include <sys/socket.h>

enum { HTTP_PEER_SIZE = 64 };

/*
 * "192.0.2.7", also where it comes in an IPv6 address (RFC 4291 section 2.5.5.2). Of IPv6 the /64,
 * "2001:db8:0:1::/64": that is what one client has, and it can change the rest with each request.
 * "unknown": another kind of address, or NULL.
 */
void http_peer_print(const struct sockaddr *address, char text[HTTP_PEER_SIZE]);

#endif
