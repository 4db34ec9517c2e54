/* SPDX-License-Identifier: MIT */
#include "api-service/commands/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/program/config.h"

static const char database_head[] = "SQLite format 3"; /* and a NUL */

/* What SQLite keeps beside a database under these names belongs to it, and would be applied to a
 * backup of that name. */
static const char *const companions[] = {"-wal", "-journal", "-shm"};

enum { COMPANIONS = 3, COMPANIONS_OF_USE = 2 };

/* What a signal has to remove; empty: nothing. */
static char unfinished[PATH_MAX];

static bool fail(const char *path, const char *why)
{
    fprintf(stderr, "%s backup: %s: %s\n", config_program_name(CONFIG_API), path, why);
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* NULL: it may. */
static const char *find_companion_fault(const char *path)
{
    char beside[PATH_MAX + 16];
    for (size_t i = 0; i < COMPANIONS; i++) {
        if (ends_with(path, companions[i])) {
            return "names that end in -wal, -shm and -journal are SQLite's own; choose another one";
        }
    }
    for (size_t i = 0; i < COMPANIONS_OF_USE; i++) {
        snprintf(beside, sizeof beside, "%s%s", path, companions[i]);
        if (access(beside, F_OK) == 0) {
            return "there is a -wal or -journal file beside it: a program has it open, or was "
                   "killed and left it; choose another name";
        }
    }
    return NULL;
}

/* An empty file, as mktemp makes it, may be replaced too. */
static bool is_database(const char *path)
{
    char head[sizeof database_head];
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return len == 0 ||
           (len == (ssize_t)sizeof head && memcmp(head, database_head, sizeof head) == 0);
}

/* NULL: it may. */
static const char *find_fault(const char *path, const char *database)
{
    struct stat there, own;
    if (lstat(path, &there) != 0) {
        return errno == ENOENT ? NULL : strerror(errno);
    }
    if (S_ISDIR(there.st_mode)) {
        return "is a folder; name a file in it";
    }
    if (!S_ISREG(there.st_mode)) {
        return "is not a regular file";
    }
    if (stat(database, &own) == 0 && own.st_dev == there.st_dev && own.st_ino == there.st_ino) {
        return "is the database itself";
    }
    return is_database(path) ? NULL
                             : "is there and is no SQLite database, so no earlier backup; remove "
                               "it or choose another name";
}

bool backup_file_may_be(const char *path, const char *database)
{
    const char *fault = find_fault(path, database);
    if (fault == NULL) {
        fault = find_companion_fault(path);
    }
    return fault == NULL || fail(path, fault);
}

static void remove_and_die(int signal_number)
{
    if (unfinished[0] != '\0') {
        unlink(unfinished);
    }
    raise(signal_number); /* SA_RESETHAND: the default, as soon as this returns */
}

/* One that is ignored stays so, as nohup wants it. */
static void remove_on_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    const struct sigaction dying = {.sa_handler = remove_and_die, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(signals[i], &dying, NULL);
        }
    }
}

/* False: another backup has just given it its name. */
static bool has_its_name(const struct backup_file *file)
{
    struct stat ours, named;
    return fstat(file->fd, &ours) == 0 && lstat(file->part, &named) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* One that a killed backup has left has no lock any more. */
static bool lock_part(const struct backup_file *file)
{
    bool locked = flock(file->fd, LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK) {
        return fail(file->part, strerror(errno));
    }
    return (locked && has_its_name(file)) || fail(file->part, "another backup is writing it");
}

bool backup_file_start(struct backup_file *file, const char *path)
{
    file->fd = -1;
    int len = snprintf(file->part, sizeof file->part, "%s.part", path);
    if (len < 0 || (size_t)len >= sizeof file->part) {
        return fail(path, strerror(ENAMETOOLONG));
    }
    snprintf(file->path, sizeof file->path, "%s", path);
    file->fd = open(file->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0) {
        return fail(file->part, strerror(errno));
    }
    if (!lock_part(file)) {
        return false;
    }
    memcpy(unfinished, file->part, sizeof unfinished);
    remove_on_signals();
    return (ftruncate(file->fd, 0) == 0 && fchmod(file->fd, 0600) == 0) ||
           fail(file->part, strerror(errno));
}

/* The name in a folder is flushed with the folder. */
static bool flush_folder(const struct backup_file *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file->path, '/');
    int len = slash != NULL ? (int)(slash - file->path) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s.", len, file->path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool flushed = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return flushed || fail(folder, strerror(error));
}

bool backup_file_publish(struct backup_file *file, uint64_t *size)
{
    struct stat found;
    if (fsync(file->fd) != 0 || fstat(file->fd, &found) != 0) {
        return fail(file->part, strerror(errno));
    }
    if (rename(file->part, file->path) != 0) {
        return fail(file->path, strerror(errno));
    }
    unfinished[0] = '\0';
    *size = (uint64_t)found.st_size;
    return flush_folder(file);
}

void backup_file_finish(struct backup_file *file)
{
    if (file->fd < 0) {
        return;
    }
    if (unfinished[0] != '\0') {
        unlink(unfinished);
        unfinished[0] = '\0';
    }
    close(file->fd);
}
