/* SPDX-License-Identifier: MIT */
#include "common/base/log_output.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static enum { LOOK_FIRST, NEVER_WAITS, SOCKET } kind = LOOK_FIRST;
static int output = STDERR_FILENO;

/*
 * To make the descriptor itself non-blocking would make it so for everybody who shares it: a shell,
 * the other programs of a pipeline. A pipe or a terminal is opened once more instead; a file's
 * writers must share one position, and a socket cannot be opened. Nor can the pipe of a container
 * whose user is not root.
 */
void log_output_open(void)
{
    struct stat info;
    if (fstat(STDERR_FILENO, &info) != 0) {
        return;
    }
    if (S_ISSOCK(info.st_mode)) {
        kind = SOCKET;
    } else if (S_ISREG(info.st_mode)) {
        kind = NEVER_WAITS;
    } else if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
        int again = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (again >= 0) {
            output = again;
            kind = NEVER_WAITS;
        }
    }
}

/* A terminal may take the beginning of a line; the next one then starts anew. */
static bool write_whole(const char *line, size_t len)
{
    static atomic_bool is_cut;
    if (atomic_exchange(&is_cut, false) && write(output, "\n", 1) != 1) {
        atomic_store(&is_cut, true);
        return false;
    }
    ssize_t written = write(output, line, len);
    if (written > 0 && (size_t)written < len) {
        atomic_store(&is_cut, true);
    }
    return written >= 0 && (size_t)written == len;
}

/* A pipe that has room has it for a whole line, as long as no other thread takes it. */
static bool look_and_write(const char *line, size_t len)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    struct pollfd room = {.fd = output, .events = POLLOUT};
    pthread_mutex_lock(&turn);
    bool written = poll(&room, 1, 0) == 1 && write_whole(line, len);
    pthread_mutex_unlock(&turn);
    return written;
}

bool log_output_write(const char *line, size_t len)
{
    if (kind == SOCKET) {
        return send(output, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    }
    return kind == LOOK_FIRST ? look_and_write(line, len) : write_whole(line, len);
}
