/* SPDX-License-Identifier: MIT */
#include "api-service/commands/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api-service/commands/database_command.h"
#include "api-service/routes/verify_text.h"
#include "common/base/clock.h"

enum {
    PROGRESS_MS = 200, /* between two lines */
    REPAIR_TRIES = 10, /* each may lose against a concurrent transaction */
};

const struct command_option verify_options[] = {
    {.name = "--repair",
     .summary = "repairs the counters if they have drifted, and verifies again"},
    {.name = NULL},
};

/* A line on a terminal that is written over and over. */
static bool show_progress(void *context, int64_t rows, int64_t rows_expected)
{
    uint64_t *next_ms = context;
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= *next_ms) {
        *next_ms = now_ms + PROGRESS_MS;
        fprintf(stderr, "\rrecounting: %" PRId64 " of about %" PRId64 " orders", rows,
                rows_expected);
    }
    return true;
}

static enum status recount(struct store *store, struct store_verification *found)
{
    uint64_t next_ms = clock_monotonic_ms() + PROGRESS_MS;
    const struct store_progress progress = {.go_on = show_progress, .context = &next_ms};
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    enum status status = store_verify(store, on_terminal ? &progress : NULL, found);
    if (on_terminal) {
        fputs("\r\033[K", stderr);
    }
    if (status == STATUS_OK) {
        verify_text_print(stdout, found);
    }
    return status;
}

static enum status repair_counters(struct store *store, const struct store_verification *found)
{
    enum status status = STATUS_CONFLICT;
    for (int i = 0; i < REPAIR_TRIES && status == STATUS_CONFLICT; i++) {
        status = store_repair(store, found);
    }
    if (status == STATUS_OK) {
        fputs("repaired: ", stdout);
        verify_text_print_repaired(stdout, found);
        fputs("\n\n", stdout);
    } else if (status == STATUS_NOT_FOUND) {
        puts("repaired by somebody else meanwhile\n");
        status = STATUS_OK;
    }
    return status;
}

/* The last line, and the exit code. */
static int judge(const struct store_verification *found)
{
    bool drift = store_has_drift(found);
    bool flawed = store_flaw_count(found) > 0;
    if (drift) {
        puts("the counters have drifted; order-api verify --repair repairs them");
    } else {
        puts("the counters are right");
    }
    return drift || flawed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int verify(struct config *config, struct store *store, bool repair)
{
    struct store_verification found;
    enum status status = recount(store, &found);
    if (status == STATUS_OK && repair && store_has_drift(&found)) {
        status = repair_counters(store, &found);
        if (status == STATUS_OK) {
            status = recount(store, &found);
        }
    }
    return status == STATUS_OK ? judge(&found) : database_command_failed("verify", config, status);
}

int verify_run(struct config *config, const struct command_call *call)
{
    struct store *store = database_command_open(config);
    int code = database_command_is_current("verify", config, store)
                   ? verify(config, store, command_line_option(call, "--repair") != NULL)
                   : EXIT_FAILURE;
    store_destroy(store);
    return code;
}
