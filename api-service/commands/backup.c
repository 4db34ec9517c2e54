/* SPDX-License-Identifier: MIT */
#include "api-service/commands/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api-service/commands/backup_file.h"
#include "api-service/commands/database_command.h"
#include "common/base/clock.h"

enum { PROGRESS_MS = 200 }; /* between two lines */

/* A line on a terminal that is written over and over. */
static bool show_progress(void *context, int64_t done, int64_t expected)
{
    uint64_t *next_ms = context;
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= *next_ms) {
        *next_ms = now_ms + PROGRESS_MS;
        if (done < expected) {
            fprintf(stderr, "\r\033[Kcopying: %" PRId64 " %%", done * 100 / expected);
        } else {
            fputs("\r\033[Kchecking the copy", stderr);
        }
    }
    return true;
}

static enum status copy(struct store *store, struct store_backup *backup)
{
    uint64_t next_ms = clock_monotonic_ms() + PROGRESS_MS;
    const struct store_progress progress = {.go_on = show_progress, .context = &next_ms};
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    backup->progress = on_terminal ? &progress : NULL;
    enum status status = store_backup(store, backup);
    backup->progress = NULL;
    if (on_terminal) {
        fputs("\r\033[K", stderr);
    }
    return status;
}

static int back_up(struct store *store, struct backup_file *file)
{
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t size;
    struct store_backup backup = {.path = file->part};
    enum status status = copy(store, &backup);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s backup: %s: %s: %s\n", config_program_name(CONFIG_API), file->path,
                status == STATUS_INVALID ? "the copy is damaged, so the database is"
                                         : "the copy failed",
                backup.reason);
        return EXIT_FAILURE;
    }
    if (!backup_file_publish(file, &size)) {
        return EXIT_FAILURE;
    }
    printf("%s: %" PRId64 " orders, %" PRIu64 " bytes in %.1f s\n", file->path, backup.orders, size,
           (double)(clock_monotonic_ms() - start_ms) / 1000);
    return EXIT_SUCCESS;
}

/* A backup is made before a migration too, so its version does not matter, but there must be one.
 */
static bool has_orders(const struct config *config, struct store *store)
{
    struct store_version reached;
    size_t count;
    enum status status = store_versions(store, &reached, 1, &count);
    if (status != STATUS_OK) {
        database_command_failed("backup", config, status);
        return false;
    }
    if (count == 0) {
        fprintf(stderr, "%s backup: %s: %s is no database of orders\n",
                config_program_name(CONFIG_API), config->database_origin.variable,
                config->database.path);
    }
    return count > 0;
}

/* Another program's database has the same first bytes. An empty file, as mktemp makes it, may be
 * replaced too. */
static bool may_be_replaced(const struct store *store, const char *path)
{
    struct stat there;
    if (stat(path, &there) != 0 || there.st_size == 0 || store_is_backup(store, path)) {
        return true;
    }
    fprintf(stderr,
            "%s backup: %s: is there and is no database of orders that can be read, so no earlier "
            "backup; remove it or choose another name\n",
            config_program_name(CONFIG_API), path);
    return false;
}

/* Servers have programs of their own for that, and only those can do it well. */
static int refuse_server(const struct config *config)
{
    bool mysql = config->database.kind == DATABASE_MYSQL;
    fprintf(stderr, "%s backup: %s: backs up SQLite only; for %s use %s\n",
            config_program_name(CONFIG_API), config->database_origin.variable,
            mysql ? "MySQL and MariaDB" : "PostgreSQL",
            mysql ? "mysqldump or mariadb-dump, with --single-transaction" : "pg_dump");
    return EXIT_USAGE;
}

int backup_run(struct config *config, const struct command_call *call)
{
    const char *path = command_line_operand(call);
    struct backup_file file;
    if (config->database.kind != DATABASE_SQLITE) {
        return refuse_server(config);
    }
    if (!backup_file_may_be(path, config->database.path)) {
        return EXIT_USAGE;
    }
    struct store *store = database_command_open(config);
    int code;
    if (!has_orders(config, store)) {
        code = EXIT_FAILURE;
    } else if (!may_be_replaced(store, path)) {
        code = EXIT_USAGE;
    } else {
        code = backup_file_start(&file, path, config->database.path) ? back_up(store, &file)
                                                                     : EXIT_FAILURE;
        backup_file_finish(&file);
    }
    store_destroy(store);
    return code;
}
