/* SPDX-License-Identifier: MIT */
#include "common/program/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log_output.h"
#include "common/base/thread.h"

enum { MINE_ALONE = 077 };

/* open takes the lowest number that is free. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd &&
            open("/", O_RDONLY) != fd) { /* where nothing can be written either */
            _exit(EXIT_FAILURE);
        }
    }
}

void inherited_repair(void)
{
    fill_standard_descriptors();
    log_output_open();
    umask(MINE_ALONE);
    thread_prepare_signals();
}
