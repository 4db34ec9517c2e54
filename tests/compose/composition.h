/* SPDX-License-Identifier: MIT */
/*
 * docker-compose.yml, brought up by a test as a project of its own, on ports of its own. The
 * engine, Compose and the images are those with-engine has set in the environment.
 *
 * Main thread only. A command that fails, fails the test.
 */
#ifndef TESTS_COMPOSE_COMPOSITION_H
#define TESTS_COMPOSE_COMPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

enum { COMPOSITION_OUTPUT_SIZE = 8192 };

struct composition {
    const char *compose;  /* $COMPOSE or $COMPOSE_V2: a command line */
    const char *env_file; /* what stands for .env */
    const char *revision; /* of the images that composition_run builds; a label */
    char project[32];
    uint16_t port;          /* of api, on 127.0.0.1 */
    uint16_t postgres_port; /* of api-postgres */
    struct temp_dir dir;
    struct process command;               /* the last one */
    char output[COMPOSITION_OUTPUT_SIZE]; /* of composition_ask */
};

/*
 * Picks a project and ports; starts nothing. `compose_variable` names the environment variable with
 * the Compose to use. `env_file` in the checkout stands for .env, NULL: there is none. (A Compose
 * that runs in a container sees nothing but the checkout, so that one needs a file there.)
 */
void composition_create(struct composition *composition, const char *compose_variable,
                        const char *env_file);

/* For .fini: takes the project down with its volumes. After a failed test its logs are printed. */
void composition_discard(struct composition *composition);

/* Runs Compose with these arguments. */
void composition_run(struct composition *composition, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Runs a shell command that knows the engine and the project; returns its output without the last
 * newline, valid until the next call.
 */
const char *composition_ask(struct composition *composition, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How many containers of the service run and are healthy. */
size_t composition_healthy(struct composition *composition, const char *service);

/* Waits until exactly so many containers of the service run, all of them healthy. */
void composition_wait_healthy(struct composition *composition, const char *service, size_t count);

/* The id of one container of the service; valid until the next call. */
const char *composition_container(struct composition *composition, const char *service);

/* kill -9 of the first process of one container of the service, as a crash; not `docker kill`. */
void composition_crash(struct composition *composition, const char *service);

#endif
