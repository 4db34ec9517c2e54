/* SPDX-License-Identifier: MIT */
/*
 * Whether a connection still writes where its name leads. A file that is renamed, removed or
 * replaced goes on being written under no name, and all that was acknowledged is gone with the
 * process; so it is for the -wal and the -shm file beside it.
 *
 * Blocks for a look at the file system. Owns nothing. Not for a database in memory, which has no
 * files.
 */
#ifndef COMMON_STORE_SQLITE_SQLITE_FILES_H
#define COMMON_STORE_SQLITE_SQLITE_FILES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

enum { SQLITE_FILES = 3 };

/* What was there when the connection was made: the database, its -wal, its -shm. */
struct sqlite_files {
    struct {
        dev_t device;
        ino_t inode; /* 0: there was none */
    } of[SQLITE_FILES];
};

/* For a connection that has read something since it was opened. */
void sqlite_files_note(sqlite3 *connection, struct sqlite_files *files);

/* False: one of them is not there any more, or is another file. */
bool sqlite_files_are_in_place(sqlite3 *connection, const struct sqlite_files *files);

#endif
