/* SPDX-License-Identifier: MIT */
/*
 * Whether the connections of this process write where the database's name leads. A file that is
 * renamed, removed or replaced goes on being written under no name, and all that was acknowledged
 * is gone with the process; so it is for the -wal and the -shm file beside it.
 *
 * The database of a process is the file it has opened first: another one in its place, with the
 * -wal of the old one, would be a mixture of both. Which -wal and -shm belong to it is known as
 * long as the process has a connection; the last connection may remove them, and the first makes
 * new ones.
 *
 * Blocks for a look at the file system. Any thread. Owns one small record for each name, for the
 * life of the process.
 */
#ifndef COMMON_STORE_SQLITE_SQLITE_FILES_H
#define COMMON_STORE_SQLITE_SQLITE_FILES_H

#include <sqlite3.h>
#include <stdbool.h>

struct sqlite_files;

/*
 * Before a connection is made by `path`. False: another file is in the place of the one that this
 * process has opened first. Only to read it would apply the -wal of the old one to it.
 */
bool sqlite_files_may_open(const char *path);

/*
 * Counts a connection that has read something since it was opened by `path`, which may be a link.
 * NULL: its files are not those of the process's other connections, or of the first one.
 */
struct sqlite_files *sqlite_files_enter(sqlite3 *connection, const char *path);

/* Before it is closed. Takes NULL. */
void sqlite_files_leave(struct sqlite_files *files);

/* False: one of them is not there any more, or is another file. */
bool sqlite_files_are_in_place(struct sqlite_files *files);

#endif
