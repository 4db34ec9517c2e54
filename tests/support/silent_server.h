/* SPDX-License-Identifier: MIT */
/* A server that takes connections and never says a word. */
#ifndef TESTS_SUPPORT_SILENT_SERVER_H
#define TESTS_SUPPORT_SILENT_SERVER_H

#include <stdint.h>

/* Listens on a port of 127.0.0.1 until the test ends. Failing to fails the test. */
uint16_t silent_server_start(void);

#endif
