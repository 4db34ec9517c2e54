/* SPDX-License-Identifier: MIT */
/*
 * The file of a backup. Under its own name it is either whole or not there: it is written as
 * FILE.part, and gets its name when it has reached the disk.
 *
 * Blocks for the disk. Threads: one; there is one such file in a process.
 * Owns: FILE.part while it is open, and the descriptors. Errors are lines on standard error.
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
    int folder_fd;       /* of the folder of both; -1: closed */
};

/*
 * Says in a line why `path` must not become a backup of the database `database`: it is the database
 * itself, or no regular file, or a program has it open. Whether what is there is an earlier backup
 * store_is_backup knows.
 */
bool backup_file_may_be(const char *path, const char *database);

/*
 * Makes the part, empty and for its user alone (0600). One that a killed backup of this user has
 * left is taken over; one that is being written, the database itself, a link, or any other file is
 * left as it is. The folder is opened first, so that it can be flushed. From now on SIGTERM, SIGINT
 * and SIGHUP remove it before they end the process. `file` is ready for backup_file_finish,
 * whatever comes of this.
 */
bool backup_file_start(struct backup_file *file, const char *path, const char *database);

/*
 * Flushes the part, gives it its name, and flushes that. `size` becomes its bytes. False: the
 * earlier FILE is there still, or, where only the last flush failed, the new one, and the line says
 * so.
 */
bool backup_file_publish(struct backup_file *file, uint64_t *size);

/* Closes; removes the part unless it was published. */
void backup_file_finish(struct backup_file *file);

#endif
