/* SPDX-License-Identifier: MIT */
#include "common/store/sqlite/sqlite_files.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/memory.h"
#include "common/url/database_url.h"

enum { DATABASE, WAL, SHM, FILES };

struct identity {
    dev_t device;
    ino_t inode; /* 0: there is none */
};

struct sqlite_files {
    struct sqlite_files *next;
    char path[URL_PATH_SIZE]; /* as the URL has it */
    char *name;               /* where it led at first; "" for a database in memory */
    unsigned connections;
    struct identity of[FILES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all that follows */
static struct sqlite_files *first;

static const char *const suffixes[FILES] = {"", "-wal", "-shm"};

/* The database itself by the name of the URL, so that a link that leads elsewhere now shows. */
static struct identity look(const struct sqlite_files *files, int which)
{
    char path[URL_PATH_SIZE + 8];
    struct stat found;
    const char *name = which == DATABASE ? files->path : files->name;
    int len = snprintf(path, sizeof path, "%s%s", name, suffixes[which]);
    if (files->name[0] == '\0' || len < 0 || (size_t)len >= sizeof path ||
        stat(path, &found) != 0) {
        return (struct identity){0};
    }
    return (struct identity){.device = found.st_dev, .inode = found.st_ino};
}

/* What was not there at first may come: a database that keeps no -wal has none. */
static bool is_same(const struct sqlite_files *files, int which)
{
    const struct identity *noted = &files->of[which];
    struct identity now = look(files, which);
    return noted->inode == 0 || (now.inode == noted->inode && now.device == noted->device);
}

static bool is_in_place(const struct sqlite_files *files)
{
    return is_same(files, DATABASE) && is_same(files, WAL) && is_same(files, SHM);
}

static struct sqlite_files *find(const char *path)
{
    struct sqlite_files *files = first;
    while (files != NULL && strcmp(files->path, path) != 0) {
        files = files->next;
    }
    return files;
}

static struct sqlite_files *add(sqlite3 *connection, const char *path)
{
    const char *name = sqlite3_db_filename(connection, "main");
    struct sqlite_files *files = memory_allocate(1, sizeof *files);
    snprintf(files->path, sizeof files->path, "%s", path);
    files->name = strdup(name != NULL ? name : "");
    if (files->name == NULL) {
        free(files);
        return NULL;
    }
    files->of[DATABASE] = look(files, DATABASE);
    files->next = first;
    first = files;
    return files;
}

bool sqlite_files_may_open(const char *path)
{
    pthread_mutex_lock(&lock);
    const struct sqlite_files *files = find(path);
    bool may_open = files == NULL || is_same(files, DATABASE);
    pthread_mutex_unlock(&lock);
    return may_open;
}

struct sqlite_files *sqlite_files_enter(sqlite3 *connection, const char *path)
{
    pthread_mutex_lock(&lock);
    struct sqlite_files *files = find(path);
    if (files == NULL) {
        files = add(connection, path);
    }
    if (files != NULL && files->connections == 0) {
        files->of[WAL] = look(files, WAL);
        files->of[SHM] = look(files, SHM);
    }
    if (files != NULL && is_in_place(files)) {
        files->connections++;
    } else {
        files = NULL;
    }
    pthread_mutex_unlock(&lock);
    return files;
}

void sqlite_files_leave(struct sqlite_files *files)
{
    if (files != NULL) {
        pthread_mutex_lock(&lock);
        files->connections--;
        pthread_mutex_unlock(&lock);
    }
}

bool sqlite_files_are_in_place(struct sqlite_files *files)
{
    pthread_mutex_lock(&lock);
    bool in_place = is_in_place(files);
    pthread_mutex_unlock(&lock);
    return in_place;
}
