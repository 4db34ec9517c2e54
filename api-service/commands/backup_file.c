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

static const char not_a_part[] = "is there and was not left by a backup of this user; remove it or "
                                 "choose another FILE";

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

static bool is_same_file(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
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
    return stat(database, &own) == 0 && is_same_file(&own, &there) ? "is the database itself"
                                                                   : NULL;
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
           is_same_file(&ours, &named);
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

/*
 * A part as a killed backup has left it: empty, or with the first bytes of a database, or with
 * zeros there, because SQLite writes the first page last.
 */
static bool has_head_of_part(int fd)
{
    static const char zeros[sizeof database_head];
    char head[sizeof database_head];
    ssize_t len = pread(fd, head, sizeof head, 0);
    return len == 0 ||
           (len == (ssize_t)sizeof head && (memcmp(head, database_head, sizeof head) == 0 ||
                                            memcmp(head, zeros, sizeof head) == 0));
}

/* NULL: it may be emptied. */
static const char *find_part_fault(const struct backup_file *file, const char *database)
{
    struct stat part, own;
    if (fstat(file->fd, &part) != 0) {
        return strerror(errno);
    }
    if (stat(database, &own) == 0 && is_same_file(&own, &part)) {
        return "is the database itself; choose another FILE";
    }
    if (!S_ISREG(part.st_mode) || part.st_uid != geteuid() || part.st_nlink != 1 ||
        !has_head_of_part(file->fd)) {
        return not_a_part;
    }
    return find_companion_fault(file->part);
}

/* A new one, or the one that is there, if it may be emptied. */
static bool open_part(struct backup_file *file, const char *database)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    file->fd = open(file->part, flags | O_CREAT | O_EXCL, 0600);
    if (file->fd < 0 && errno == EEXIST) {
        file->fd = open(file->part, flags);
    }
    if (file->fd < 0) {
        return fail(file->part, errno == ELOOP ? not_a_part : strerror(errno));
    }
    const char *fault = find_part_fault(file, database);
    return fault == NULL || fail(file->part, fault);
}

/* Before the copy, so that a folder that cannot be flushed is known before FILE is replaced. */
static bool open_folder(struct backup_file *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file->path, '/');
    int len = slash != NULL ? (int)(slash - file->path) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s.", len, file->path);
    file->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->folder_fd >= 0 || fail(folder, strerror(errno));
}

bool backup_file_start(struct backup_file *file, const char *path, const char *database)
{
    file->fd = -1;
    file->folder_fd = -1;
    int len = snprintf(file->part, sizeof file->part, "%s.part", path);
    if (len < 0 || (size_t)len >= sizeof file->part) {
        return fail(path, strerror(ENAMETOOLONG));
    }
    snprintf(file->path, sizeof file->path, "%s", path);
    if (!open_folder(file) || !open_part(file, database) || !lock_part(file)) {
        return false;
    }
    memcpy(unfinished, file->part, sizeof unfinished);
    remove_on_signals();
    return (fchmod(file->fd, 0600) == 0 && ftruncate(file->fd, 0) == 0) ||
           fail(file->part, strerror(errno));
}

/* The name in a folder is flushed with the folder. EINVAL: this file system has no such flush. */
static bool flush_folder(const struct backup_file *file)
{
    if (fsync(file->folder_fd) == 0 || errno == EINVAL) {
        return true;
    }
    fprintf(stderr,
            "%s backup: %s: is the new copy, but its folder could not be flushed: %s; a power cut "
            "may bring the earlier one back\n",
            config_program_name(CONFIG_API), file->path, strerror(errno));
    return false;
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

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void backup_file_finish(struct backup_file *file)
{
    if (unfinished[0] != '\0') {
        unlink(unfinished);
        unfinished[0] = '\0';
    }
    close_if_open(file->fd);
    close_if_open(file->folder_fd);
}
