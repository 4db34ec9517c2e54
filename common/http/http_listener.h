/* SPDX-License-Identifier: MIT */
/* The socket order-api listens on. Blocks only to look HOST up. */
#ifndef COMMON_HTTP_HTTP_LISTENER_H
#define COMMON_HTTP_HTTP_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>

/*
 * Binds a socket to `host`:`port` (0 picks a free one) without listening yet, so that an address
 * that is taken is known before anything else is started. Returns its descriptor; -1: the log says
 * why and names the variable.
 */
int http_listener_bind(const char *host, uint16_t port);

/* 0: the log says why. */
uint16_t http_listener_port(int listener);

/* A connection that waits at the listener, non-blocking, with the peer's address; -1: none does. */
int http_listener_accept(int listener, struct sockaddr_storage *address, socklen_t *len);

#endif
