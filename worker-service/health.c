/* SPDX-License-Identifier: MIT */
#include "worker-service/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/heartbeat.h"

/*
 * A worker in good order is never silent for longer than a sweep and the second between two beats.
 * One whose database is slow waits up to the connection's timeout for each answer.
 */
enum { SILENCE_MAX_MS = 10 * 1000 };

int health_run(struct config *config, const struct command_call *call)
{
    (void)call;
    const char *name = config_program_name(CONFIG_WORKER);
    const char *path = config->health_file;
    uint64_t age_ms = 0;
    if (path[0] == '\0') {
        fprintf(stderr, "%s: HEALTH_FILE: must be set, here and for the worker\n", name);
        return EXIT_USAGE;
    }
    if (heartbeat_age(path, &age_ms) != STATUS_OK) {
        fprintf(stderr, "%s: %s: %s; no worker works there yet, or it has stopped\n", name, path,
                strerror(errno));
        return EXIT_FAILURE;
    }
    if (age_ms >= SILENCE_MAX_MS) {
        fprintf(stderr,
                "%s: no sign of life for %" PRIu64
                " s: the worker hangs, or its database does not answer, or does not let it change "
                "orders; its log says which\n",
                name, age_ms / 1000);
        return EXIT_FAILURE;
    }
    puts("working");
    return EXIT_SUCCESS;
}
