/* SPDX-License-Identifier: MIT */
/*
 * order-api and order-worker as processes of a test. They get the settings named here and nothing
 * else. Ended like any process: process_stop_cleanly(&service.process, ...), process_kill, and
 * process_discard in .fini.
 */
#ifndef TESTS_SUPPORT_SERVICE_H
#define TESTS_SUPPORT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/process.h"

#define SERVICE_CLIENT_ID "test-client"
#define SERVICE_CLIENT_SECRET "test-secret"

enum { SERVICE_STOP_MS = 10000 };

struct service_settings {
    const char *folder;        /* working folder */
    const char *database_url;  /* NULL: the default, ./orders.db in the folder */
    const char *redis_url;     /* NULL: none */
    uint32_t delay_ms;         /* PROCESSING_DELAY_MS; 0: the default */
    const char *const *others; /* NAME=VALUE, NULL last; NULL: none; they win over the above */
};

struct service {
    struct process process;
    uint16_t port; /* order-api only */
};

/* Starts and returns at once. `service` is zeroed or was ended before. */
void service_launch_api(struct service *service, const struct service_settings *settings);
void service_launch_worker(struct service *service, const struct service_settings *settings);

/*
 * Starts order-api or order-worker with no settings but these (NAME=VALUE, NULL last; NULL: none)
 * and with one argument unless it is NULL.
 */
void service_launch_bare(struct service *service, bool worker, const char *argument,
                         const char *const settings[], const char *folder);

/*
 * Starts order-api as a shell script ends with it: `exec "$0"`. For what a process has from whoever
 * started it: its descriptors, its signals, its umask.
 */
void service_launch_from_shell(struct service *service, const char *script,
                               const char *const settings[], const char *folder);

/* Starts and waits until it is ready; failing to become so fails the test. */
void service_start_api(struct service *service, const struct service_settings *settings);
void service_start_worker(struct service *service, const struct service_settings *settings);

/* service_launch_bare, and waits for its end; returns the exit code. */
int service_run(struct service *service, bool worker, const char *argument,
                const char *const settings[], const char *folder);

/*
 * Runs a command of order-api: `arguments` (NULL last) behind its name, settings and folder as for
 * service_launch_bare. Returns the exit code; -1: it still runs after half a minute.
 */
int service_run_command(struct service *service, const char *const arguments[],
                        const char *const settings[], const char *folder);

/* The same, without waiting for its end. */
void service_launch_command(struct service *service, const char *const arguments[],
                            const char *const settings[], const char *folder);

/* Waits until an order-api that was launched is ready. */
void service_wait_api(struct service *service);

/* True when the services are built with a sanitizer, which multiplies their memory and time. */
bool service_is_sanitized(void);

#endif
