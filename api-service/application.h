/* SPDX-License-Identifier: MIT */
/*
 * The parts of order-api, and how they are wired: main.c has the picture. Blocks; for the main
 * thread only.
 */
#ifndef API_SERVICE_APPLICATION_H
#define API_SERVICE_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/program/config.h"

struct application;

/*
 * Starts all parts and serves. False: it has failed, and the log says why, or `*stop_signal` has
 * ended it. In any case `*started` must be stopped. The secret in `config` is erased.
 */
bool application_start(struct config *config, struct application **started, int *stop_signal);

/* Where it listens, once it was started. */
uint16_t application_port(const struct application *application);

/* The kind of its database, for logs. */
const char *application_database(const struct application *application);

/*
 * Answers all requests that were accepted, ends the parts and frees. False: all are answered, but
 * the processor still waits for the database, so nothing was freed; end the process by _exit.
 */
bool application_stop(struct application *application);

#endif
