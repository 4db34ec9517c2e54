/* SPDX-License-Identifier: MIT */
#include "api-service/commands/database_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/thread.h"

struct store *database_command_open(const struct config *config)
{
    struct store *store = store_create(&config->database);
    store_open_existing(store);
    thread_unblock_signals();
    return store;
}

int database_command_failed(const char *command, const struct config *config, enum status status)
{
    const char *name = config_program_name(CONFIG_API);
    const char *variable = config->database_origin.variable;
    if (status == STATUS_NOT_FOUND) {
        fprintf(stderr, "%s %s: %s: there is no database at %s\n", name, command, variable,
                config->database.path);
    } else {
        fprintf(stderr, "%s %s: %s: the database cannot be used now: %s\n", name, command, variable,
                status_name(status));
    }
    return EXIT_FAILURE;
}

bool database_command_is_current(const char *command, const struct config *config,
                                 struct store *store)
{
    struct store_version reached = {0};
    size_t count;
    int program = store_program_version(store);
    enum status status = store_versions(store, &reached, 1, &count);
    if (status != STATUS_OK) {
        database_command_failed(command, config, status);
        return false;
    }
    if (reached.version > program) {
        database_command_too_new(command, reached.version, program);
        return false;
    }
    if (reached.version < program) {
        fprintf(stderr,
                "%s %s: the database's schema has version %d, this program's has %d; run "
                "order-api migrate\n",
                config_program_name(CONFIG_API), command, reached.version, program);
    }
    return reached.version == program;
}

int database_command_too_new(const char *command, int schema, int program)
{
    fprintf(stderr,
            "%s %s: the database's schema has version %d, this program's has %d; run the newer "
            "program\n",
            config_program_name(CONFIG_API), command, schema, program);
    return EXIT_FAILURE;
}
