/* SPDX-License-Identifier: MIT */
#include "common/base/heartbeat.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"

enum { INTERVAL_MS = 1000 };

struct heartbeat {
    char *path;
    uint64_t next_ms; /* no touch before this, clock_monotonic_ms */
    bool failed;      /* and it was said, so that it is one line in the log and not one a second */
};

/* Creates the file or finds it there. False: errno says why. */
static bool make_file(const char *path)
{
    /* O_NONBLOCK: nobody may read from a pipe that stands there. */
    int file =
        open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0644);
    if (file < 0) {
        return false;
    }
    struct stat info;
    int error = fstat(file, &info) == 0 ? 0 : errno;
    close(file);
    if (error == 0 && (!S_ISREG(info.st_mode) || info.st_size != 0)) {
        error = EEXIST;
    }
    errno = error;
    return error == 0;
}

static bool touch(const char *path)
{
    return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno == ENOENT && make_file(path));
}

struct heartbeat *heartbeat_open(const char *path)
{
    assert(path != NULL && *path != '\0');
    if (!make_file(path) || !touch(path)) {
        log_error("HEALTH_FILE: cannot be used; name a file of its own, in a folder that is there",
                  log_str("file", path), log_str("error", strerror(errno)));
        return NULL;
    }
    size_t size = strlen(path) + 1;
    struct heartbeat *heartbeat = memory_allocate(1, sizeof *heartbeat);
    heartbeat->path = memory_allocate(1, size);
    memcpy(heartbeat->path, path, size);
    heartbeat->next_ms = clock_monotonic_ms() + INTERVAL_MS;
    return heartbeat;
}

void heartbeat_beat(struct heartbeat *heartbeat)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (heartbeat == NULL || now_ms < heartbeat->next_ms) {
        return;
    }
    heartbeat->next_ms = now_ms + INTERVAL_MS;
    bool touched = touch(heartbeat->path);
    if (!touched && !heartbeat->failed) {
        log_warn(
            "HEALTH_FILE: cannot be touched; a supervisor that watches it may restart the program",
            log_str("file", heartbeat->path), log_str("error", strerror(errno)));
    }
    heartbeat->failed = !touched;
}

void heartbeat_close(struct heartbeat *heartbeat)
{
    if (heartbeat == NULL) {
        return;
    }
    unlink(heartbeat->path);
    free(heartbeat->path);
    free(heartbeat);
}

enum status heartbeat_age(const char *path, uint64_t *age_ms)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return STATUS_NOT_FOUND;
    }
    int64_t touched_us = (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
    int64_t age_us = clock_wall_us() - touched_us;
    *age_ms = (uint64_t)(age_us < 0 ? -age_us : age_us) / 1000;
    return STATUS_OK;
}
