/* SPDX-License-Identifier: MIT */
#include "api-service/commands/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api-service/commands/database_command.h"
#include "common/program/startup.h"
#include "common/store/schema/schema.h"

enum { TIME_SIZE = 32 };

const struct command_option migrate_options[] = {
    {.name = "--status",
     .summary = "prints the versions and the steps only; exit code 0 if none is missing"},
    {.name = "--dry-run", .summary = "only prints the SQL of the steps that are missing"},
    {.name = NULL},
};

/* What a database has, the newest step first. */
struct versions {
    struct store_version list[SCHEMA_VERSIONS_MAX];
    size_t count;
};

static int reached(const struct versions *versions)
{
    return versions->count > 0 ? versions->list[0].version : 0;
}

static const struct store_version *find(const struct versions *versions, int version)
{
    for (size_t i = 0; i < versions->count; i++) {
        if (versions->list[i].version == version) {
            return &versions->list[i];
        }
    }
    return NULL;
}

/* An SQLite file that is not there yet is an empty database. */
static enum status read_versions(struct store *store, struct versions *versions)
{
    enum status status =
        store_versions(store, versions->list, SCHEMA_VERSIONS_MAX, &versions->count);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void print_applied(int version, const char *name, int64_t applied_at_s)
{
    char text[TIME_SIZE];
    struct tm parts;
    time_t seconds = (time_t)applied_at_s;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%8d  %-24s applied %s\n", version, name, text);
}

static int print_status(const struct config *config, const struct versions *versions, int program)
{
    size_t count;
    const struct schema_step *steps = schema_steps(config->database.kind, &count);
    printf("database: version %d\nprogram:  version %d\n", reached(versions), program);
    for (size_t i = 0; i < count; i++) {
        const struct store_version *version = find(versions, steps[i].version);
        if (version != NULL) {
            print_applied(version->version, steps[i].name, version->applied_at_s);
        } else {
            printf("%8d  %-24s pending\n", steps[i].version, steps[i].name);
        }
    }
    for (size_t i = versions->count; i > 0; i--) {
        if (versions->list[i - 1].version > program) {
            print_applied(versions->list[i - 1].version, "of a newer program",
                          versions->list[i - 1].applied_at_s);
        }
    }
    return reached(versions) == program ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_missing(const struct config *config, const struct versions *versions, int program)
{
    size_t count;
    const struct schema_step *steps = schema_steps(config->database.kind, &count);
    if (reached(versions) > program) {
        return database_command_too_new("migrate", reached(versions), program);
    }
    if (reached(versions) == program) {
        printf("-- nothing to do: the database has version %d\n", program);
    }
    for (size_t i = 0; i < count; i++) {
        if (steps[i].version > reached(versions)) {
            printf("-- step %d: %s\n%s\n", steps[i].version, steps[i].name, steps[i].sql);
        }
    }
    return EXIT_SUCCESS;
}

static int look(const struct config *config,
                int (*print)(const struct config *config, const struct versions *versions,
                             int program))
{
    struct store *store = database_command_open(config);
    struct versions versions;
    int program = store_program_version(store);
    enum status status = read_versions(store, &versions);
    store_destroy(store);
    return status == STATUS_OK ? print(config, &versions, program)
                               : database_command_failed("migrate", config, status);
}

static int migrate(const struct config *config)
{
    int stop_signal;
    size_t count;
    size_t applied = 0;
    const struct schema_step *steps = schema_steps(config->database.kind, &count);
    /* It stores no orders, so REQUIRE_DURABILITY does not matter. */
    struct store *store = startup_open_store(config, DURABILITY_NONE, &stop_signal);
    if (store == NULL) {
        return EXIT_FAILURE; /* the log says why */
    }
    for (size_t i = 0; i < count; i++) {
        if (store_has_applied(store, steps[i].version)) {
            printf("applied step %d: %s\n", steps[i].version, steps[i].name);
            applied++;
        }
    }
    printf("%sthe database has version %d\n", applied == 0 ? "nothing to do: " : "",
           store_program_version(store));
    store_destroy(store);
    return EXIT_SUCCESS;
}

int migrate_run(struct config *config, const struct command_call *call)
{
    bool status = command_line_option(call, "--status") != NULL;
    bool dry_run = command_line_option(call, "--dry-run") != NULL;
    if (status && dry_run) {
        fprintf(stderr, "%s migrate: give --status or --dry-run, not both\n",
                config_program_name(CONFIG_API));
        return EXIT_USAGE;
    }
    if (status) {
        return look(config, print_status);
    }
    return dry_run ? look(config, print_missing) : migrate(config);
}
