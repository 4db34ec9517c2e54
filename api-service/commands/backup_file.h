/* SPDX-License-Identifier: MIT */
/*
 * The file of a backup. Under its own name it is either whole or not there: it is written as
 * FILE.part, and gets its name when it has reached the disk.
 *
 * Blocks for the disk. Threads: one; there is one such file in a process.
 * Owns: FILE.part while it is open, and its descriptor. Errors are lines on standard error.
 */
#ifndef API_SERVICE_COMMANDS_BACKUP_FILE_H
#define API_SERVICE_COMMANDS_BACKUP_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct backup_file {
    char path[PATH_MAX];
    char part[PATH_MAX]; /* beside it */
    int fd;              /* of the part; -1: closed */
};

/*
 * Says in a line why `path` must not become a backup of the database `database`: it is the database
 * itself, or is there and no earlier backup, or a program has it open.
 */
bool backup_file_may_be(const char *path, const char *database);

/*
 * Makes the part, empty and for its user alone (0600). One that a killed backup has left is taken
 * over, one that is being written is not. From now on SIGTERM, SIGINT and SIGHUP remove it before
 * they end the process. `file` is ready for backup_file_finish, whatever comes of this.
 */
bool backup_file_start(struct backup_file *file, const char *path);

/* Flushes the part, gives it its name, and flushes that. `size` becomes its bytes. */
bool backup_file_publish(struct backup_file *file, uint64_t *size);

/* Closes; removes the part unless it was published. */
void backup_file_finish(struct backup_file *file);

#endif
