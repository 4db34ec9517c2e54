/* SPDX-License-Identifier: MIT */
/*
 * Memory, threads, files and sockets. Calls fail as their manual pages say; where several errors
 * are possible, with the most usual one.
 */
#undef _FILE_OFFSET_BITS /* else open would mean open64, and neither could be defined here */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/torture/interposer.h"

#define INTERPOSE(...) INTERPOSE_WHEN(interposer_fails, __VA_ARGS__)

#define FAIL(error, result)                                                                        \
    errno = error;                                                                                 \
    return result;

/* A transfer that fails also ends the connection, for both sides. */
static int break_socket(int fd, int error)
{
    shutdown(fd, SHUT_RDWR);
    return error;
}

static bool is_socket(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

/* An eventfd does not fail. The log must not fail: the test watches the service by it. */
static bool can_fail(int fd)
{
    struct stat info;
    return fd != STDERR_FILENO && fstat(fd, &info) == 0 &&
           (S_ISSOCK(info.st_mode) || S_ISREG(info.st_mode));
}

static int transfer_error(int fd, int file_error)
{
    return is_socket(fd) ? break_socket(fd, ECONNRESET) : file_error;
}

/* While it looks up the real allocator, dlsym may itself allocate; it can do without. */
INTERPOSE(void *, malloc, (size_t size), (size), FAIL(ENOMEM, NULL))
INTERPOSE(void *, calloc, (size_t count, size_t size), (count, size), FAIL(ENOMEM, NULL))
INTERPOSE(void *, realloc, (void *memory, size_t size), (memory, size), FAIL(ENOMEM, NULL))
INTERPOSE(char *, strdup, (const char *text), (text), FAIL(ENOMEM, NULL))
INTERPOSE(char *, strndup, (const char *text, size_t len), (text, len), FAIL(ENOMEM, NULL))
INTERPOSE(int, posix_memalign, (void **memory, size_t alignment, size_t size),
          (memory, alignment, size), return ENOMEM;)
INTERPOSE(FILE *, open_memstream, (char **text, size_t *len), (text, len), FAIL(ENOMEM, NULL))

INTERPOSE(int, pthread_create,
          (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg),
          (thread, attributes, run, arg), return EAGAIN;)

INTERPOSE(FILE *, fopen, (const char *path, const char *mode), (path, mode), FAIL(EMFILE, NULL))
INTERPOSE(FILE *, fopen64, (const char *path, const char *mode), (path, mode), FAIL(EMFILE, NULL))
INTERPOSE(size_t, fread, (void *to, size_t size, size_t count, FILE *file), (to, size, count, file),
          FAIL(EIO, 0))
INTERPOSE(int, unlink, (const char *path), (path), FAIL(EACCES, -1))
INTERPOSE(int, utimensat, (int folder, const char *path, const struct timespec times[2], int flags),
          (folder, path, times, flags), FAIL(EACCES, -1))
INTERPOSE(int, fsync, (int fd), (fd), FAIL(EIO, -1))
INTERPOSE(int, fdatasync, (int fd), (fd), FAIL(EIO, -1))
INTERPOSE(int, ftruncate64, (int fd, off64_t size), (fd, size), FAIL(EIO, -1))
INTERPOSE(void *, mmap64, (void *at, size_t len, int protection, int flags, int fd, off64_t offset),
          (at, len, protection, flags, fd, offset), FAIL(ENOMEM, MAP_FAILED))
/* SQLite's own comment says that it can do nothing about this failure: it loses its locks. */
INTERPOSE_WHEN(interposer_fails_program, int, fstat64, (int fd, struct stat64 *info), (fd, info),
               FAIL(EIO, -1))
INTERPOSE(ssize_t, pread64, (int fd, void *to, size_t size, off64_t offset), (fd, to, size, offset),
          FAIL(EIO, -1))
INTERPOSE(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t offset),
          (fd, from, size, offset), FAIL(ENOSPC, -1))

INTERPOSE(int, eventfd, (unsigned count, int flags), (count, flags), FAIL(EMFILE, -1))
INTERPOSE(int, epoll_create1, (int flags), (flags), FAIL(EMFILE, -1))
INTERPOSE(int, epoll_wait, (int epoll, struct epoll_event *events, int max, int wait_ms),
          (epoll, events, max, wait_ms), FAIL(EINTR, -1))
INTERPOSE(int, poll, (struct pollfd * fds, nfds_t count, int wait_ms), (fds, count, wait_ms),
          FAIL(ENOMEM, -1))
INTERPOSE(int, socket, (int domain, int type, int protocol), (domain, type, protocol),
          FAIL(EMFILE, -1))
INTERPOSE(int, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t len), (fd, address, len),
          FAIL(ECONNREFUSED, -1))
INTERPOSE(int, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t len), (fd, address, len),
          FAIL(EADDRINUSE, -1))
INTERPOSE(int, listen, (int fd, int backlog), (fd, backlog), FAIL(EADDRINUSE, -1))
INTERPOSE(int, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *len, int flags),
          (fd, address, len, flags), FAIL(EMFILE, -1))
