/* SPDX-License-Identifier: MIT */
/* For servers that cannot pick a port themselves. */
#ifndef TESTS_SUPPORT_FREE_PORT_H
#define TESTS_SUPPORT_FREE_PORT_H

#include <stdint.h>

/*
 * A TCP port of 127.0.0.1 nobody listens on now. It lies below the range the kernel gives to
 * outgoing connections, so that a server can be restarted on it. Another process may still come
 * first, so a server that fails to start should be tried again with another port.
 */
uint16_t free_port(void);

#endif
