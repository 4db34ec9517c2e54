/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/url/database_url.h"

static const char *const suffixes[SQLITE_FILES] = {"", "-wal", "-shm"};

/* False: there is no such file. */
static bool look(const char *database, const char *suffix, struct stat *found)
{
    char path[URL_PATH_SIZE + 8];
    int len = snprintf(path, sizeof path, "%s%s", database, suffix);
    return len > 0 && (size_t)len < sizeof path && stat(path, found) == 0;
}

/* NULL: the database has no file. */
static const char *name_of(sqlite3 *connection)
{
    const char *name = sqlite3_db_filename(connection, "main");
    return name != NULL && name[0] != '\0' ? name : NULL;
}

void sqlite_files_note(sqlite3 *connection, struct sqlite_files *files)
{
    const char *name = name_of(connection);
    memset(files, 0, sizeof *files);
    for (int i = 0; name != NULL && i < SQLITE_FILES; i++) {
        struct stat found;
        if (look(name, suffixes[i], &found)) {
            files->of[i].device = found.st_dev;
            files->of[i].inode = found.st_ino;
        }
    }
}

bool sqlite_files_are_in_place(sqlite3 *connection, const struct sqlite_files *files)
{
    const char *name = name_of(connection);
    int has_moved = 0;
    /* The library knows what it has opened, also when that was replaced before it was noted. */
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK &&
        has_moved != 0) {
        return false;
    }
    for (int i = 0; name != NULL && i < SQLITE_FILES; i++) {
        struct stat found;
        if (files->of[i].inode != 0 &&
            (!look(name, suffixes[i], &found) || found.st_ino != files->of[i].inode ||
             found.st_dev != files->of[i].device)) {
            return false;
        }
    }
    return true;
}