INTERPOSE(int, getsockname, (int fd, __SOCKADDR_ARG address, socklen_t *len), (fd, address, len),
          FAIL(ENOBUFS, -1))
INTERPOSE(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
          (fd, level, name, value, len), FAIL(ENOBUFS, -1))
INTERPOSE(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
          (fd, level, name, value, len), FAIL(ENOBUFS, -1))
INTERPOSE(int, getaddrinfo,
          (const char *node, const char *service, const struct addrinfo *hints,
           struct addrinfo **found),
          (node, service, hints, found), return EAI_MEMORY;)
INTERPOSE(int, getnameinfo,
          (const struct sockaddr *address, socklen_t len, char *host, socklen_t host_len,
           char *service, socklen_t service_len, int flags),
          (address, len, host, host_len, service, service_len, flags), return EAI_MEMORY;)

INTERPOSE(ssize_t, send, (int fd, const void *from, size_t size, int flags),
          (fd, from, size, flags), FAIL(break_socket(fd, EPIPE), -1))
INTERPOSE(ssize_t, sendto,
          (int fd, const void *from, size_t size, int flags, __CONST_SOCKADDR_ARG address,
           socklen_t len),
          (fd, from, size, flags, address, len), FAIL(break_socket(fd, EPIPE), -1))
INTERPOSE(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags),
          FAIL(break_socket(fd, EPIPE), -1))
INTERPOSE(ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count),
          FAIL(transfer_error(fd, ENOSPC), -1))
INTERPOSE(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags),
          FAIL(break_socket(fd, ECONNRESET), -1))
INTERPOSE(ssize_t, recvfrom,
          (int fd, void *to, size_t size, int flags, __SOCKADDR_ARG address, socklen_t *len),
          (fd, to, size, flags, address, len), FAIL(break_socket(fd, ECONNRESET), -1))
INTERPOSE(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags),
          FAIL(break_socket(fd, ECONNRESET), -1))

INTERPOSE(int, sigwaitinfo, (const sigset_t *set, siginfo_t *info), (set, info), FAIL(EINTR, -1))
INTERPOSE(int, sigtimedwait, (const sigset_t *set, siginfo_t *info, const struct timespec *wait),
          (set, info, wait), FAIL(EINTR, -1))

/* Written by hand, because it depends on the arguments whether these can fail: */
ssize_t read(int fd, void *to, size_t size)
{
    static ssize_t (*real)(int, void *, size_t);
    if (real == NULL) {
        *(void **)&real = interposer_find("read");
    }
    if (can_fail(fd) && interposer_fails("read", __builtin_return_address(0))) {
        FAIL(transfer_error(fd, EIO), -1)
    }
    return real(fd, to, size);
}

ssize_t write(int fd, const void *from, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL) {
        *(void **)&real = interposer_find("write");
    }
    if (can_fail(fd) && interposer_fails("write", __builtin_return_address(0))) {
        FAIL(transfer_error(fd, ENOSPC), -1)
    }
    return real(fd, from, size);
}

/* Only adding a descriptor needs memory. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);
    if (real == NULL) {
        *(void **)&real = interposer_find("epoll_ctl");
    }
    if (operation == EPOLL_CTL_ADD && interposer_fails("epoll_ctl", __builtin_return_address(0))) {
        FAIL(ENOMEM, -1)
    }
    return real(epoll, operation, fd, event);
}

/* Releasing a lock does not fail. */
static bool is_unlock(int command, const void *argument)
{
    return command == F_SETLK && ((const struct flock *)argument)->l_type == F_UNLCK;
}

/* Functions with an optional last argument. */
static int open_with(const char *name, const void *return_address, const char *path, int flags,
                     mode_t mode)
{
    int (*real)(const char *, int, ...);
    if (interposer_fails(name, return_address)) {
        FAIL(EMFILE, -1)
    }
    *(void **)&real = interposer_find(name);
    return real(path, flags, mode);
}

#define INTERPOSE_OPEN(name)                                                                       \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;             \
        va_end(rest);                                                                              \
        return open_with(#name, __builtin_return_address(0), path, flags, mode);                   \
    }

INTERPOSE_OPEN(open)
INTERPOSE_OPEN(open64)

#define INTERPOSE_FCNTL(name)                                                                      \
    int name(int fd, int command, ...)                                                             \
    {                                                                                              \
        static int (*real)(int, int, ...);                                                         \
        va_list rest;                                                                              \
        va_start(rest, command);                                                                   \
        void *argument = va_arg(rest, void *);                                                     \
        va_end(rest);                                                                              \
        if (real == NULL) {                                                                        \
            *(void **)&real = interposer_find(#name);                                              \
        }                                                                                          \
        if (!is_unlock(command, argument) &&                                                       \
            interposer_fails(#name, __builtin_return_address(0))) {                                \
            FAIL(command == F_SETLK ? ENOLCK : EINVAL, -1)                                         \
        }                                                                                          \
        return real(fd, command, argument);                                                        \
    }

INTERPOSE_FCNTL(fcntl)
INTERPOSE_FCNTL(fcntl64)
